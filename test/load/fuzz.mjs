// Random and mutated messages to a server, over HTTP and over the stream: every answer has to be one of the catalogue, none
// a 500. The same seed sends the same messages.
import { connect } from 'node:net';
import { WebSocket } from 'ws';
import { Random } from '../../dist/src/engine/random.js';
import { ERRORS, serverMessage } from '../../dist/src/protocol/index.js';

/** A server that answers nothing for so long has failed. */
const PATIENCE_MS = 20_000;

const METHODS = ['GET', 'POST', 'PUT', 'DELETE', 'HEAD', 'PATCH', 'OPTIONS', 'TRACE', 'BREW'];
const PATHS = [
  ...['/v1/jobs', '/v1/jobs/a', '/v1/jobs/b', '/v1/jobs/a/cancel', '/v1/jobs/a/pause', '/v1/jobs/a/resume'],
  ...['/v1/jobs/a/artifacts', '/v1/jobs/a/artifacts/video.mp4', '/v1/models', '/v1/models/fixture', '/v1/clips'],
  ...['/v1/models/x/files/model.json?sha256=', '/v1/models/x/install', '/v1/tickets', '/v1/stream', '/healthz'],
  ...['/v1/jobs/a/retry', '/v1/jobs/a/steer', '/v1/jobs/a/replay.mp4?rate=2', '/v1/jobs?limit=5&state=failed'],
  ...['/readyz', '/metrics', '/openapi.json', '/docs', '/', '/app.js', '/../etc/passwd', '/v1/jobs/%00', '/%', '//'],
];
const HEADERS = [
  ...['Range: bytes=0-10', 'Range: bytes=-', 'Origin: null', 'Origin: http://evil.example', 'Authorization: Bearer x'],
  ...['Content-Type: text/plain', 'Content-Encoding: gzip', 'Transfer-Encoding: chunked', 'Expect: 100-continue'],
  ...[
    'If-None-Match: *',
    'Upgrade: websocket',
    'Connection: upgrade',
    'X: \u00ff',
    'Cookie: a=b',
    'Idempotency-Key: k',
  ],
];
const JOB = { kind: 'video', model: 'fixture', unit: 'steady', frames: 8, seed: 1, iterations: 3 };
const MESSAGES = [
  { type: 'subscribe', job: 'a' },
  { type: 'subscribe', job: 'a', frames: { view: 'sheet', format: 'webp', maxFps: 30, quality: 50, width: 64 } },
  { type: 'subscribe', job: 'b', frames: { view: 'strip', count: 5 }, cursor: 'abc.3', re: 5 },
  { type: 'subscribe', job: 'a', frames: { view: 'frame', index: 3, format: 'raw' }, replay: { rate: 2, loop: true } },
  { type: 'unsubscribe', job: 'a' },
  { type: 'pause', job: 'a', re: 1 },
  { type: 'resume', job: 'a' },
  { type: 'cancel', job: 'none' },
  { type: 'steer', job: 'a', changes: { rate: 0.1, unit: 'steady', penalties: { smooth: 1 } } },
];

/** Choices that depend on the seed alone. */
class Chance {
  #random;

  constructor(seed) {
    this.#random = new Random(seed);
  }

