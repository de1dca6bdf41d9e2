import sharp from 'sharp';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { serverMessage } from '../../src/protocol/index.js';
import { endless, fixtureRequest, reaches } from '../jobs/fixtures/fixtures.js';
import { Refused, startServer, type StreamClient, type TestServer } from './harness.js';

let t: TestServer;
let made = 0;

beforeAll(async () => {
  t = await startServer();
});

afterAll(() => t.stop());

/** Starts a job that goes on until `stop`, and waits until it runs. */
async function runningJob(server: TestServer = t, more: Record<string, unknown> = {}) {
  const id = `job-${++made}`;
  await server.server.jobs.submit(id, endless(more));
  await reaches(server.server.jobs, id, 'running');
  const stop = async (): Promise<void> => {
    server.server.jobs.cancel(id);
    await reaches(server.server.jobs, id, 'canceled');
  };
  return { id, stop };
}

const code = (of: string): object => expect.objectContaining({ code: of });

describe('a subscription', () => {
  it('brings a snapshot, each change of state, progress, frames, and an end', async () => {
    const client = await t.stream();
    expect(await client.next('hello')).toMatchObject({ protocol: 'neuroreel.v1', maxMessageBytes: 65536 });
    const job = await runningJob();
    client.send({ type: 'subscribe', job: job.id, frames: { view: 'frame', index: 2 } });
    const snapshot = await client.next('state');
    expect(snapshot).toMatchObject({ stream: 1, job: { id: job.id, state: 'running' } });
    expect(snapshot.history?.iterations).toBeDefined();
    const { header, picture } = await client.next('frame');
    expect(header).toMatchObject({ kind: 'frame', stream: 1, frame: 2, width: 16, height: 12 });
    expect(header.activation).toBe(header.step / 2);
    expect(Math.abs(header.microseconds / 1000 - Date.now())).toBeLessThan(60_000);
    expect(await sharp(picture).metadata()).toMatchObject({ format: 'jpeg', width: 16, height: 12 });
    await client.next('progress', ({ progress }) => progress.iteration > header.step);
    await job.stop();
    expect(await client.next('state', (message) => message.job.state === 'canceled')).toMatchObject({ stream: 1 });
    expect(await client.next('ended')).toMatchObject({ job: job.id, state: 'canceled' });
    const texts = client.received.filter((message) => message.type !== 'frame');
    for (const message of texts) expect(() => serverMessage.parse(message)).not.toThrow();
    client.socket.close();
  });

  it('of a job that has ended brings its state and history, and ends', async () => {
    await t.server.jobs.submit('short', fixtureRequest('steady'));
    await reaches(t.server.jobs, 'short', 'succeeded');
    const client = await t.stream();
    client.send({ type: 'subscribe', job: 'short', frames: { view: 'sheet' } });
    expect(await client.next('state')).toMatchObject({
      job: { state: 'succeeded' },
      history: { iterations: [1, 2, 3, 4, 5], activations: [0.5, 1, 1.5, 2, 2.5] },
    });
    expect(await client.next('ended')).toMatchObject({ state: 'succeeded' });
    client.socket.close();
  });

  it('late in a job that hands out frames rarely brings the last one at once', async () => {
    const slow = await startServer({ stepMs: 200 });
    const job = await runningJob(slow);
    const first = await slow.stream();
    first.send({ type: 'subscribe', job: job.id, frames: { view: 'sheet' } });
    await first.next('frame');
    slow.server.jobs.pause(job.id);
    await reaches(slow.server.jobs, job.id, 'paused');
    // Nothing new comes while the job is paused: what this one gets is the last frame.
    const late = await slow.stream();
    late.send({ type: 'subscribe', job: job.id, frames: { view: 'sheet' } });
    expect(await late.next('state')).toMatchObject({ job: { state: 'paused' } });
    expect((await late.next('frame')).header).toMatchObject({ kind: 'sheet', width: 16, height: 12 });
    await job.stop();
    await slow.stop();
  });

  it('to `play` gets the frames in turn', async () => {
    const job = await runningJob();
    const client = await t.stream();
    client.send({ type: 'subscribe', job: job.id, frames: { view: 'play', maxFps: 60 } });
    const seen: number[] = [];
    while (seen.length < 10) seen.push((await client.next('frame')).header.frame);
    for (const [i, frame] of seen.entries()) if (i > 0) expect(frame).not.toBe(seen[i - 1]);
    expect(Math.max(...seen)).toBe(7);
    client.socket.close();
    await job.stop();
  });

  it('can be changed, and taken back', async () => {
    const job = await runningJob();
    const client = await t.stream();
    client.send({ type: 'subscribe', job: job.id, frames: { view: 'frame' } });
    expect((await client.next('frame')).header).toMatchObject({ stream: 1, kind: 'frame' });
    client.send({ type: 'subscribe', job: job.id, frames: { view: 'sheet', width: 8 } });
    expect(await client.next('state', ({ stream }) => stream === 2)).toBeDefined();
    expect((await client.next('frame', ({ header }) => header.stream === 2)).header).toMatchObject({
      kind: 'sheet',
      width: 8,
      height: 6,
    });
    client.send({ type: 'unsubscribe', job: job.id });
    client.send({ type: 'subscribe', job: 'none' });
    await client.next('error');
    const before = client.received.length;
    await reachesIteration(t, job.id, 20);
    expect(client.received.length).toBe(before);
    expect(t.server.jobs.frames.isWatched(job.id)).toBe(false);
    client.socket.close();
    await job.stop();
  });

  it('ends with its connection', async () => {
    const job = await runningJob();
    const client = await t.stream();
    client.send({ type: 'subscribe', job: job.id, frames: {} });
    await client.next('frame');
    client.socket.terminate();
    await expect.poll(() => t.server.jobs.frames.isWatched(job.id)).toBe(false);
    await expect.poll(async () => (await t.call('GET', '/healthz')).body.viewers).toBe(0);
    await job.stop();
  });
});

