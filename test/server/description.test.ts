import { Parser } from '@asyncapi/parser';
import { Validator } from '@seriousme/openapi-schema-validator';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { clientMessage, jobRequest } from '../../src/protocol/index.js';
import { OPERATIONS } from '../../src/server/description/operations.js';
import { fixtureRequest, reaches } from '../jobs/fixtures/fixtures.js';
import { startServer, type TestServer } from './harness.js';

let t: TestServer;
let openApi: any;
let asyncApi: any;

beforeAll(async () => {
  t = await startServer();
  // Fetched first: the validators below hold up the event loop, which the server shares.
  [openApi, asyncApi] = (await Promise.all(['/openapi.json', '/asyncapi.json'].map((path) => t.call('GET', path)))).map(
    ({ body }) => body,
  );
});

afterAll(() => t.stop());

describe('the document of the HTTP interface', () => {
  it('is valid OpenAPI 3.1', async () => {
    const result = await new Validator().validate(openApi);
    expect(result).toMatchObject({ valid: true });
    expect(openApi.openapi).toBe('3.1.0');
  });

  it('describes every route that there is, and no other', () => {
    // A new route needs an entry in src/server/description/operations.ts.
    expect([...t.server.routes].sort()).toEqual(Object.keys(OPERATIONS).sort());
  });

  it('has the fields of requests, with what they mean', () => {
    const request = openApi.paths['/v1/jobs'].post.requestBody.content['application/json'].schema;
    const video = request.oneOf.find((kind: any) => kind.properties.kind.const === 'video');
    expect(video.properties.frames).toMatchObject({ type: 'integer', minimum: 1, maximum: 4096 });
    for (const field of Object.values<any>(video.properties)) expect(field.description).toBeTruthy();
    expect(request.oneOf.length).toBe(jobRequest.options.length);
  });
});

describe('the document of the stream', () => {
  it('describes every message', () => {
    const described = asyncApi.operations.fromClient.messages.map(({ $ref }: any) => $ref.split('/').at(-1));
    expect(described).toEqual(clientMessage.options.map((option) => option.shape.type.value));
    expect(Object.keys(asyncApi.channels.stream.messages)).toEqual(
      expect.arrayContaining(['hello', 'state', 'progress', 'ended', 'done', 'error', 'frame']),
    );
  });
});

describe('the page of both', () => {
  it('needs nothing from elsewhere, runs nothing, and names every route', async () => {
    const { status, body, headers } = await t.call('GET', '/docs');
    expect([status, headers.get('content-type')]).toEqual([200, 'text/html; charset=utf-8']);
    expect(body).not.toMatch(/<script|(src|href)="(https?:)?\/\//);
    expect(body).toContain('/v1/jobs/{id}/cancel');
    expect((await t.call('GET', '/docs.css')).status).toBe(200);
  });
});

describe('/metrics', () => {
  it('counts jobs, steps, frames and viewers', async () => {
    await t.server.jobs.submit('measured', fixtureRequest('steady', { iterations: 200 }));
    const client = await t.stream();
    client.send({ type: 'subscribe', job: 'measured', frames: { view: 'frame', format: 'webp' } });
    await client.next('frame');
    const during = (await t.call('GET', '/metrics')).body as string;
    expect(during).toMatch(/^neuroreel_viewers 1$/m);
    expect(during).toMatch(/^neuroreel_subscriptions 1$/m);
    await reaches(t.server.jobs, 'measured', 'succeeded');
    client.socket.close();
    const { body, headers } = await t.call('GET', '/metrics');
    expect(headers.get('content-type')).toContain('text/plain');
    expect(body).toMatch(/^neuroreel_job_states_total\{state="succeeded",kind="video"\} 1$/m);
    expect(body).toMatch(/^neuroreel_jobs\{state="finished"\} 1$/m);
    expect(body).toMatch(/^neuroreel_step_seconds_count 200$/m);
    expect(body).toMatch(/^neuroreel_frames_sent_total\{format="webp"\} [1-9]/m);
    expect(body).toMatch(/^neuroreel_encode_seconds_count\{format="webp"\} [1-9]/m);
    expect(body).toMatch(/^neuroreel_frames_dropped_total \d+$/m);
    expect(body).toMatch(/^neuroreel_resident_memory_bytes [1-9]\d+$/m);
  });

  it('needs a token where there are any', async () => {
    const closed = await startServer({ config: { token: 'a-token-of-many-letters' } });
    expect((await closed.call('GET', '/metrics')).status).toBe(401);
    for (const path of ['/openapi.json', '/asyncapi.json', '/docs'])
      expect((await closed.call('GET', path)).status).toBe(200);
    await closed.stop();
  });
});

// Last: it holds up the event loop for seconds, in which the server drops the connections that fetch keeps.
describe('the validator of AsyncAPI', () => {
  it('takes the document of the stream', async () => {
    const { document, diagnostics } = await new Parser().parse(JSON.stringify(asyncApi));
    expect(diagnostics.filter(({ severity }) => Number(severity) === 0)).toEqual([]);
    expect(document?.version()).toBe('3.0.0');
  });
});
