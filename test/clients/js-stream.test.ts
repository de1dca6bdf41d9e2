/** The TypeScript SDK on the stream, against a real server over real sockets. */
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import {
  NeuroreelClient,
  tileOf,
  type ConnectionState,
  type Frame,
  type Watch,
  type WatchEvent,
} from '../../clients/js/index.js';
import { endless, fixtureRequest, reaches } from '../jobs/fixtures/fixtures.js';
import { startServer, type TestServer } from '../server/harness.js';
import { streaming } from './impostors.js';
import { startProxy, type Proxy } from './proxy.js';

const code = (of: string): object => expect.objectContaining({ name: 'ClientError', code: of });
let made = 0;

async function runningJob(t: TestServer): Promise<string> {
  const id = `job-${++made}`;
  await t.server.jobs.submit(id, endless());
  await reaches(t.server.jobs, id, 'running');
  return id;
}

async function stopJob(t: TestServer, id: string): Promise<void> {
  t.server.jobs.cancel(id);
  await reaches(t.server.jobs, id, 'canceled');
}

/** The next frame of an iteration. */
async function nextFrame(frames: AsyncIterator<Frame>): Promise<Frame> {
  const { value } = await frames.next();
  return value as Frame;
}

/** The next event that fits. */
async function nextEvent(events: AsyncIterator<WatchEvent>, fits: (event: WatchEvent) => boolean): Promise<WatchEvent> {
  for (;;) {
    const { value, done } = await events.next();
    if (done === true) throw new Error('the events ended');
    if (fits(value)) return value;
  }
}
const isConnection =
  (state: ConnectionState) =>
  (event: WatchEvent): boolean =>
    event.type === 'connection' && event.state === state;
const isState =
  (state: string) =>
  (event: WatchEvent): boolean =>
    event.type === 'state' && event.job.state === state;

const viewers = async (t: TestServer): Promise<number> => (await t.call('GET', '/healthz')).body.viewers;

describe('watching', () => {
  let t: TestServer;
  let client: NeuroreelClient;

  beforeAll(async () => {
    t = await startServer();
    client = new NeuroreelClient({ url: t.url });
  });

  afterAll(() => t.stop());

  it('a job brings its states, its progress, and its end', async () => {
    await t.server.jobs.submit('short', fixtureRequest('steady'));
    const events: WatchEvent[] = [];
    for await (const event of client.events('short')) events.push(event);
    expect(events.at(-1)).toMatchObject({ type: 'ended', state: 'succeeded' });
    const states = events.flatMap((event) => (event.type === 'state' ? event.job.state : []));
    expect(states.at(-1)).toBe('succeeded');
    // Of a job that has ended, the same in short.
    const again: string[] = [];
    for await (const { type } of client.events('short')) if (type !== 'connection') again.push(type);
    expect(again).toEqual(['state', 'ended']);
  });

  it('several jobs goes over one socket, a second view of one over another; all close in the end', async () => {
    const id = await runningJob(t);
    await t.server.jobs.submit('waits', endless());
    const sheet = client.watch(id, { frames: { view: 'sheet', format: 'raw' } });
    const waiting = client.watch('waits', { frames: {} });
    const events = waiting.events();
    expect(await nextEvent(events, (event) => event.type === 'state')).toMatchObject({ job: { state: 'queued' } });
    expect((await nextFrame(sheet.frames())).header).toMatchObject({ kind: 'sheet', width: 16, height: 12 });
    expect(await viewers(t)).toBe(1);
    const strip = client.watch(id, { frames: { view: 'strip', count: 3, format: 'png' } });
    expect((await nextFrame(strip.frames())).columns).toBe(3);
    expect(await viewers(t)).toBe(2);
    client.close();
    expect([sheet.isOver, waiting.isOver, strip.isOver]).toEqual([true, true, true]);
    await expect.poll(() => viewers(t)).toBe(0);
    t.server.jobs.cancel('waits');
    await stopJob(t, id);
  });

  it('shows the view that was asked for, and another when that changes', async () => {
    const id = await runningJob(t);
    const watch = client.watch(id, { frames: { view: 'frame', index: 5, format: 'raw', width: 8 } });
    const frames = watch.frames();
    const raw = await nextFrame(frames);
    expect(raw).toMatchObject({ job: id, index: 5, columns: 1, isReplay: false });
    expect(raw.activation).toBe(raw.step / 2);
    expect(Math.abs(raw.time.getTime() - Date.now())).toBeLessThan(60_000);
    const { data, width, height } = await raw.pixels();
    expect([data.length, width, height]).toEqual([8 * 6 * 4, 8, 6]);
    // The fixture paints the number of the frame into the green channel.
    expect([data[1], data[2], data[3]]).toEqual([100, 128, 255]);
    expect(() => raw.blob()).toThrow(TypeError);
    watch.setFrames({ view: 'sheet', format: 'png' });
    let sheet = await nextFrame(frames);
    while (sheet.header.kind !== 'sheet') sheet = await nextFrame(frames);
    expect(sheet.blob().type).toBe('image/png');
    const pixels = await sheet.pixels();
    expect(pixels.width).toBe(sheet.columns * 16);
    for (const index of [0, 3, 7]) expect(tileOf(pixels, sheet.header, index).data[1]).toBe(index * 20);
    expect(() => tileOf(pixels, sheet.header, 100)).toThrow(RangeError);
    watch.close();
    await stopJob(t, id);
  });

  it('of frames ends with the job, or when it is given up', async () => {
    const id = await runningJob(t);
    const steps: number[] = [];
    for await (const frame of client.frames(id, { view: 'play', maxFps: 60 })) {
      steps.push(frame.step);
      if (steps.length === 3) t.server.jobs.cancel(id);
    }
    expect(steps.length).toBeGreaterThanOrEqual(3);
    const other = await runningJob(t);
    for await (const frame of client.frames(other)) {
      expect(frame.header.codec).toBe('jpeg');
      break;
    }
    const gone = new AbortController();
    for await (const frame of client.frames(other, {}, { signal: gone.signal })) {
      expect(frame.job).toBe(other);
      gone.abort();
    }
    await expect.poll(() => viewers(t)).toBe(0);
    await stopJob(t, other);
  });

  it('takes commands, and says why one was refused', async () => {
    const id = await runningJob(t);
    using watch: Watch = client.watch(id);
    const events = watch.events();
    expect(await watch.pause()).toMatchObject({ command: 'pause', job: id });
    await nextEvent(events, isState('paused'));
    await watch.resume();
    await nextEvent(events, isState('running'));
    expect(await watch.steer({ rate: 0.25 })).toMatchObject({ command: 'steer' });
    expect(t.server.jobs.get(id).steering).toMatchObject([{ change: { rate: 0.25 } }]);
    await expect(watch.steer({})).rejects.toEqual(code('MESSAGE_INVALID'));
    await watch.cancel();
    expect(await nextEvent(events, (event) => event.type === 'ended')).toMatchObject({ state: 'canceled' });
    await expect(watch.pause()).rejects.toThrow('this watch is over');
    expect(watch.state).toMatchObject({ state: 'canceled' });
  });

  it('what there is not fails, and so does a view that cannot be', async () => {
    await expect(client.frames('none').next()).rejects.toEqual(code('JOB_UNKNOWN'));
    const id = await runningJob(t);
    await expect(client.frames(id, { maxFps: 1000 }).next()).rejects.toEqual(code('MESSAGE_INVALID'));
    await stopJob(t, id);
  });
});

