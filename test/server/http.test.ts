import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { ERRORS, errorAnswer, health, jobWithHistory, type ErrorCode } from '../../src/protocol/index.js';
import { reaches } from '../jobs/fixtures/fixtures.js';
import { rawRequest, startServer, type Answer, type TestServer } from './harness.js';

let t: TestServer;

const video = (more: Record<string, unknown> = {}): Record<string, unknown> => ({
  kind: 'video',
  model: 'fixture',
  unit: 'steady',
  frames: 8,
  ...more,
});

/** Each error has the same form, the status of its catalogue entry, and its remedy. */
function expectError(answer: Answer, code: ErrorCode): void {
  expect(answer.body).toEqual({ error: expect.objectContaining({ code, remedy: ERRORS[code].remedy }) });
  expect(() => errorAnswer.parse(answer.body)).not.toThrow();
  expect(answer.status).toBe(ERRORS[code].status);
}

beforeAll(async () => {
  t = await startServer();
});

afterAll(() => t.stop());

describe('jobs', () => {
  it('PUT makes a job once: the same body gives the same job, another body is refused', async () => {
    const first = await t.call('PUT', '/v1/jobs/one', video({ seed: 5 }));
    expect(first.status).toBe(201);
    expect(() => jobWithHistory.parse(first.body)).not.toThrow();
    const again = await t.call('PUT', '/v1/jobs/one', { ...video({ seed: 5 }), preset: 'default' });
    expect(again.status).toBe(200);
    expect(again.body.createdAt).toBe(first.body.createdAt);
    expectError(await t.call('PUT', '/v1/jobs/one', video({ seed: 6 })), 'JOB_ID_TAKEN');
  });

  it('PUT twice at the same time makes one job', async () => {
    const answers = await Promise.all([1, 2, 3].map(() => t.call('PUT', '/v1/jobs/twice', video())));
    expect(answers.map(({ status }) => status).sort()).toEqual([200, 200, 201]);
  });

  it('POST makes a job with a new id each time', async () => {
    const [a, b] = await Promise.all([t.call('POST', '/v1/jobs', video()), t.call('POST', '/v1/jobs', video())]);
    expect([a.status, b.status]).toEqual([201, 201]);
    expect(a.body.id).not.toBe(b.body.id);
    expect(a.headers.get('location')).toBe(`/v1/jobs/${a.body.id}`);
    const list = await t.call('GET', '/v1/jobs');
    expect(list.body.jobs.map(({ id }: { id: string }) => id)).toEqual(expect.arrayContaining([a.body.id, b.body.id]));
  });

  it('runs a job to its end; its artifacts can be fetched, in parts too', async () => {
    await t.call('PUT', '/v1/jobs/done', video());
    await reaches(t.server.jobs, 'done', 'succeeded');
    const job = await t.call('GET', '/v1/jobs/done');
    expect(job.body).toMatchObject({ state: 'succeeded', history: { iterations: [1, 2, 3, 4, 5] } });
    const { body } = await t.call('GET', '/v1/jobs/done/artifacts');
    expect(body.artifacts).toContainEqual({
      name: 'video.mp4',
      bytes: 1000,
      type: 'video/mp4',
      url: '/v1/jobs/done/artifacts/video.mp4',
      sha256: expect.stringMatching(/^[0-9a-f]{64}$/),
    });
    const whole = await t.call('GET', '/v1/jobs/done/artifacts/video.mp4');
    expect([whole.status, whole.headers.get('content-type'), whole.body.length]).toEqual([200, 'video/mp4', 1000]);
    expect(whole.headers.get('accept-ranges')).toBe('bytes');
    const tag = whole.headers.get('etag')!;
    expect(tag).toBe(`"${body.artifacts.find(({ name }: { name: string }) => name === 'video.mp4').sha256}"`);
    const known = await rawRequest(
      t.port,
      `GET /v1/jobs/done/artifacts/video.mp4 HTTP/1.1\r\nHost: 127.0.0.1:${t.port}\r\nIf-None-Match: ${tag}\r\nConnection: close\r\n\r\n`,
    );
    expect(known).toMatch(/^HTTP\/1\.1 304 /);
    const part = await t.call('GET', '/v1/jobs/done/artifacts/video.mp4', undefined, { range: 'bytes=10-19' });
    expect([part.status, part.headers.get('content-range'), part.body.length]).toEqual([206, 'bytes 10-19/1000', 10]);
    const beyond = await t.call('GET', '/v1/jobs/done/artifacts/video.mp4', undefined, { range: 'bytes=5000-' });
    expectError(beyond, 'RANGE_UNSATISFIABLE');
    const report = await t.call('GET', '/v1/jobs/done/artifacts/report.json');
    expect(report.headers.get('content-type')).toBe('application/json; charset=utf-8');
  });

  it('cancels, pauses and resumes by id', async () => {
    await t.call('PUT', '/v1/jobs/long', video({ iterations: 100_000 }));
    await reaches(t.server.jobs, 'long', 'running');
    expect((await t.call('POST', '/v1/jobs/long/pause')).status).toBe(202);
    await reaches(t.server.jobs, 'long', 'paused');
    expect((await t.call('POST', '/v1/jobs/long/resume')).status).toBe(202);
    await reaches(t.server.jobs, 'long', 'running');
    expect((await t.call('POST', '/v1/jobs/long/cancel')).status).toBe(200);
    await reaches(t.server.jobs, 'long', 'canceled');
    expect((await t.call('POST', '/v1/jobs/long/cancel')).body.state).toBe('canceled');
    expectError(await t.call('POST', '/v1/jobs/long/pause'), 'JOB_STATE_CONFLICT');
  });
});

