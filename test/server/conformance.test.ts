import { execFile, spawnSync } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { connect, type Socket } from 'node:net';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { endless, reaches } from '../jobs/fixtures/fixtures.js';
import { startServer, type TestServer } from './harness.js';

let t: TestServer;

beforeAll(async () => {
  t = await startServer();
  await t.server.jobs.submit('a', endless());
  await reaches(t.server.jobs, 'a', 'running');
});

afterAll(() => t.stop());

const OP = { continuation: 0, text: 1, binary: 2, close: 8, ping: 9, pong: 10 } as const;

interface FrameOptions {
  readonly fin?: boolean;
  readonly rsv?: number;
  readonly masked?: boolean;
  /** Says so, whatever the payload has. */
  readonly length?: number;
}

/** A frame as RFC 6455 lays it out. */
function frame(opcode: number, payload: Buffer | string, options: FrameOptions = {}): Buffer {
  const { fin = true, rsv = 0, masked = true } = options;
  const bytes = Buffer.from(payload);
  const length = options.length ?? bytes.byteLength;
  const first = (fin ? 0x80 : 0) | (rsv << 4) | opcode;
  const mask = masked ? 0x80 : 0;
  const head =
    length < 126
      ? Buffer.from([first, mask | length])
      : length < 65536
        ? Buffer.from([first, mask | 126, length >> 8, length & 255])
        : Buffer.concat([
            Buffer.from([first, mask | 127, 0, 0, 0, 0]),
            Buffer.from(Uint32Array.of(length).buffer).reverse(),
          ]);
  if (!masked) return Buffer.concat([head, bytes]);
  const key = randomBytes(4);
  return Buffer.concat([head, key, bytes.map((byte, i) => byte ^ key[i % 4]!)]);
}

/** A WebSocket on a bare socket: what it says is bytes, what it hears is frames. */
class RawPeer {
  readonly texts: string[] = [];
  readonly pongs: string[] = [];
  closeCode: number | null = null;
  /** Resolves when the server has closed the connection. */
  readonly ended: Promise<void>;
  #data = Buffer.alloc(0);

  private constructor(readonly socket: Socket) {
    this.ended = new Promise((resolve) => socket.on('close', () => resolve()));
    socket.on('error', () => undefined);
  }

