/**
 * The live page in a real Chromium, at `CHROMIUM_PATH` or where Debian puts it:
 * `npx vitest run --config vitest.browser.config.ts`.
 */
import { existsSync } from 'node:fs';
import { chromium, type Browser, type Page } from 'playwright-core';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import type { JobKinds } from '../../src/jobs/kinds.js';
import type { ModelCatalogue } from '../../src/jobs/model-catalogue.js';
import { createServer, type NeuroreelServer } from '../../src/server/index.js';
import { temporaryFolder } from '../jobs/fixtures/fixtures.js';

const executablePath = process.env['CHROMIUM_PATH'] ?? '/usr/bin/chromium';

const labels = ['wave', 'walk', 'broken'];
const models: ModelCatalogue = {
  list: () => [
    {
      name: 'sketch',
      kind: 'recogniser',
      title: 'A drawing that stands for a recogniser',
      labels,
      input: { width: 64, height: 64 },
      licence: 'MIT',
      default: { unit: 'wave' },
    },
  ],
};

function drawing(settings: { stepMs: number; iterations: number }): JobKinds {
  const module = new URL('./fixtures/drawing-job.mjs', import.meta.url).href;
  return { video: { module, settings, check: () => undefined } };
}

const request = {
  kind: 'video',
  model: 'sketch',
  preset: 'default',
  frames: 40,
  seed: 1,
  fps: 25,
  device: 'auto',
} as const;