describe('views', () => {
  it('have the format, size and frames that were asked for', async () => {
    const job = await runningJob();
    const client = await t.stream();
    const metadata = { jpeg: 'jpeg', webp: 'webp', png: 'png' } as const;
    for (const format of ['jpeg', 'webp', 'png'] as const) {
      client.send({ type: 'subscribe', job: job.id, frames: { view: 'strip', count: 3, format } });
      const { header, picture } = await client.next('frame', (frame) => frame.header.codec === format);
      expect(header).toMatchObject({ kind: 'strip', frame: 3, width: 16, height: 12 });
      expect(await sharp(picture).metadata()).toMatchObject({ format: metadata[format], width: 48, height: 12 });
    }
    client.send({ type: 'subscribe', job: job.id, frames: { view: 'frame', index: 5, format: 'raw', width: 8 } });
    const raw = await client.next('frame', (frame) => frame.header.codec === 'raw');
    expect(raw.header).toMatchObject({ kind: 'frame', frame: 5, width: 8, height: 6 });
    expect(raw.picture.byteLength).toBe(8 * 6 * 3);
    // The fixture paints the number of the frame into the green channel.
    expect(raw.picture[1]).toBe(5 * 20);
    client.socket.close();
    await job.stop();
  });

  it('of several jobs come over one connection, each with its own number', async () => {
    const waiting = `job-${++made}`;
    const job = await runningJob();
    await t.server.jobs.submit(waiting, endless());
    const client = await t.stream();
    client.send({ type: 'subscribe', job: job.id, frames: { view: 'frame' } });
    client.send({ type: 'subscribe', job: waiting, frames: { view: 'sheet' } });
    await client.next('frame', ({ header }) => header.stream === 1);
    await job.stop();
    expect(await client.next('ended')).toMatchObject({ stream: 1, job: job.id });
    expect((await client.next('frame', ({ header }) => header.stream === 2)).header.kind).toBe('sheet');
    t.server.jobs.cancel(waiting);
    expect(await client.next('ended')).toMatchObject({ stream: 2, job: waiting });
    client.socket.close();
  });
});