  static open(port: number): Promise<RawPeer> {
    return new Promise((resolve) => {
      const socket = connect(port, '127.0.0.1', () =>
        socket.write(
          `GET /v1/stream HTTP/1.1\r\nHost: 127.0.0.1:${port}\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n` +
            'Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\nSec-WebSocket-Protocol: neuroreel.v1\r\n\r\n',
        ),
      );
      const peer = new RawPeer(socket);
      let upgraded = false;
      socket.on('data', (part) => {
        peer.#data = Buffer.concat([peer.#data, part]);
        if (!upgraded) {
          const end = peer.#data.indexOf('\r\n\r\n');
          if (end < 0) return;
          expect(peer.#data.toString('latin1')).toMatch(/^HTTP\/1\.1 101 /);
          peer.#data = peer.#data.subarray(end + 4);
          upgraded = true;
          resolve(peer);
        }
        peer.#read();
      });
    });
  }

  send(...parts: Buffer[]): void {
    this.socket.write(Buffer.concat(parts));
  }

  #read(): void {
    while (this.#data.length >= 2) {
      const opcode = this.#data[0]! & 15;
      let length = this.#data[1]! & 127;
      let at = 2;
      if (length === 126) [length, at] = [this.#data.length < 4 ? Infinity : this.#data.readUInt16BE(2), 4];
      else if (length === 127)
        [length, at] = [this.#data.length < 10 ? Infinity : Number(this.#data.readBigUInt64BE(2)), 10];
      if (this.#data.length < at + length) return;
      const payload = this.#data.subarray(at, at + length);
      this.#data = this.#data.subarray(at + length);
      if (opcode === OP.text) this.texts.push(payload.toString());
      if (opcode === OP.pong) this.pongs.push(payload.toString());
      if (opcode === OP.close) this.closeCode = payload.length >= 2 ? payload.readUInt16BE(0) : 1005;
    }
  }
}

const unknownJob = (re: number): string => JSON.stringify({ type: 'subscribe', job: 'none', re });
const answered = (peer: RawPeer, re: number): Promise<void> =>
  expect.poll(() => peer.texts.some((text) => text.includes(`"re":${re}`))).toBe(true);

describe('a peer on a bare socket', () => {
  it('may send a message in fragments, byte by byte, with pings in between', async () => {
    const peer = await RawPeer.open(t.port);
    const bytes = Buffer.from(unknownJob(1));
    for (const [i, byte] of bytes.entries()) {
      peer.send(frame(i === 0 ? OP.text : OP.continuation, Buffer.from([byte]), { fin: i === bytes.length - 1 }));
      if (i === 5) peer.send(frame(OP.ping, 'still here'));
    }
    await answered(peer, 1);
    expect(peer.pongs).toEqual(['still here']);
    // A character of several bytes may be cut in two.
    const word = Buffer.from('{"type":"é');
    peer.send(frame(OP.text, word.subarray(0, word.length - 1), { fin: false }));
    peer.send(frame(OP.continuation, Buffer.concat([word.subarray(word.length - 1), Buffer.from('"}')])));
    await expect.poll(() => peer.texts.some((text) => text.includes('MESSAGE_INVALID'))).toBe(true);
    peer.socket.destroy();
  });

  it('gets the answers to messages of one packet, in order', async () => {
    const peer = await RawPeer.open(t.port);
    peer.send(...Array.from({ length: 50 }, (_, i) => frame(OP.text, unknownJob(i))));
    await answered(peer, 49);
    const numbers = peer.texts.flatMap((text) => /"re":(\d+)/.exec(text)?.[1] ?? []).map(Number);
    expect(numbers).toEqual(Array.from({ length: 50 }, (_, i) => i));
    peer.socket.destroy();
  });

  it.each([
    ['an unmasked frame', [frame(OP.text, unknownJob(1), { masked: false })], 1002],
    ['a reserved bit', [frame(OP.text, unknownJob(1), { rsv: 4 })], 1002],
    ['another reserved bit', [frame(OP.text, unknownJob(1), { rsv: 1 })], 1002],
    ['an opcode that is none', [frame(3, 'x')], 1002],
    ['a control opcode that is none', [frame(11, 'x')], 1002],
    ['a continuation of nothing', [frame(OP.continuation, 'x')], 1002],
    ['a message within a message', [frame(OP.text, 'a', { fin: false }), frame(OP.text, 'b')], 1002],
    ['a ping in fragments', [frame(OP.ping, 'x', { fin: false })], 1002],
    ['a ping that is too long', [frame(OP.ping, 'x'.repeat(126))], 1002],
    ['text that is no UTF-8', [frame(OP.text, Buffer.from([0x7b, 0xc3, 0x28]))], 1007],
    ['text that ends within a character', [frame(OP.text, Buffer.from([0xe2, 0x82]))], 1007],
    ['a surrogate in UTF-8', [frame(OP.text, Buffer.from([0xed, 0xa0, 0x80]))], 1007],
    ['an oversized message', [frame(OP.text, Buffer.alloc(64 * 1024 + 1, 'x'))], 1009],
    ['one that only says that it is', [frame(OP.text, '', { length: 0x7fffffff })], 1009],
    [
      'an oversized message in fragments',
      [
        frame(OP.text, Buffer.alloc(40_000, 'x'), { fin: false }),
        frame(OP.continuation, Buffer.alloc(40_000, 'x'), { fin: false }),
      ],
      1009,
    ],
    ['a close code that is none', [frame(OP.close, Buffer.from([0x03, 0xed]))], 1002],
    ['a close of one byte', [frame(OP.close, Buffer.from([3]))], 1002],
    ['a proper close', [frame(OP.close, Buffer.from([0x03, 0xe8]))], 1000],
  ] as const)('that sends %s is closed with the code for it', async (_, frames, expected) => {
    const peer = await RawPeer.open(t.port);
    peer.send(...frames);
    await expect.poll(() => peer.closeCode).toBe(expected);
    peer.socket.end();
    await peer.ended;
    expect((await t.call('GET', '/healthz')).status).toBe(200);
  });

  it('that goes away in the middle of a frame does no harm', async () => {
    const peer = await RawPeer.open(t.port);
    peer.send(frame(OP.text, 'half', { length: 1000 }));
    peer.socket.destroy();
    await expect.poll(async () => (await t.call('GET', '/healthz')).body.viewers).toBe(0);
  });
});

const PYTHON = '/usr/bin/python3';
const hasPython = spawnSync(PYTHON, ['-c', 'import websockets']).status === 0;

describe('a client in Python', () => {
  it.skipIf(!hasPython)(`watches and cancels a job${hasPython ? '' : ' (no python3-websockets here)'}`, async () => {
    const own = await startServer();
    await own.server.jobs.submit('b', endless());
    const program = fileURLToPath(new URL('./fixtures/viewer.py', import.meta.url));
    const url = `${own.url.replace('http', 'ws')}/v1/stream`;
    const { stdout } = await promisify(execFile)(PYTHON, [program, url, 'b'], { timeout: 30_000 });
    expect(
      stdout
        .trim()
        .split('\n')
        .map((line) => JSON.parse(line)),
    ).toEqual([
      { type: 'subprotocol', name: 'neuroreel.v1' },
      { type: 'hello', re: null },
      {
        ...{ type: 'frame', version: 1, kind: 1, codec: 1, frame: 3, stream: 1, width: 16, height: 12 },
        ...{ jpeg: 'ffd8', activation: true },
      },
      { type: 'done', re: 5 },
      { type: 'ended', re: null },
    ]);
    await own.stop();
  });
});
