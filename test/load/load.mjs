// Load and fuzz tests of the server, with a real job (160 frames of the shipped recogniser). Measures memory under 200 viewers
// of whom 20 are stalled, what 8 viewers cost the optimiser (turns with and without them, in pairs), the time from a new frame to
// a viewer's message, the event loop's longest pause; then sends random messages. The last line sums up.
// Usage: npm run test:load [-- --size small|full]
import { fork } from 'node:child_process';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { WebSocket } from 'ws';
import { decodeFrame } from '../../dist/src/protocol/index.js';
import { fuzzHttp, fuzzStream } from './fuzz.mjs';

const SIZES = {
  small: { viewers: 40, stalled: 4, crowdSeconds: 10, pairs: 4, turnSeconds: 5, messages: 1000 },
  full: { viewers: 200, stalled: 20, crowdSeconds: 60, pairs: 12, turnSeconds: 9, messages: 20_000 },
};
/** Targets: what is reached is `ok`, what is not fails the run. */
const TARGETS = { growthMb: 100, slowdownPercent: 5, p99Ms: 50, pauseMs: 50, problems: 0 };

const { values } = parseArgs({ options: { size: { type: 'string', default: 'full' }, only: { type: 'string' } } });
const size = SIZES[values.size];
if (size === undefined) throw new Error(`--size: one of ${Object.keys(SIZES).join(', ')}`);

const folder = await mkdtemp(join(tmpdir(), 'neuroreel-load-'));
const child = fork(fileURLToPath(new URL('./server.mjs', import.meta.url)), [folder]);
const heard = (type) =>
  new Promise((resolve) => {
    const listen = (message) => {
      if (message.type !== type) return;
      child.off('message', listen);
      resolve(message);
    };
    child.on('message', listen);
  });
const ask = async (word) => {
  const answer = heard('read');
  child.send(word);
  return answer;
};

const { url } = await heard('url');
const port = Number(new URL(url).port);
const results = {};

async function call(method, path, body) {
  const response = await fetch(new URL(path, url), {
    method,
    ...(body !== undefined && { headers: { 'content-type': 'application/json' }, body: JSON.stringify(body) }),
  });
  if (!response.ok) throw new Error(`${method} ${path}: ${await response.text()}`);
  return response.json();
}

class Viewer {
  /** Milliseconds from the making of a frame to its message. */
  delays = [];
  frames = 0;
  dropped = 0;
  /** Iterations seen, by the progress messages. */
  iteration = 0;
  #progress = () => undefined;

  static async open(frames) {
    const viewer = new Viewer();
    const socket = new WebSocket(`ws://127.0.0.1:${port}/v1/stream`, ['neuroreel.v1']);
    viewer.socket = socket;
    await new Promise((resolve, reject) => {
      socket.once('open', resolve);
      socket.once('error', reject);
    });
    socket.on('message', (data, isBinary) => viewer.hear(data, isBinary));
    socket.on('error', () => undefined);
    socket.send(JSON.stringify({ type: 'subscribe', job: 'load', frames }));
    return viewer;
  }

  hear(data, isBinary) {
    if (isBinary) {
      const now = performance.timeOrigin + performance.now();
      const { header } = decodeFrame(data);
      this.frames++;
      if (header.step !== this.lastStep) this.delays.push(now - header.microseconds / 1000);
      this.lastStep = header.step;
      return;
    }
    const message = JSON.parse(data.toString());
    if (message.type !== 'progress') return;
    this.iteration = message.progress.iteration;
    this.dropped = message.dropped;
    this.#progress({ iteration: this.iteration, at: performance.now() });
  }

