/** The TypeScript SDK over HTTP, against a real server. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { NeuroreelClient, type ClientError, type JobSubmission } from '../../clients/js/index.js';
import { parseToken } from '../../src/server/tokens.js';
import { reaches } from '../jobs/fixtures/fixtures.js';
import { startServer, type TestServer } from '../server/harness.js';
import { answering } from './impostors.js';

const code = (of: string): object => expect.objectContaining({ name: 'ClientError', code: of });
const request = (more: Partial<JobSubmission> = {}): JobSubmission =>
  ({ kind: 'video', model: 'fixture', unit: 'steady', frames: 8, ...more }) as JobSubmission;

describe('jobs', () => {
  let t: TestServer;
  let client: NeuroreelClient;

  beforeAll(async () => {
    t = await startServer();
    client = new NeuroreelClient({ url: t.url });
  });

  afterAll(() => t.stop());

  it('are submitted under an id or a key, and the same again is the same job', async () => {
    const made = await client.jobs.submit(request());
    expect(made).toMatchObject({ state: expect.any(String), request: { unit: 'steady', fps: 25 } });
    const first = await client.jobs.submit(request(), { idempotencyKey: 'a-key' });
    expect((await client.jobs.submit(request(), { idempotencyKey: 'a-key' })).id).toBe(first.id);
    expect(first.id).not.toBe(made.id);
    expect((await client.jobs.submit(request(), { id: 'mine' })).id).toBe('mine');
    expect((await client.jobs.submit(request(), { id: 'mine' })).id).toBe('mine');
    await expect(client.jobs.submit(request({ seed: 2 }), { id: 'mine' })).rejects.toEqual(code('JOB_ID_TAKEN'));
  });

  it('end, and leave files', async () => {
    await client.jobs.submit(request(), { id: 'ends' });
    const states: string[] = [];
    const job = await client.wait('ends', {
      onEvent: (event) => void (event.type === 'state' && states.push(event.job.state)),
    });
    expect(job).toMatchObject({ id: 'ends', state: 'succeeded', error: null });
    expect(states.at(-1)).toBe('succeeded');
    const names = (await client.jobs.artifacts('ends')).map(({ name }) => name);
    expect(names).toContain('video.mp4');
    const whole = await (await client.jobs.artifact('ends', 'video.mp4')).text();
    expect(whole).toBe('v'.repeat(1000));
    const part = await client.jobs.artifact('ends', 'video.mp4', { range: [10, 19] });
    expect([part.status, await part.text()]).toEqual([206, 'v'.repeat(10)]);
    expect((await fetch(client.jobs.artifactAddress('ends', 'video.mp4'))).status).toBe(200);
    await client.jobs.delete('ends');
    await expect(client.jobs.get('ends')).rejects.toEqual(code('JOB_UNKNOWN'));
    await expect(client.wait('ends')).rejects.toEqual(code('JOB_UNKNOWN'));
  });

  it('that fail say why, and are tried again', async () => {
    await client.jobs.submit(request({ unit: 'throws' }), { id: 'fails' });
    expect(await client.wait('fails')).toMatchObject({ state: 'failed', error: { code: 'INTERNAL' } });
    expect(await client.jobs.retry('fails')).toMatchObject({ state: expect.stringMatching(/queued|starting/) });
    expect((await client.wait('fails')).state).toBe('failed');
  });

  it('are paused, resumed, steered and cancelled', async () => {
    await client.jobs.submit(request({ iterations: 100_000 }), { id: 'long' });
    await reaches(t.server.jobs, 'long', 'running');
    await client.jobs.pause('long');
    await reaches(t.server.jobs, 'long', 'paused');
    await client.jobs.resume('long');
    await reaches(t.server.jobs, 'long', 'running');
    expect((await client.jobs.steer('long', { rate: 0.5 })).steering).toMatchObject([{ change: { rate: 0.5 } }]);
    await client.jobs.cancel('long');
    expect((await client.wait('long')).state).toBe('canceled');
    await expect(client.jobs.pause('long')).rejects.toEqual(code('JOB_STATE_CONFLICT'));
  });

  it('are listed with filters, and all of them part by part', async () => {
    const page = await client.jobs.list({ state: ['failed', 'canceled'], kind: 'video', limit: 1 });
    expect(page.jobs).toHaveLength(1);
    expect(page.next).not.toBeNull();
    const ids: string[] = [];
    for await (const { id } of client.jobs.all({ state: ['failed', 'canceled'], limit: 1 })) ids.push(id);
    expect(ids).toEqual(['long', 'fails']);
  });

  it('with a wrong request are refused, with the fields and what to do', async () => {
    const refused = await client.jobs.submit(request({ frames: 0 })).catch((error: ClientError) => error);
    expect(refused).toEqual(code('REQUEST_INVALID'));
    expect(refused).toMatchObject({ status: 400, remedy: expect.stringContaining('Correct the fields') });
    expect((refused as ClientError).details).toMatchObject([{ field: 'frames' }]);
  });

  it('are refused with the time to wait when the queue is full', async () => {
    const full = await startServer({ config: { queueLimit: 1 } });
    const other = new NeuroreelClient({ url: full.url });
    await other.jobs.submit(request({ iterations: 100_000 }), { id: 'a' });
    await reaches(full.server.jobs, 'a', 'running');
    await other.jobs.submit(request());
    const error = await other.jobs.submit(request()).catch((thrown: ClientError) => thrown);
    expect(error).toMatchObject({ code: 'QUEUE_FULL', retryAfterSeconds: 10 });
    await full.stop();
  });

  it('may be given up waiting for', async () => {
    await client.jobs.submit(request({ iterations: 100_000 }), { id: 'waits' });
    const gone = new AbortController();
    const waiting = client.wait('waits', {
      signal: gone.signal,
      onEvent: ({ type }) => type === 'progress' && gone.abort(new Error('enough')),
    });
    await expect(waiting).rejects.toThrow('enough');
    await client.jobs.cancel('waits');
  });

  it('are of models that can be listed; the server tells how it is', async () => {
    expect((await client.models.list()).map(({ name }) => name)).toEqual(['fixture', 'fixture-prior']);
    expect(await client.models.get('fixture')).toMatchObject({ kind: 'recogniser' });
    await expect(client.models.get('none')).rejects.toEqual(code('MODEL_UNKNOWN'));
    expect(await client.models.clips()).toEqual([]);
    expect(Object.keys(await client.schemas()).length).toBeGreaterThan(0);
    expect(await client.health()).toMatchObject({ status: 'ok', protocol: 'neuroreel.v1' });
  });
});

describe('a server with tokens', () => {
  const token = 'the-token-of-this-test';

  it('takes the right one and says what is wrong of others', async () => {
    const t = await startServer({ config: { token, moreTokens: [parseToken('view:the-viewers-token-1', 'test')] } });
    const admin = new NeuroreelClient({ url: t.url, token });
    await admin.jobs.submit(request(), { id: 'a' });
    expect((await admin.wait('a')).state).toBe('succeeded');
    const viewer = new NeuroreelClient({ url: t.url, token: 'the-viewers-token-1' });
    expect((await viewer.wait('a')).state).toBe('succeeded');
    await expect(viewer.jobs.submit(request())).rejects.toEqual(code('SCOPE_REQUIRED'));
    for (const wrong of [new NeuroreelClient({ url: t.url }), new NeuroreelClient({ url: t.url, token: 'wrong' })]) {
      await expect(wrong.jobs.get('a')).rejects.toEqual(code('TOKEN_REQUIRED'));
      await expect(wrong.wait('a')).rejects.toEqual(code('TOKEN_REQUIRED'));
    }
    await t.stop();
  });
});

describe('what is no server of this protocol', () => {
  it.each([
    ['a server of another version', { 'Neuroreel-Protocol': 'neuroreel.v2' }, 404, '{}', 'speaks neuroreel.v2'],
    ['a web server', undefined, 404, '<h1>Not found</h1>', 'not as a neuroreel server does'],
    ['a web page', undefined, 200, '<h1>Hello</h1>', 'did not answer in JSON'],
  ])('%s is told apart', async (_, headers, status, body, words) => {
    const server = await answering(status, body, headers);
    const client = new NeuroreelClient({ url: server.url });
    for (const asked of [client.jobs.get('a'), client.health(), client.wait('a')]) {
      await expect(asked).rejects.toEqual(code('PROTOCOL_MISMATCH'));
    }
    await expect(client.health()).rejects.toThrow(words);
    await server.close();
  });

  it('a proxy without a server behind it, and nothing at all, are unreachable', async () => {
    const proxy = await answering(502, 'Bad gateway');
    const client = new NeuroreelClient({ url: proxy.url });
    await expect(client.health()).rejects.toEqual(code('SERVER_UNREACHABLE'));
    await proxy.close();
    await expect(client.health()).rejects.toEqual(code('SERVER_UNREACHABLE'));
    await expect(client.wait('a')).rejects.toEqual(code('SERVER_UNREACHABLE'));
  });

  it('an address that is none is refused at once', () => {
    expect(() => new NeuroreelClient({ url: 'ftp://127.0.0.1/' })).toThrow(TypeError);
  });
});