describe('bad requests', () => {
  it.each([
    [{ frames: 0 }, 'REQUEST_INVALID', 'frames'],
    [{ frames: 1e9 }, 'REQUEST_INVALID', 'frames'],
    [{ frames: -5 }, 'REQUEST_INVALID', 'frames'],
    [{ size: 3 }, 'REQUEST_INVALID', 'size'],
    [{ kind: 'opera' }, 'REQUEST_INVALID', 'kind'],
    [{ model: 'none' }, 'MODEL_UNKNOWN', 'none'],
    [{ unit: 'none' }, 'UNIT_UNKNOWN', 'none'],
    [{ unit: 1000 }, 'UNIT_UNKNOWN', '1000'],
    [{ prior: 'none' }, 'MODEL_UNKNOWN', 'none'],
  ] as const)('%j is %s and names %s', async (change, code, named) => {
    for (const [method, path] of [
      ['PUT', '/v1/jobs/bad'],
      ['POST', '/v1/jobs'],
    ] as const) {
      const answer = await t.call(method, path, video(change));
      expectError(answer, code);
      expect(answer.body.error.message).toContain(named);
    }
    expectError(await t.call('GET', '/v1/jobs/bad'), 'JOB_UNKNOWN');
  });

  it('malformed bodies', async () => {
    expectError(await t.call('POST', '/v1/jobs', '{"kind":'), 'REQUEST_MALFORMED');
    expectError(await t.call('POST', '/v1/jobs', ''), 'REQUEST_INVALID');
    expectError(await t.call('POST', '/v1/jobs'), 'REQUEST_MALFORMED');
    expectError(await t.call('POST', '/v1/jobs', 'kind=video', { 'content-type': 'text/plain' }), 'REQUEST_MALFORMED');
    expectError(await t.call('POST', '/v1/jobs', '{}', { 'content-encoding': 'zip' }), 'REQUEST_MALFORMED');
    expectError(
      await t.call('POST', '/v1/jobs', '{}', { 'content-type': 'application/json; charset=none' }),
      'REQUEST_MALFORMED',
    );
    for (const body of ['null', '[]', '7', '"video"'])
      expectError(await t.call('POST', '/v1/jobs', body), 'REQUEST_INVALID');
  });

  it('a body that is too large', async () => {
    expectError(await t.call('POST', '/v1/jobs', video({ model: 'x'.repeat(70_000) })), 'BODY_TOO_LARGE');
  });

  it.each(['..', '.a', '-a', 'a b', 'a%2Fb', 'x'.repeat(65), 'a%00'])('the job id %j', async (id) => {
    const answer = await t.call('PUT', `/v1/jobs/${id === '..' ? '%2E%2E' : id}`, video());
    expect(answer.status).toBeGreaterThanOrEqual(400);
    expect(answer.status).toBeLessThan(500);
    expect(() => errorAnswer.parse(answer.body)).not.toThrow();
  });

  it('unknown addresses and wrong methods', async () => {
    for (const path of ['/v1', '/v1/none', '/v1/jobs/a/b', '/none.html', '/v2/jobs', '/protocol/errors.js']) {
      expectError(await t.call('GET', path), 'ROUTE_UNKNOWN');
    }
    expectError(await t.call('GET', '/v1/jobs/none'), 'JOB_UNKNOWN');
    expectError(await t.call('POST', '/v1/jobs/none/cancel'), 'JOB_UNKNOWN');
    expectError(await t.call('GET', '/v1/jobs/none/artifacts'), 'JOB_UNKNOWN');
    expectError(await t.call('GET', '/v1/models/none'), 'MODEL_UNKNOWN');
    expectError(await t.call('GET', '/v1/jobs/%ZZ'), 'REQUEST_MALFORMED');
    expectError(await t.call('GET', '/v1/stream'), 'UPGRADE_REQUIRED');
    const wrong = await t.call('DELETE', '/v1/jobs');
    expectError(wrong, 'METHOD_NOT_ALLOWED');
    expect(wrong.headers.get('allow')).toBe('GET, HEAD, POST');
    expectError(await t.call('POST', '/healthz'), 'METHOD_NOT_ALLOWED');
    expectError(await t.call('GET', '/v1/jobs/none/cancel'), 'METHOD_NOT_ALLOWED');
  });

  it('names of artifacts that lead elsewhere, encoded or not', async () => {
    await t.call('PUT', '/v1/jobs/files', video());
    await reaches(t.server.jobs, 'files', 'succeeded');
    await writeFile(join(t.dataFolder, 'secret.txt'), 'the secret');
    await writeFile(join(t.dataFolder, 'work', 'link.txt'), 'the secret');
    for (const name of [
      '..%2Frecord.json',
      '..%2F..%2Fsecret.txt',
      '%2E%2E%2Frecord.json',
      '..%5Crecord.json',
      '%2Fetc%2Fpasswd',
      'video.mp4%00.png',
      'link.txt',
      '%252E%252E%252Frecord.json',
    ]) {
      expectError(await t.call('GET', `/v1/jobs/files/artifacts/${name}`), 'ARTIFACT_UNKNOWN');
    }
    for (const target of [
      '/v1/jobs/files/artifacts/../record.json',
      '/v1/jobs/files/artifacts/../../secret.txt',
      '/../package.json',
      '/..%2f..%2fpackage.json',
      '/%2e%2e/package.json',
    ]) {
      const answer = await rawRequest(
        t.port,
        `GET ${target} HTTP/1.1\r\nHost: 127.0.0.1:${t.port}\r\nConnection: close\r\n\r\n`,
      );
      expect(answer).toMatch(/^HTTP\/1\.1 4\d\d /);
      expect(answer).toContain('{"error":{"code":');
      expect(answer).not.toContain('the secret');
    }
  });
});