describe('commands', () => {
  it('pause, resume and cancel a job; each is answered with its number, in order', async () => {
    const job = await runningJob();
    const client = await t.stream();
    client.send({ type: 'subscribe', job: job.id, re: 7 });
    expect(await client.next('state')).toMatchObject({ re: 7 });
    client.send({ type: 'pause', job: job.id, re: 8 });
    expect(await client.next('done')).toMatchObject({ command: 'pause', job: job.id, re: 8 });
    await client.next('state', (message) => message.job.state === 'paused');
    client.send({ type: 'resume', job: job.id });
    await client.next('state', (message) => message.job.state === 'running');
    client.send({ type: 'cancel', job: job.id, re: 9 });
    expect(await client.next('done')).toMatchObject({ command: 'cancel', re: 9 });
    await client.next('ended', (message) => message.state === 'canceled');
    client.send({ type: 'pause', job: job.id, re: 10 });
    expect(await client.next('error')).toMatchObject({ job: job.id, re: 10, error: code('JOB_STATE_CONFLICT') });
    client.socket.close();
  });

  it('that change nothing, or nothing that there is, are refused', async () => {
    const client = await t.stream();
    client.send({ type: 'steer', job: 'none', changes: {}, re: 1 });
    expect(await client.next('error')).toMatchObject({ error: code('MESSAGE_INVALID') });
    client.send({ type: 'cancel', job: 'none', re: 2 });
    expect(await client.next('error')).toMatchObject({ re: 2, error: code('JOB_UNKNOWN') });
    client.socket.close();
  });
});

describe('a viewer that comes back', () => {
  it('with its cursor gets every change of state that it missed, in order, before the snapshot', async () => {
    const job = await runningJob();
    const first = await t.stream();
    first.send({ type: 'subscribe', job: job.id });
    const { cursor } = await first.next('state');
    first.socket.terminate();
    t.server.jobs.pause(job.id);
    await reaches(t.server.jobs, job.id, 'paused');
    t.server.jobs.resume(job.id);
    await reaches(t.server.jobs, job.id, 'running');
    await job.stop();
    const second = await t.stream();
    second.send({ type: 'subscribe', job: job.id, cursor });
    await second.next('ended');
    const states = second.all('state');
    expect(states.map((message) => message.job.state)).toEqual(['paused', 'running', 'canceled', 'canceled']);
    expect(states.map(({ resumed }) => resumed)).toEqual([undefined, undefined, undefined, true]);
    second.socket.close();
  });

  it('with a cursor of another run of the server gets the snapshot alone, and is told', async () => {
    const job = await runningJob();
    const client = await t.stream();
    client.send({ type: 'subscribe', job: job.id, cursor: 'another.3' });
    expect(await client.next('state')).toMatchObject({ resumed: false, job: { state: 'running' } });
    client.socket.close();
    await job.stop();
  });
});

/** Waits for so many more iterations. */
function reachesIteration(server: TestServer, id: string, more: number): Promise<void> {
  const { events } = server.server.jobs;
  const target = iterationOf(server, id) + more;
  return new Promise((resolve) => {
    const look = (job: string, { iteration }: { iteration: number }): void => {
      if (job !== id || iteration < target) return;
      events.off('progress', look);
      resolve();
    };
    events.on('progress', look);
  });
}

