import { afterAll, beforeAll, expect, it } from 'vitest';
import { fuzzHttp, fuzzStream } from '../load/fuzz.mjs';
import { endless, reaches } from '../jobs/fixtures/fixtures.js';
import { startServer, type TestServer } from './harness.js';

let t: TestServer;

beforeAll(async () => {
  t = await startServer({
    config: { maxRequestsPerMinute: 1_000_000, maxMessagesPerSecond: 100_000, maxBacklogBytes: 64 * 1024 * 1024 },
  });
  await t.server.jobs.submit('a', endless());
  await reaches(t.server.jobs, 'a', 'running');
});

afterAll(() => t.stop());

it('random and mutated requests are all answered with errors of the catalogue, none with 500', async () => {
  const { answers, problems } = await fuzzHttp(t.port, 600, 1);
  expect(problems).toEqual([]);
  expect(Object.keys(answers).length).toBeGreaterThan(5);
  expect((await t.call('GET', '/healthz')).body.status).toBe('ok');
});

it('random and mutated messages of the stream, too', async () => {
  const { answers, problems } = await fuzzStream(t.port, 600, 1);
  expect(problems).toEqual([]);
  expect(Object.keys(answers)).toEqual(expect.arrayContaining(['MESSAGE_INVALID', 'state']));
});