  /** The iteration and the time of the next message of progress. */
  nextProgress() {
    return new Promise((resolve) => (this.#progress = resolve));
  }

  close() {
    this.socket.terminate();
  }
}

const percentile = (numbers, share) => {
  const sorted = [...numbers].sort((a, b) => a - b);
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? NaN;
};
const mean = (numbers) => numbers.reduce((sum, x) => sum + x, 0) / numbers.length;
const open = (count, frames) => Promise.all(Array.from({ length: count }, () => Viewer.open(frames)));
const megabytes = (bytes) => bytes / 1024 / 1024;

/** Seconds an iteration takes, over the whole iterations of a while: from one message of progress to a later one. */
async function secondsPerIteration(counter, seconds) {
  const first = await counter.nextProgress();
  await sleep(seconds * 1000);
  const last = await counter.nextProgress();
  return (last.at - first.at) / 1000 / (last.iteration - first.iteration);
}

async function startJob() {
  await call('PUT', 'v1/jobs/load', { kind: 'video', model: 'figures-lrcn', frames: 160, iterations: 100_000 });
  const counter = await Viewer.open(undefined);
  while (counter.iteration < 3) await sleep(100);
  return counter;
}

/** A turn with 8 viewers: the pace, and what the viewers and the event loop saw of it. */
async function turnWithViewers(counter) {
  const viewers = await open(8, { view: 'frame', index: 80 });
  // The last frame comes at once, the next when the worker knows that it is watched.
  while (viewers.some(({ delays }) => delays.length < 2)) await sleep(20);
  for (const viewer of viewers) viewer.delays.length = 0;
  await ask('reset');
  const pace = await secondsPerIteration(counter, size.turnSeconds);
  const { maxPauseMs } = await ask('read');
  // The frame of the last iteration is on its way.
  await sleep(200);
  for (const viewer of viewers) viewer.close();
  return { pace, maxPauseMs, delays: viewers.flatMap((viewer) => viewer.delays) };
}

/**
 * 8 viewers against none, in pairs of turns of which every other one is the other way round (ABBA), so that a machine that gets
 * slower or faster favours neither.
 */
async function slowdown(counter) {
  const pairs = [];
  const delays = [];
  let pauseMs = 0;
  const withViewers = async () => {
    const turn = await turnWithViewers(counter);
    pauseMs = Math.max(pauseMs, turn.maxPauseMs);
    delays.push(...turn.delays);
    return turn.pace;
  };
  const without = () => secondsPerIteration(counter, size.turnSeconds);
  for (let i = 0; i < size.pairs; i++) {
    if (i % 2 === 0) pairs.push({ none: await without(), eight: await withViewers() });
    else pairs.push(await withViewers().then(async (eight) => ({ eight, none: await without() })));
  }
  const percents = pairs.map(({ none, eight }) => (eight / none - 1) * 100);
  const slower = mean(percents);
  const error = Math.sqrt(mean(percents.map((x) => (x - slower) ** 2)) / (percents.length - 1));
  Object.assign(results, { slowdownPercent: slower, p99Ms: percentile(delays, 0.99), pauseMs });
  const each = ({ none, eight }) => `${none.toFixed(3)}/${eight.toFixed(3)}`;
  console.log(
    `8 viewers: ${mean(pairs.map(({ eight }) => eight)).toFixed(3)} s an iteration, without: ` +
      `${mean(pairs.map(({ none }) => none)).toFixed(3)}; slower by ${slower.toFixed(1)} % (standard error ` +
      `${error.toFixed(1)}), the mean of ${pairs.length} pairs\n  without/with: ${pairs.map(each).join(' ')}\n` +
      `new frame to message: median ${percentile(delays, 0.5).toFixed(1)} ms, p99 ${results.p99Ms.toFixed(1)} ms, ` +
      `largest ${percentile(delays, 1).toFixed(1)} ms, ${delays.length} frames\n` +
      `event loop's largest pause with 8 viewers: ${pauseMs.toFixed(1)} ms`,
  );
}

/** Many viewers with several views, some of whom do not read. */
async function crowd() {
  const before = (await ask('read')).rss;
  const views = [
    { view: 'sheet', maxFps: 10, quality: 85 },
    { view: 'play' },
    { view: 'frame', index: 3, format: 'webp' },
    { view: 'strip', count: 8 },
  ];
  const viewers = [];
  for (let i = 0; i < size.viewers; i++) viewers.push(await Viewer.open(views[i % views.length]));
  for (const { socket } of viewers.slice(0, size.stalled)) socket.pause();
  await ask('reset');
  let most = 0;
  for (let second = 0; second < size.crowdSeconds; second++) {
    await sleep(1000);
    most = Math.max(most, (await ask('read')).rss);
  }
  const { maxPauseMs } = await ask('read');
  const reading = viewers.slice(size.stalled);
  const late = performance.now();
  const [one] = await open(1, { view: 'frame' });
  while (one.frames === 0) await sleep(5);
  results.lateMs = performance.now() - late;
  results.growthMb = megabytes(most - before);
  results.crowdPauseMs = maxPauseMs;
  const frames = reading.reduce((sum, viewer) => sum + viewer.frames, 0);
  console.log(
    `${size.viewers} viewers, ${size.stalled} stalled, ${size.crowdSeconds} s: memory ${megabytes(before).toFixed(0)} MB, ` +
      `grew by at most ${results.growthMb.toFixed(0)} MB; ${frames} frames read, fewest ${Math.min(...reading.map((v) => v.frames))} ` +
      `a viewer\nevent loop's largest pause: ${maxPauseMs.toFixed(1)} ms; a late joiner's first frame after ${results.lateMs.toFixed(0)} ms`,
  );
  for (const viewer of [...viewers, one]) viewer.close();
}

async function fuzz() {
  const half = size.messages / 2;
  const http = await fuzzHttp(port, half, 1);
  const stream = { messages: 0, answers: {}, problems: [] };
  // In parts: each its own connection.
  for (let seed = 1; stream.messages < half; seed++) {
    const part = await fuzzStream(port, Math.min(500, half - stream.messages), seed);
    stream.messages += part.messages;
    stream.problems.push(...part.problems);
    for (const [name, count] of Object.entries(part.answers))
      stream.answers[name] = (stream.answers[name] ?? 0) + count;
  }
  const problems = [...http.problems, ...stream.problems];
  Object.assign(results, { messages: http.messages + stream.messages, problems: problems.length });
  console.log(
    `${results.messages} random messages\n  HTTP: ${words(http.answers)}\n  stream: ${words(stream.answers)}`,
  );
  for (const problem of problems.slice(0, 20)) console.log(`  ${problem}`);
  if ((await call('GET', 'healthz')).status !== 'ok') throw new Error('the server is not well after it');
}

const words = (answers) =>
  Object.entries(answers)
    .sort(([, a], [, b]) => b - a)
    .map(([name, count]) => `${name} ${count}`)
    .join(', ');

try {
  const counter = await startJob();
  if (values.only === undefined || values.only === 'crowd') await crowd();
  if (values.only === undefined || values.only === 'slowdown') await slowdown(counter);
  counter.close();
  await call('POST', 'v1/jobs/load/cancel');
  if (values.only === undefined || values.only === 'fuzz') await fuzz();
} finally {
  child.send('stop');
  await new Promise((resolve) => child.on('exit', resolve));
  await rm(folder, { recursive: true, force: true });
}
const missed = Object.entries(TARGETS).filter(([name, most]) => name in results && !(results[name] <= most));
const summary = Object.entries(results).map(([name, value]) => `${name} ${Math.round(value * 10) / 10}`);
console.log(
  `load: ${missed.length === 0 ? 'ok' : `MISSED ${missed.map(([name]) => name).join(', ')}`}; ${summary.join(', ')}`,
);
process.exitCode = missed.length === 0 ? 0 : 1;
