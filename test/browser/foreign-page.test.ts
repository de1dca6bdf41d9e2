/** The SDK in a page of another origin that the server was told of, in a real Chromium. */
import { readFile } from 'node:fs/promises';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import type { Browser } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { packageRoot } from '../../src/jobs/package-root.js';
import { startServer, type TestServer } from '../server/harness.js';
import { hasBrowser, launch } from './harness.js';

const TOKEN = 'a-token-of-many-letters';

/** A web server of somebody else: an empty page, and the modules of the SDK. */
async function otherServer(): Promise<{ server: Server; origin: string }> {
  const server = createServer((request, response) => {
    const path = request.url ?? '/';
    if (path === '/') {
      response.setHeader('Content-Type', 'text/html').end('<!doctype html><title>Another page</title>');
      return;
    }
    readFile(join(packageRoot, 'dist', path)).then(
      (code) => response.setHeader('Content-Type', 'text/javascript').end(code),
      () => response.writeHead(404).end(),
    );
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return { server, origin: `http://127.0.0.1:${(server.address() as AddressInfo).port}` };
}

describe.skipIf(!hasBrowser)('a page of another origin', () => {
  let browser: Browser;
  let listed: Awaited<ReturnType<typeof otherServer>>;
  let unlisted: Awaited<ReturnType<typeof otherServer>>;
  let t: TestServer;

  beforeAll(async () => {
    [browser, listed, unlisted] = await Promise.all([launch(), otherServer(), otherServer()]);
    t = await startServer({ config: { allowedOrigins: [listed.origin], token: TOKEN } });
  });

  afterAll(async () => {
    await browser?.close();
    await t?.stop();
    for (const other of [listed, unlisted]) other?.server.close();
  });

  /** Runs the body of an async function with a client in a page of that origin. */
  async function inPage(origin: string, body: string): Promise<any> {
    const page = await browser.newPage();
    await page.goto(origin);
    try {
      return await page.evaluate(`(async () => {
        const { NeuroreelClient } = await import('/clients/js/index.js');
        const client = new NeuroreelClient({ url: '${t.url}', token: '${TOKEN}' });
        try { ${body} } finally { client.close(); }
      })()`);
    } finally {
      await page.close();
    }
  }

  it('on the list submits a job, watches its frames and fetches a part of its video', async () => {
    const seen = await inPage(
      listed.origin,
      `const request = { kind: 'video', model: 'fixture', unit: 'steady', frames: 8, iterations: 200 };
       const { id } = await client.jobs.submit(request, { idempotencyKey: 'once' });
       let frames = 0;
       for await (const frame of client.frames(id, { view: 'frame', format: 'png' })) frames++;
       const { state } = await client.wait(id);
       const video = await client.call('GET', '/v1/jobs/' + id + '/artifacts/video.mp4', { headers: { Range: 'bytes=0-9' } });
       const part = [video.status, video.headers.get('content-range'), (await video.arrayBuffer()).byteLength];
       const code = await client.jobs.get('none').catch((error) => error.code);
       return { frames, state, part, code };`,
    );
    expect(seen).toMatchObject({ state: 'succeeded', part: [206, 'bytes 0-9/1000', 10], code: 'JOB_UNKNOWN' });
    expect(seen.frames).toBeGreaterThan(0);
  });

  it('that is not on it reaches nothing', async () => {
    const code = await inPage(unlisted.origin, 'return await client.jobs.list().catch((error) => error.code);');
    expect(code).toBe('SERVER_UNREACHABLE');
  });
});