describe('a consumer that is slow', () => {
  it('gets the newest frame, and every event in order', async () => {
    const t = await startServer({ stepMs: 5 });
    const id = await runningJob(t);
    const watch = new NeuroreelClient({ url: t.url }).watch(id, { frames: { view: 'frame' } });
    const frames = watch.frames();
    const events = watch.events();
    const first = await nextFrame(frames);
    // Nobody reads frames meanwhile.
    await nextEvent(events, () => watch.dropped > 2);
    const newest = watch.lastFrame;
    expect(await nextFrame(frames)).toBe(newest);
    expect(newest!.step).toBeGreaterThan(first.step);
    await stopJob(t, id);
    const rest: WatchEvent[] = [];
    for await (const event of events) rest.push(event);
    const iterations = rest.flatMap((event) => (event.type === 'progress' ? event.progress.iteration : []));
    for (const [i, iteration] of iterations.entries()) if (i > 0) expect(iteration).toBe(iterations[i - 1]! + 1);
    expect(rest.slice(-2)).toMatchObject([{ type: 'state', job: { state: 'canceled' } }, { type: 'ended' }]);
    await t.stop();
  });
});

describe('a connection that is lost', () => {
  let t: TestServer;
  let proxy: Proxy;
  let client: NeuroreelClient;

  beforeEach(async () => {
    t = await startServer({ config: { heartbeatSeconds: 0.2 } });
    proxy = await startProxy(t.port);
    client = new NeuroreelClient({ url: proxy.url, reconnect: { firstMs: 20, longestMs: 50, attemptMs: 1000 } });
  });

  afterEach(async () => {
    client.close();
    proxy.close();
    await t.stop();
  });

  it('comes back, with the changes of state that were missed, and with frames', async () => {
    const id = await runningJob(t);
    const watch = client.watch(id, { frames: { view: 'frame' } });
    const events = watch.events();
    const frames = watch.frames();
    await nextEvent(events, isState('running'));
    proxy.cut();
    expect(await nextEvent(events, isConnection('lost'))).toMatchObject({ error: code('SERVER_UNREACHABLE') });
    t.server.jobs.pause(id);
    await reaches(t.server.jobs, id, 'paused');
    t.server.jobs.resume(id);
    await reaches(t.server.jobs, id, 'running');
    const before = t.server.jobs.get(id).progress!.iteration;
    proxy.allow();
    await nextEvent(events, isConnection('live'));
    await nextEvent(events, isState('paused'));
    expect(await nextEvent(events, (event) => event.type === 'state' && event.resumed === true)).toMatchObject({
      job: { state: 'running' },
    });
    let frame = await nextFrame(frames);
    while (frame.step <= before) frame = await nextFrame(frames);
    await stopJob(t, id);
  });

  it('without being closed is noticed, and replaced', async () => {
    const id = await runningJob(t);
    const watch = client.watch(id);
    const events = watch.events();
    await nextEvent(events, isState('running'));
    proxy.block();
    expect(await nextEvent(events, isConnection('lost'))).toMatchObject({
      error: { message: 'The server went silent.' },
    });
    await nextEvent(events, isConnection('live'));
    expect(await nextEvent(events, isState('running'))).toBeDefined();
    await stopJob(t, id);
  });

  it('takes a command along when it is back', async () => {
    const id = await runningJob(t);
    const watch = client.watch(id);
    const events = watch.events();
    await nextEvent(events, isState('running'));
    proxy.cut();
    await nextEvent(events, isConnection('lost'));
    const cancelled = watch.cancel();
    proxy.allow();
    expect(await cancelled).toMatchObject({ command: 'cancel' });
    await nextEvent(events, (event) => event.type === 'ended');
  });

  it('is given up after the time that was set, and at once when it never was there', async () => {
    const impatient = new NeuroreelClient({ url: proxy.url, reconnect: { firstMs: 5, giveUpAfterMs: 50 } });
    const id = await runningJob(t);
    const events = impatient.watch(id).events();
    await nextEvent(events, isState('running'));
    proxy.cut();
    await expect(nextEvent(events, () => false)).rejects.toEqual(code('SERVER_UNREACHABLE'));
    await expect(client.frames(id).next()).rejects.toEqual(code('SERVER_UNREACHABLE'));
    await stopJob(t, id);
  });
});

