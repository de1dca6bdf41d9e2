/** What tests of the page have in common: a browser, a server with a folder of its own, and a fresh page for each test. */
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import type { Browser, Locator, Page } from 'playwright-core';
import { afterAll, afterEach, beforeAll, beforeEach } from 'vitest';
import { ModelRegistry } from '../../src/engine/models/registry.js';
import { jobKinds } from '../../src/jobs/kinds.js';
import { createServer, type NeuroreelServer } from '../../src/server/index.js';
import { temporaryFolder } from '../jobs/fixtures/fixtures.js';
import { complaintsOf, launch } from './harness.js';

/** A path in the folder of the tests. */
export type Place = (...parts: string[]) => string;

interface PageFixtureOptions {
  /** Fills the folder before the server starts. */
  readonly fill?: (place: Place) => Promise<void>;
  /** Starts the server; that of the models in `models` and the sets of clips in `sets` when absent. */
  readonly start?: (place: Place, token?: string) => Promise<NeuroreelServer>;
  /** What is to be done with the server before the tests. */
  readonly ready?: (server: NeuroreelServer) => Promise<unknown>;
}

export interface PageFixture {
  readonly server: NeuroreelServer;
  /** A new one in each test. */
  readonly page: Page;
  /** Errors of the page so far; to be emptied where some are expected. */
  complaints: string[];
  readonly place: Place;
  /** Goes to a section, `history?text=a`. */
  show(address: string): Promise<unknown>;
  /** The text of an element. */
  text(selector: string): Promise<string>;
  button(name: string | RegExp, within?: Page | Locator): Locator;
  /** Stops the server, and starts it again where it was. */
  restart(token?: string): Promise<void>;
}

async function startWithModels(place: Place, token?: string): Promise<NeuroreelServer> {
  const models = ModelRegistry.open({ folders: [place('models')] });
  const clipFolders = existsSync(place('sets')) ? [place('sets')] : [];
  const settings = { modelFolders: [place('models')], runtime: 'auto', threads: 1, clipFolders };
  const config = { port: 0, dataFolder: place('data'), logLevel: 'silent', clipFolders, token } as const;
  const server = await createServer(config, { models, kinds: jobKinds(models, settings) });
  await server.listen();
  return server;
}

/** To be called where tests are defined; what it gives is there while they run. */
export function usePage({ fill, start = startWithModels, ready }: PageFixtureOptions): PageFixture {
  let browser: Browser | undefined;
  let folder: Awaited<ReturnType<typeof temporaryFolder>> | undefined;
  let server: NeuroreelServer | undefined;
  let page: Page | undefined;
  const fixture: PageFixture = {
    get server() {
      return server!;
    },
    get page() {
      return page!;
    },
    complaints: [],
    place: (...parts) => join(folder!.path, ...parts),
    show: (address) => page!.goto(`${server!.url}#/${address}`),
    text: (selector) => page!.locator(selector).innerText(),
    button: (name, within = page!) => within.getByRole('button', { name, exact: typeof name === 'string' }),
    async restart(token) {
      await server!.close();
      server = await start(fixture.place, token);
    },
  };

  beforeAll(async () => {
    folder = await temporaryFolder();
    await fill?.(fixture.place);
    [browser, server] = await Promise.all([launch(), start(fixture.place)]);
    await ready?.(server);
  }, 120_000);

  afterAll(async () => {
    await browser?.close();
    await server?.close();
    await folder?.remove();
  });

  beforeEach(async () => {
    page = await browser!.newPage({ viewport: { width: 1280, height: 860 } });
    fixture.complaints = complaintsOf(page);
  });

  afterEach(() => page?.close());

  return fixture;
}