  below(n) {
    return Math.floor(this.#random.uniform() * n);
  }

  often(share) {
    return this.#random.uniform() < share;
  }

  of(list) {
    return list[this.below(list.length)];
  }

  bytes(most) {
    return Buffer.from(Array.from({ length: this.below(most) }, () => this.below(256)));
  }

  /** A value of any kind. */
  value(depth = 0) {
    const kinds = [
      () => null,
      () => this.often(0.5),
      () => this.below(1000) - 500,
      () => this.of([1e308, -1e308, 2 ** 53, 0.1, -0, 1e-300]),
      () => this.bytes(30).toString('utf8'),
      () => this.of(['', '__proto__', 'constructor', '../..', '\u0000', 'a'.repeat(300), '\ud800']),
      ...(depth > 3 ? [] : [
        () => Array.from({ length: this.below(4) }, () => this.value(depth + 1)),
        () => Object.fromEntries(Array.from({ length: this.below(4) }, () => [this.bytes(8).toString('utf8'), this.value(depth + 1)])),
      ]), // prettier-ignore
    ];
    return this.of(kinds)();
  }

  /** A JSON value with some of its parts exchanged, dropped or added. */
  mutated(value) {
    if (this.often(0.1)) return this.value();
    if (Array.isArray(value)) return value.map((part) => this.mutated(part));
    if (typeof value !== 'object' || value === null) return value;
    const entries = Object.entries(value).flatMap(([key, part]) => {
      if (this.often(0.05)) return [];
      return [[this.often(0.03) ? this.bytes(6).toString('utf8') : key, this.mutated(part)]];
    });
    if (this.often(0.1)) entries.push([this.of(['more', '__proto__', 'job', 'type']), this.value()]);
    return Object.fromEntries(entries);
  }

  /** Bytes of which some are exchanged, dropped or repeated. */
  damaged(bytes) {
    const copy = Buffer.from(bytes);
    for (let i = this.below(6); i > 0 && copy.length > 0; i--) copy[this.below(copy.length)] = this.below(256);
    const cut = this.often(0.3) ? this.below(copy.length + 1) : copy.length;
    return this.often(0.1) ? Buffer.concat([copy, this.bytes(50)]) : copy.subarray(0, cut);
  }
}

function httpMessage(chance) {
  const body = chance.often(0.6) ? JSON.stringify(chance.mutated(JOB)) : '';
  const path = chance.of(PATHS) + (chance.often(0.1) ? encodeURIComponent(chance.bytes(10).toString('latin1')) : '');
  const headers = ['Host: 127.0.0.1', 'Connection: close'];
  if (chance.often(0.7)) headers.push('Content-Type: application/json');
  headers.push(`Content-Length: ${Buffer.byteLength(body) + (chance.often(0.05) ? chance.below(9) - 4 : 0)}`);
  while (chance.often(0.3)) headers.push(chance.of(HEADERS));
  const text = `${chance.of(METHODS)} ${path} HTTP/1.1\r\n${headers.join('\r\n')}\r\n\r\n${body}`;
  const bytes = Buffer.from(text, 'latin1');
  return chance.often(0.3) ? chance.damaged(bytes) : bytes;
}

/** Sends bytes and gives the answer as text: what came until the server hung up. */
function exchange(port, bytes) {
  return new Promise((resolve, reject) => {
    const parts = [];
    const socket = connect(port, '127.0.0.1', () => socket.end(bytes));
    const done = () => {
      clearTimeout(timer);
      socket.destroy();
      resolve(Buffer.concat(parts).toString('latin1'));
    };
    const timer = setTimeout(() => reject(new Error('no answer')), PATIENCE_MS);
    socket.on('data', (part) => parts.push(part));
    socket.on('end', done);
    // The server may hang up while the rest of a bad message is on its way.
    socket.on('error', (error) => (error.code === 'ECONNREFUSED' ? reject(error) : done()));
  });
}

/** The problem of an answer, or null; counts it. */
function judgeHttp(answer, answers) {
  // Half a message: the server may hang up without a word.
  const status = Number(/^HTTP\/1\.1 (\d{3}) /.exec(answer)?.[1] ?? 0);
  const code = /"error":\{"code":"(\w+)"/.exec(answer)?.[1];
  const key = code ?? (status === 0 ? 'no answer' : String(status));
  answers[key] = (answers[key] ?? 0) + 1;
  if (status === 0) return answer === '' ? null : `what is no answer: ${answer.slice(0, 100)}`;
  if (status < 400) return null;
  const [head, body] = answer.split('\r\n\r\n');
  // The answer to HEAD has no body, and what a proxy might add has none of ours.
  if (body === '' && /content-type: application\/json/i.test(head) && status < 500) return null;
  if (code === undefined) return `${status} without an error of the catalogue: ${answer.slice(0, 200)}`;
  if (ERRORS[code]?.status !== status) return `${code} with the status ${status}`;
  return status === 500 ? `500: ${answer.slice(-300)}` : null;
}

/** Many at a time, in the order of their numbers. */
async function inParallel(count, width, work) {
  let next = 0;
  const worker = async () => {
    while (next < count) await work(next++);
  };
  await Promise.all(Array.from({ length: width }, worker));
}

export async function fuzzHttp(port, count, seed) {
  const chance = new Chance(seed);
  const messages = Array.from({ length: count }, () => httpMessage(chance));
  const result = { messages: count, answers: {}, problems: [] };
  await inParallel(count, 8, async (i) => {
    try {
      const problem = judgeHttp(await exchange(port, messages[i]), result.answers);
      if (problem !== null) result.problems.push(`${JSON.stringify(messages[i].toString('latin1'))} -> ${problem}`);
    } catch (error) {
      result.problems.push(`${JSON.stringify(messages[i].toString('latin1'))} -> ${error.message}`);
    }
  });
  return result;
}

function open(port) {
  return new Promise((resolve, reject) => {
    const socket = new WebSocket(`ws://127.0.0.1:${port}/v1/stream`, ['neuroreel.v1']);
    socket.once('open', () => resolve(socket));
    socket.on('error', reject);
  });
}

function streamMessage(chance) {
  const text = JSON.stringify(chance.mutated(chance.of(MESSAGES)));
  if (chance.often(0.1)) return { data: chance.damaged(Buffer.from(text)), binary: true };
  // A string, so that it is UTF-8: what is not closes the connection, which other tests look at.
  return { data: chance.often(0.2) ? chance.damaged(Buffer.from(text)).toString('latin1') : text, binary: false };
}

function judgeStream(text, answers) {
  const message = serverMessage.safeParse(JSON.parse(text));
  if (!message.success) return `a message that is none: ${text.slice(0, 200)}`;
  const key = message.data.type === 'error' ? message.data.error.code : message.data.type;
  answers[key] = (answers[key] ?? 0) + 1;
  return key === 'INTERNAL' ? `INTERNAL: ${text.slice(0, 300)}` : null;
}

/** @param port of a server whose `maxMessagesPerSecond` is high enough */
export async function fuzzStream(port, count, seed) {
  const chance = new Chance(seed);
  const result = { messages: count, answers: {}, problems: [] };
  const socket = await open(port);
  const closed = new Promise((resolve) => socket.on('close', (code) => resolve(code)));
  let finished = () => undefined;
  const all = new Promise((resolve) => (finished = resolve));
  socket.on('message', (data, isBinary) => {
    if (isBinary) return;
    const text = data.toString();
    const problem = judgeStream(text, result.answers);
    if (problem !== null) result.problems.push(problem);
    if (text.includes('"re":4242')) finished();
  });
  socket.on('error', () => undefined);
  for (let i = 0; i < count; i++) {
    const { data, binary } = streamMessage(chance);
    socket.send(data, { binary });
    // Not more than the connection takes: this is about what is sent, not how fast.
    if (i % 50 === 49) await new Promise((resolve) => setTimeout(resolve, 5));
  }
  socket.send(JSON.stringify({ type: 'subscribe', job: 'not-there', re: 4242 }));
  const end = await Promise.race([all, closed, new Promise((resolve) => setTimeout(resolve, PATIENCE_MS, 'nothing'))]);
  if (end !== undefined) result.problems.push(`the connection ended with ${end} before the last answer`);
  socket.terminate();
  return result;
}
