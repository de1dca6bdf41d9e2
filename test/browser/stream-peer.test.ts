/** The stream with Chromium's own WebSocket at the other end, which this project did not write. */
import { existsSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { chromium, type Browser, type Page } from 'playwright-core';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { endless, reaches } from '../jobs/fixtures/fixtures.js';
import { startServer, type TestServer } from '../server/harness.js';

const executablePath = process.env['CHROMIUM_PATH'] ?? '/usr/bin/chromium';

/**
 * Defines `peer(url, protocols)` in the page: a connection with what it received, frames read by the module that the server
 * offers for that.
 */
const PEER = `
  window.peer = async (protocols = ['neuroreel.v1']) => {
    const { decodeFrame } = await import('/protocol/frame-header.js');
    const socket = new WebSocket('ws://' + location.host + '/v1/stream', protocols);
    socket.binaryType = 'arraybuffer';
    const received = [];
    const closed = new Promise((resolve) =>
      socket.addEventListener('close', ({ code, reason, wasClean }) => resolve({ code, reason, wasClean })));
    socket.addEventListener('message', ({ data }) => received.push(
      typeof data === 'string' ? JSON.parse(data) : { type: 'frame', ...decodeFrame(new Uint8Array(data)) }));
    const next = async (type, fits = () => true) => {
      for (let i = 0; ; i++) {
        while (i >= received.length) {
          if (socket.readyState > 1) throw new Error('closed: ' + JSON.stringify(await closed));
          await new Promise((resolve) => setTimeout(resolve, 10));
        }
        if (received[i].type === type && fits(received[i])) return received[i];
      }
    };
    return { socket, received, closed, next, send: (message) => socket.send(JSON.stringify(message)) };
  };
`;

describe.skipIf(!existsSync(executablePath))('Chromium as the peer of the stream', () => {
  let browser: Browser;
  let page: Page;
  let t: TestServer;

  /** Runs the body of an async function in the page, where \`p\` is a connection that is open. */
  const inPage = (body: string): Promise<any> =>
    page.evaluate(`(async () => { const p = await peer(); await p.next('hello'); ${body} })()`);

  beforeAll(async () => {
    browser = await chromium.launch({ executablePath, args: ['--no-sandbox'] });
  });

  afterAll(() => browser?.close());

  beforeEach(async () => {
    t = await startServer({ config: { heartbeatSeconds: 2 } });
    page = await browser.newPage();
    // Any page of the server's own origin that has no connection of its own.
    await page.goto(`${t.url}/openapi.json`);
    await page.evaluate(PEER);
  });

  afterEach(async () => {
    await page.close();
    await t.stop();
  });

  it('agrees on the subprotocol, sees frames, commands the job, and closes cleanly', async () => {
    await t.server.jobs.submit('a', endless());
    await reaches(t.server.jobs, 'a', 'running');
    const seen = await inPage(`
      p.send({ type: 'subscribe', job: 'a', frames: { view: 'frame', index: 3, format: 'png' } });
      const { header, picture } = await p.next('frame');
      const bitmap = await createImageBitmap(new Blob([picture], { type: 'image/png' }));
      p.send({ type: 'cancel', job: 'a', re: 5 });
      const done = await p.next('done');
      const ended = await p.next('ended');
      p.socket.close(1000, 'enough');
      return { header, size: [bitmap.width, bitmap.height], done, ended, closed: await p.closed, protocol: p.socket.protocol };
    `);
    expect(seen).toMatchObject({
      protocol: 'neuroreel.v1',
      header: { kind: 'frame', codec: 'png', frame: 3, width: 16, height: 12 },
      size: [16, 12],
      done: { command: 'cancel', re: 5 },
      ended: { job: 'a', state: 'canceled' },
      closed: { code: 1000, wasClean: true },
    });
  });

  it('answers pings by itself: it is there after many of them', async () => {
    expect(
      await inPage(`
        await new Promise((resolve) => setTimeout(resolve, 9000));
        p.send({ type: 'ping', re: 9 });
        return (await p.next('pong')).re;
      `),
    ).toBe(9);
  });

  it('is told what is wrong with a message, and is closed with 1009 after one that is too large', async () => {
    const seen = await inPage(`
      p.socket.send('{');
      const wrong = await p.next('error');
      p.socket.send(new Uint8Array([1, 2, 3]));
      const binary = await p.next('error', (message) => message !== wrong);
      p.socket.send('x'.repeat(70_000));
      return { wrong: wrong.error.code, binary: binary.error.code, closed: await p.closed };
    `);
    expect(seen).toMatchObject({
      wrong: 'MESSAGE_INVALID',
      binary: 'MESSAGE_INVALID',
      closed: { code: 1009, reason: 'MESSAGE_TOO_LARGE' },
    });
  });

  it('is closed with 1001 when the server stops', async () => {
    const closed = inPage('return p.closed;');
    await expect.poll(() => t.server.jobs.counts && t.call('GET', '/healthz').then(({ body }) => body.viewers)).toBe(1);
    await t.server.close();
    expect(await closed).toMatchObject({ code: 1001, reason: 'SHUTTING_DOWN', wasClean: true });
  });

  it('gets no connection with another subprotocol, nor from a page of another origin', async () => {
    const refusal = `(async () => {
      const p = await peer(['other.v1']);
      return p.closed;
    })()`;
    expect(await page.evaluate(refusal)).toMatchObject({ code: 1006 });
    const other = createServer((_, response) => response.end('another server'));
    await new Promise<void>((resolve) => other.listen(0, '127.0.0.1', resolve));
    const foreign = await browser.newPage();
    await foreign.goto(`http://127.0.0.1:${(other.address() as AddressInfo).port}/`);
    const closed = await foreign.evaluate(
      `new Promise((resolve) => new WebSocket('${t.url.replace('http', 'ws')}/v1/stream', ['neuroreel.v1'])
        .addEventListener('close', ({ code }) => resolve(code)))`,
    );
    expect(closed).toBe(1006);
    await foreign.close();
    other.close();
  });
});
