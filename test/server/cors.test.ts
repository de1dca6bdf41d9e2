/** Pages of other origins that the server was told of: what browsers ask, and what they may read. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { startServer, type TestServer } from './harness.js';

const ORIGIN = 'http://lab.example:3000';
const TOKEN = 'a-token-of-many-letters';

describe('CORS', () => {
  let t: TestServer;

  beforeAll(async () => {
    t = await startServer({ config: { allowedOrigins: [`${ORIGIN}/`], token: TOKEN } });
  });

  afterAll(() => t.stop());

  const ask = (method: string, path: string, headers: Record<string, string>) =>
    t.call(method, path, undefined, headers);
  const named = (headers: Headers): string[] =>
    [...headers.keys()].filter((name) => name.startsWith('access-control-'));

  it('a preflight of an origin of the list is answered, without a token and for exactly that origin', async () => {
    const answer = await ask('OPTIONS', '/v1/jobs', {
      origin: ORIGIN,
      'access-control-request-method': 'POST',
      'access-control-request-headers': 'authorization,content-type,idempotency-key',
    });
    expect(answer.status).toBe(204);
    expect(answer.headers.get('access-control-allow-origin')).toBe(ORIGIN);
    expect(answer.headers.get('access-control-allow-methods')).toContain('POST');
    for (const name of ['Authorization', 'Content-Type', 'Idempotency-Key', 'Range'])
      expect(answer.headers.get('access-control-allow-headers')).toContain(name);
    expect(answer.headers.get('access-control-allow-credentials')).toBeNull();
    expect(answer.headers.get('vary')).toContain('Origin');
  });

  it('its pages read answers and errors alike, with the headers that the SDK looks at', async () => {
    const authorization = `Bearer ${TOKEN}`;
    const answers = [
      await ask('POST', '/v1/tickets', { origin: ORIGIN, authorization }),
      await ask('GET', '/v1/jobs/none', { origin: ORIGIN, authorization }),
      await ask('GET', '/v1/jobs', { origin: ORIGIN }),
      await ask('GET', '/healthz', { origin: ORIGIN }),
    ];
    expect(answers.map(({ status }) => status)).toEqual([201, 404, 401, 200]);
    for (const { headers } of answers) {
      expect(headers.get('access-control-allow-origin')).toBe(ORIGIN);
      expect(headers.get('access-control-expose-headers')).toContain('Retry-After, Neuroreel-Protocol');
      expect(headers.get('vary')).toContain('Origin');
    }
  });

  it('other origins get nothing, and neither does a page of the server itself, which needs nothing', async () => {
    for (const origin of ['http://lab.example', 'https://lab.example:3000', 'http://evil.example', 'null']) {
      const preflight = { origin, 'access-control-request-method': 'POST' };
      for (const [method, headers] of [
        ['OPTIONS', preflight],
        ['GET', { origin }],
      ] as const) {
        const answer = await ask(method, '/v1/jobs', headers);
        expect([answer.status, answer.body.error.code, named(answer.headers)]).toEqual([403, 'ORIGIN_REFUSED', []]);
      }
    }
    const own = await ask('GET', '/healthz', { origin: t.url });
    expect([own.status, named(own.headers)]).toEqual([200, []]);
    // A cache must not give a page of the list what one without an origin was answered.
    expect(own.headers.get('vary')).toContain('Origin');
  });
});