describe('who may ask', () => {
  const withHost = (host: string): Promise<string> =>
    rawRequest(t.port, `GET /v1/jobs HTTP/1.1\r\nHost: ${host}\r\nConnection: close\r\n\r\n`);

  it('names of this machine are answered for, others are not', async () => {
    for (const host of ['127.0.0.1', `127.0.0.1:${t.port}`, 'localhost:80', 'LOCALHOST', '[::1]:8160']) {
      expect(await withHost(host)).toMatch(/^HTTP\/1\.1 200 /);
    }
    for (const host of ['evil.example', 'localhost.evil.example', '127.0.0.1.evil.example', '192.168.1.7', 'a b', '']) {
      expect(await withHost(host)).toMatch(/^HTTP\/1\.1 403 .*HOST_REFUSED/s);
    }
  });

  it('pages of the server itself are welcome, foreign ones and `null` are not', async () => {
    const ask = (origin: string): Promise<Answer> => t.call('GET', '/v1/jobs', undefined, { origin });
    expect((await ask(t.url)).status).toBe(200);
    for (const origin of [
      'null',
      'http://evil.example',
      'http://localhost:1',
      `http://127.0.0.1:${t.port + 1}`,
      'file://',
      'x',
    ]) {
      expectError(await ask(origin), 'ORIGIN_REFUSED');
    }
  });

  it('every answer has the security headers', async () => {
    for (const path of ['/', '/v1/jobs', '/none', '/app.js']) {
      const { headers } = await t.call('GET', path);
      expect(headers.get('x-content-type-options')).toBe('nosniff');
      expect(headers.get('content-security-policy')).toContain("default-src 'none'");
      expect(headers.get('content-security-policy')).not.toContain('unsafe');
      expect(headers.get('x-powered-by')).toBeNull();
      expect(headers.get('access-control-allow-origin')).toBeNull();
    }
  });
});