describe('a server that is restarted', () => {
  it('is found again, and the job goes on', async () => {
    const first = await startServer();
    const { port, dataFolder } = first;
    const said: string[] = [];
    const client = new NeuroreelClient({ url: first.url, reconnect: { firstMs: 20, longestMs: 100 } });
    client.onConnection(({ state }) => said.push(state));
    const id = await runningJob(first);
    const watch = client.watch(id, { frames: { view: 'sheet' } });
    const events = watch.events();
    await nextEvent(events, isState('running'));
    await first.server.close();
    const second = await startServer({ dataFolder, config: { port } });
    await nextEvent(events, isConnection('live'));
    await reaches(second.server.jobs, id, 'running');
    // The cursor is of the server before: what was missed is in the events of the job.
    expect(await nextEvent(events, (event) => event.type === 'state' && event.resumed !== undefined)).toMatchObject({
      resumed: false,
    });
    await nextEvent(events, isState('running'));
    expect((await nextFrame(watch.frames())).header.kind).toBe('sheet');
    await watch.cancel();
    await nextEvent(events, (event) => event.type === 'ended');
    expect(said.slice(0, 3)).toEqual(['connecting', 'live', 'lost']);
    await second.stop();
    await first.stop();
  });

  it('may be waited for from the start', async () => {
    const closed = await startServer();
    const { port, url } = closed;
    await closed.stop();
    const client = new NeuroreelClient({ url, reconnect: { first: true, firstMs: 20, longestMs: 50 } });
    const frame = client.frames('a').next();
    const t = await startServer({ config: { port } });
    // It is either not there yet, or has no such job.
    await expect(frame).rejects.toEqual(code('JOB_UNKNOWN'));
    await t.stop();
  });
});

describe('a stream of another version', () => {
  const hello = { type: 'hello', heartbeatSeconds: 15 };

  it.each([
    ['says so in its hello', { ...hello, protocol: 'neuroreel.v2' }, 'The server speaks neuroreel.v2'],
    ['is told by its messages', ['hello'], 'no message'],
  ] as const)('%s', async (_, message, words) => {
    const server = await streaming(message);
    const failure = new NeuroreelClient({ url: server.url, reconnect: { first: true } }).frames('a').next();
    await expect(failure).rejects.toEqual(code('PROTOCOL_MISMATCH'));
    await expect(failure).rejects.toThrow(words);
    await server.close();
  });
});