describe('a viewer that reads slowly', () => {
  /** Frames of 500 x 400 make JPEGs that fill a stalled socket soon. */
  const large = { width: 500, height: 400, stepMs: 2 };

  it('gets the latest frame when it reads again, and all control messages in order', async () => {
    const server = await startServer({
      ...large,
      config: { maxBacklogBytes: 64 * 1024 * 1024, heartbeatSeconds: 600 },
    });
    const job = await runningJob(server);
    const client = await server.stream();
    client.send({ type: 'subscribe', job: job.id, frames: { view: 'play', maxFps: 60, quality: 100, width: 2000 } });
    await client.next('frame');
    client.socket.pause();
    // Until the socket is full, frames still go out; then they are dropped.
    const dropped = async (): Promise<number> =>
      Number(
        /^neuroreel_frames_dropped_total (\d+)$/m.exec((await server.call('GET', '/metrics')).body as string)?.[1],
      );
    await expect.poll(dropped, { timeout: 120_000 }).toBeGreaterThan(0);
    await reachesIteration(server, job.id, 100);
    // What is newest now stays so, however long it takes to read what the socket holds.
    server.server.jobs.pause(job.id);
    await reaches(server.server.jobs, job.id, 'paused');
    const late = await server.stream();
    late.send({ type: 'subscribe', job: job.id, frames: { view: 'frame' } });
    const newest = (await late.next('frame')).header.step;
    const before = client.all('frame').at(-1)!.header.step;
    client.socket.resume();
    await client.next('progress', (message) => message.dropped > 0);
    await client.next('frame', ({ header }) => header.step === newest);
    expect(newest).toBeGreaterThan(before);
    late.socket.close();
    await job.stop();
    await client.next('ended');
    const iterations = client.all('progress').map((message) => message.progress.iteration);
    expect(iterations).toEqual(iterations.map((_, i) => iterations[0]! + i));
    const steps = client.all('frame').map(({ header }) => header.step);
    expect([...steps].sort((a, b) => a - b)).toEqual(steps);
    client.socket.close();
    await server.stop();
  });

  it('is hung up on with 1013 when its control messages pile up; other viewers see nothing of it', async () => {
    const server = await startServer({
      stepMs: 0,
      config: { maxBacklogBytes: 64 * 1024, maxMessagesPerSecond: 10_000, heartbeatSeconds: 600 },
    });
    await server.server.jobs.submit('long-history', fixtureRequest('steady', { iterations: 600 }));
    await reaches(server.server.jobs, 'long-history', 'succeeded');
    const job = await runningJob(server);
    const [slow, quick] = [await server.stream(), await server.stream()];
    quick.send({ type: 'subscribe', job: job.id });
    await slow.next('hello');
    slow.socket.pause();
    // Each is answered with some kilobytes, so that the buffers of the system are full soon.
    for (let i = 0; i < 2000; i++) slow.send({ type: 'subscribe', job: 'long-history' });
    await expect.poll(async () => (await server.call('GET', '/healthz')).body.viewers, { timeout: 50_000 }).toBe(1);
    await quick.next('progress', ({ progress }) => progress.iteration >= iterationOf(server, job.id));
    slow.socket.resume();
    // 1013 when the close frame still got through, 1006 when the server had to cut the line.
    expect([1013, 1006]).toContain((await slow.closed).code);
    await job.stop();
    await server.stop();
  });
});

function iterationOf(server: TestServer, id: string): number {
  return server.server.jobs.get(id).progress?.iteration ?? 0;
}