describe.skipIf(!existsSync(executablePath))('the live page', () => {
  let browser: Browser;
  let folder: Awaited<ReturnType<typeof temporaryFolder>>;
  let server: NeuroreelServer;
  let page: Page;
  let complaints: string[];

  async function startServer(port = 0, settings = { stepMs: 40, iterations: 40 }, token?: string): Promise<void> {
    const config = { port, dataFolder: folder.path, logLevel: 'silent', token } as const;
    server = await createServer(config, { models, kinds: drawing(settings) });
    await server.listen();
  }

  const text = (selector: string): Promise<string> => page.locator(selector).innerText();
  const state = (expected: string) => expect.poll(() => text('.watch .state'), { timeout: 60_000 }).toBe(expected);
  /** The picture in the canvas, as a text that changes with it. */
  const picture = (): Promise<string> => page.locator('canvas.player').evaluate((canvas: any) => canvas.toDataURL());
  const watching = (id: string): string => `${server.url}#/watch/${id}`;

  beforeAll(async () => {
    browser = await chromium.launch({ executablePath, args: ['--no-sandbox'] });
  });

  afterAll(() => browser?.close());

  beforeEach(async () => {
    folder = await temporaryFolder();
    page = await browser.newPage({ viewport: { width: 1280, height: 860 } });
    complaints = [];
    page.on('pageerror', (error) => complaints.push(error.message));
    page.on('console', (message) => message.type() === 'error' && complaints.push(message.text()));
  });

  afterEach(async () => {
    await page.close();
    await server.close();
    await folder.remove();
  });

  it('starts a job, plays its frames as they evolve, and shows the finished video and its files', async () => {
    await startServer(0, { stepMs: 100, iterations: 80 });
    await page.goto(server.url);
    await expect.poll(() => text('h1')).toBe('Nothing made yet');
    await page.getByRole('link', { name: 'Start a job' }).click();
    await page.getByRole('combobox', { name: 'Unit' }).fill('wal');
    await page.getByRole('option', { name: 'Walk' }).click();
    await page.getByLabel('Seed').fill('7');
    await page.getByRole('button', { name: 'Start', exact: true }).click();
    await state('running');
    expect(new URL(page.url()).hash).toBe(`#/watch/${server.jobs.list()[0]?.id}`);
    expect(server.jobs.list()[0]?.request).toMatchObject({ model: 'sketch', unit: 'walk', seed: 7 });
    const player = page.locator('canvas.player');
    await player.waitFor();
    const first = await picture();
    await expect.poll(picture).not.toBe(first);
    await expect
      .poll(() => page.locator('.chart-box').getAttribute('aria-label'))
      .toMatch(/^Activation per iteration: activation from .* to /);
    await state('finished');
    await expect
      .poll(() => page.locator('.artifacts a').allInnerTexts())
      .toEqual(['Video', 'Contact sheet', 'Plot', 'Report']);
    const video = page.locator('video');
    await expect.poll(() => video.evaluate((element: any) => element.duration), { timeout: 20_000 }).toBeGreaterThan(1);
    await expect.poll(() => page.locator('.chart-box').getAttribute('aria-label')).toContain('real clips 9.5');
    expect(complaints).toEqual([]);
  });

  it('can be held, scrubbed and shown as a sheet; the frame stands still when held', async () => {
    await startServer(0, { stepMs: 30, iterations: 100_000 });
    await server.jobs.submit('a', { ...request, unit: 0 });
    await page.goto(watching('a'));
    await page.locator('canvas.player').waitFor();
    await page.getByRole('button', { name: 'Hold' }).click();
    const scrub = page.getByRole('slider', { name: 'Frame' });
    await scrub.fill('30');
    await expect.poll(() => text('.transport output')).toBe('31 / 40');
    expect(await scrub.getAttribute('aria-valuetext')).toBe('frame 31 of 40');
    await page.getByRole('button', { name: 'All frames' }).click();
    await page.locator('canvas.sheet').waitFor();
    await page.locator('canvas.sheet').click({ position: { x: 5, y: 5 } });
    await expect.poll(() => text('.transport output')).toBe('1 / 40');
    expect(complaints).toEqual([]);
  });

  it('pauses, resumes and cancels a job', async () => {
    await startServer(0, { stepMs: 20, iterations: 100_000 });
    await server.jobs.submit('a', { ...request, unit: 0 });
    await page.goto(server.url);
    await state('running');
    await page.getByRole('button', { name: 'Pause' }).click();
    await state('paused');
    await page.getByRole('button', { name: 'Resume' }).click();
    await state('running');
    await page.getByRole('button', { name: 'Cancel job' }).click();
    await state('cancelled');
    expect(server.jobs.get('a').state).toBe('canceled');
  });

  it('says what is wrong with a job that failed, and with one that is not there', async () => {
    await startServer();
    await server.jobs.submit('bad', { ...request, unit: 2 });
    await page.goto(watching('bad'));
    await state('failed');
    expect(await text('.notice')).toContain('is not the file that its manifest names');
    expect(await text('.notice')).toContain('restore it');
    await page.goto(watching('none'));
    await expect.poll(() => text('.notice')).toContain('no job "none"');
  });

  it('comes back by itself when the server does, and shows the job, which went on', async () => {
    await startServer(0, { stepMs: 20, iterations: 100_000 });
    const port = Number(new URL(server.url).port);
    await server.jobs.submit('a', { ...request, unit: 0 });
    await page.goto(watching('a'));
    await state('running');
    await server.close();
    await expect.poll(() => text('#connection')).toBe('Reconnecting');
    await startServer(port);
    await expect.poll(() => text('#connection'), { timeout: 20_000 }).toBe('Live');
    await state('finished');
    expect(server.jobs.get('a').state).toBe('succeeded');
  });

  it('asks for the token of a server that has one', async () => {
    await startServer(0, { stepMs: 20, iterations: 20 }, 'a-token-of-many-letters');
    await server.jobs.submit('a', { ...request, unit: 0 });
    await page.goto(watching('a'));
    await page.getByRole('textbox', { name: 'Token' }).fill('a-token-of-many-letters');
    await page.getByRole('button', { name: 'Continue' }).click();
    await state('finished');
    await expect.poll(() => page.locator('video').getAttribute('src')).toMatch(/^blob:/);
  });

  it.each([
    [1280, 'light'],
    [375, 'light'],
    [375, 'dark'],
  ] as const)('fits %d pixels (%s), and every control has a name', async (width, colorScheme) => {
    await startServer(0, { stepMs: 30, iterations: 100_000 });
    await server.jobs.submit('a', { ...request, unit: 0 });
    await page.setViewportSize({ width, height: 800 });
    await page.emulateMedia({ colorScheme });
    await page.goto(server.url);
    await page.locator('canvas.player').waitFor();
    for (const view of ['All frames', 'Play']) {
      await page.getByRole('button', { name: view }).click();
      expect(await page.evaluate(() => (globalThis as any).document.documentElement.scrollWidth)).toBe(width);
    }
    const unnamed = await page.evaluate(() =>
      [...(globalThis as any).document.querySelectorAll('button, input, select, a')]
        .filter((e: any) => !(e.ariaLabel || e.textContent.trim() || e.labels?.[0]?.textContent.trim()))
        .map((e: any) => e.outerHTML),
    );
    expect(unnamed).toEqual([]);
    expect(complaints).toEqual([]);
  });
});