describe('the rest', () => {
  it('/healthz and /readyz', async () => {
    const answer = await t.call('GET', '/healthz');
    expect(answer.status).toBe(200);
    expect(health.parse(answer.body)).toMatchObject({ status: 'ok', viewers: 0 });
    expect((await t.call('GET', '/readyz')).body).toEqual({ ready: true });
  });

  it('/v1/models', async () => {
    const { body } = await t.call('GET', '/v1/models');
    expect(body.models.map(({ name }: { name: string }) => name)).toEqual(['fixture', 'fixture-prior']);
    expect((await t.call('GET', '/v1/models/fixture')).body.labels).toContain('steady');
  });

  it('the live page and its files', async () => {
    const page = await t.call('GET', '/');
    expect(page.headers.get('content-type')).toContain('text/html');
    expect(page.body).toBe(await readFile(new URL('../../dist/web/index.html', import.meta.url), 'utf8'));
    const script = /src="\.(\/assets\/[^"]+\.js)"/.exec(page.body)?.[1] ?? '';
    for (const file of [script, '/protocol/frame-header.js']) {
      const answer = await t.call('GET', file);
      expect([answer.status, answer.headers.get('content-type')]).toEqual([200, 'text/javascript; charset=utf-8']);
    }
    expect((await t.call('GET', script)).headers.get('cache-control')).toContain('immutable');
    const style = /href="\.(\/assets\/[^"]+\.css)"/.exec(page.body)?.[1] ?? '';
    expect((await t.call('GET', style)).headers.get('content-type')).toContain('text/css');
  });
});

describe('a full queue', () => {
  it('is 429 with Retry-After', async () => {
    const small = await startServer({ config: { queueLimit: 1 } });
    try {
      await small.call('PUT', '/v1/jobs/a', video({ iterations: 100_000 }));
      await reaches(small.server.jobs, 'a', 'running');
      await small.call('PUT', '/v1/jobs/b', video());
      const full = await small.call('PUT', '/v1/jobs/c', video());
      expectError(full, 'QUEUE_FULL');
      expect(Number(full.headers.get('retry-after'))).toBeGreaterThan(0);
      expect((await small.call('PUT', '/v1/jobs/b', video())).status).toBe(200);
    } finally {
      await small.stop();
    }
  });
});