describe('bad messages', () => {
  let client: StreamClient;

  it.each([
    ['{"type":', 'MESSAGE_INVALID'],
    ['null', 'MESSAGE_INVALID'],
    ['[]', 'MESSAGE_INVALID'],
    ['{"type":"dance"}', 'MESSAGE_INVALID'],
    ['{"type":"subscribe"}', 'MESSAGE_INVALID'],
    ['{"type":"subscribe","job":"../x"}', 'MESSAGE_INVALID'],
    ['{"type":"subscribe","job":"a","frames":{"view":"all"}}', 'MESSAGE_INVALID'],
    ['{"type":"subscribe","job":"a","more":1}', 'MESSAGE_INVALID'],
    ['{"type":"subscribe","job":"none"}', 'JOB_UNKNOWN'],
  ])('%s is answered with %s, and the connection goes on', async (text, expected) => {
    client = await t.stream();
    client.socket.send(text);
    expect((await client.next('error')).error).toEqual(code(expected));
    client.send({ type: 'unsubscribe', job: 'nothing-to-do' });
    client.send({ type: 'subscribe', job: 'none' });
    expect(await client.next('error')).toMatchObject({ job: 'none', error: code('JOB_UNKNOWN') });
    client.socket.close();
  });

  it('binary ones are refused', async () => {
    client = await t.stream();
    client.socket.send(Buffer.from('{"type":"subscribe","job":"a"}'), { binary: true });
    expect((await client.next('error')).error).toEqual(code('MESSAGE_INVALID'));
    client.socket.close();
  });

  it('oversized ones are told about and closed with 1009; the server goes on', async () => {
    client = await t.stream();
    client.socket.send('x'.repeat(64 * 1024 + 1));
    expect((await client.next('error')).error).toEqual(code('MESSAGE_TOO_LARGE'));
    expect(await client.closed).toEqual({ code: 1009, reason: 'MESSAGE_TOO_LARGE' });
    expect((await t.call('GET', '/healthz')).status).toBe(200);
  });

  it('that are no UTF-8 close with 1007', async () => {
    client = await t.stream();
    client.socket.send(Buffer.from([0xff, 0xfe, 0xfd]), { binary: false });
    expect((await client.closed).code).toBe(1007);
  });

  it('that come too quickly are closed with 1008', async () => {
    const small = await startServer({ config: { maxMessagesPerSecond: 1 } });
    client = await small.stream();
    for (let i = 0; i < 10; i++) client.send({ type: 'unsubscribe', job: 'a' });
    expect((await client.next('error')).error).toEqual(code('RATE_LIMITED'));
    expect(await client.closed).toEqual({ code: 1008, reason: 'RATE_LIMITED' });
    await small.stop();
  });

  it('subscriptions beyond the limit are refused', async () => {
    const small = await startServer({ config: { maxSubscriptions: 1 } });
    for (const id of ['a', 'b']) await small.server.jobs.submit(id, endless());
    client = await small.stream();
    client.send({ type: 'subscribe', job: 'a' });
    client.send({ type: 'subscribe', job: 'b' });
    expect(await client.next('error')).toMatchObject({ job: 'b', error: code('STREAM_LIMIT') });
    await small.stop();
  });
});

describe('an upgrade', () => {
  it.each([
    ['without a subprotocol', { protocols: [] }, 400, 'SUBPROTOCOL_UNSUPPORTED'],
    ['with another subprotocol', { protocols: ['neuroreel.v9'] }, 400, 'SUBPROTOCOL_UNSUPPORTED'],
    ['at another path', { path: '/v1/other' }, 404, 'ROUTE_UNKNOWN'],
    ['from a foreign origin', { headers: { origin: 'http://evil.example' } }, 403, 'ORIGIN_REFUSED'],
    ['from no origin', { headers: { origin: 'null' } }, 403, 'ORIGIN_REFUSED'],
    ['for a foreign host', { headers: { host: 'evil.example' } }, 403, 'HOST_REFUSED'],
    ['with an unknown ticket', { path: '/v1/stream?ticket=none' }, 401, 'TOKEN_REQUIRED'],
  ] as const)('%s is refused', async (_, options, status, expected) => {
    const refusal = await t.stream(options as never).catch((error: unknown) => error);
    expect(refusal).toBeInstanceOf(Refused);
    expect(refusal).toMatchObject({ status, body: { error: code(expected) } });
  });

  it('of the own origin, and with more subprotocols than the known one, is welcome', async () => {
    const client = await t.stream({ headers: { origin: t.url }, protocols: ['other', 'neuroreel.v1'] });
    expect(client.socket.protocol).toBe('neuroreel.v1');
    client.socket.close();
  });

  it('beyond the number of connections is refused', async () => {
    const small = await startServer({ config: { maxConnections: 1 } });
    await small.stream();
    await expect(small.stream()).rejects.toMatchObject({ status: 429, body: { error: code('STREAM_LIMIT') } });
    await small.stop();
  });
});

describe('the heartbeat', () => {
  it('keeps who answers and drops who does not', async () => {
    const server = await startServer({ config: { heartbeatSeconds: 0.05 } });
    const [deaf, well] = [await server.stream(), await server.stream()];
    deaf.socket.pong = () => undefined;
    (deaf.socket as unknown as { _autoPong: boolean })._autoPong = false;
    expect((await deaf.closed).code).toBe(1006);
    expect(well.socket.readyState).toBe(well.socket.OPEN);
    await server.stop();
  });
});
