import { spawn } from 'node:child_process';
import { createServer as createTcpServer, type AddressInfo } from 'node:net';
import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { TOKEN_SUBPROTOCOL_PREFIX } from '../../src/protocol/index.js';
import { configFromEnvironment, createServer, resolveConfig } from '../../src/server/index.js';
import { endless, fixtureModels, fixtureRequest, reaches, temporaryFolder } from '../jobs/fixtures/fixtures.js';
import { startServer, type TestServer } from './harness.js';

const code = (of: string): object => expect.objectContaining({ code: of });
let folder: Awaited<ReturnType<typeof temporaryFolder>>;

beforeEach(async () => {
  folder = await temporaryFolder();
});

afterEach(() => folder.remove());

describe('starting', () => {
  it('on an occupied port says so, and harms no job of the server that has it', async () => {
    const other = createTcpServer();
    await new Promise<void>((resolve) => other.listen(0, '127.0.0.1', resolve));
    const { port } = other.address() as AddressInfo;
    await expect(startServer({ dataFolder: folder.path, config: { port } })).rejects.toThrowError(code('PORT_IN_USE'));
    other.close();
  });

  it('with a data folder that cannot be written to says so', async () => {
    const file = join(folder.path, 'file');
    await writeFile(file, '');
    await expect(startServer({ dataFolder: file })).rejects.toThrowError(code('DATA_FOLDER_UNWRITABLE'));
    await expect(startServer({ dataFolder: join(file, 'x') })).rejects.toThrowError(code('DATA_FOLDER_UNWRITABLE'));
  });

  it('on an address that is not of this machine says so', async () => {
    const config = { host: '192.0.2.1', token: 'a-token-of-many-letters' };
    await expect(startServer({ dataFolder: folder.path, config })).rejects.toThrowError(code('ADDRESS_UNAVAILABLE'));
  });

  it('beyond loopback without a token is refused', async () => {
    for (const host of ['0.0.0.0', '::', '192.0.2.1', 'example.org']) {
      await expect(createServer({ host, dataFolder: folder.path }, { models: fixtureModels })).rejects.toThrowError(
        code('BIND_NEEDS_TOKEN'),
      );
    }
    expect(() => resolveConfig({ host: '0.0.0.0', token: 'short' })).toThrowError(code('CONFIG_INVALID'));
  });

  it('takes its configuration from the environment', () => {
    const env = {
      NEUROREEL_PORT: '0',
      NEUROREEL_ALLOWED_HOSTS: 'a.example, b.example',
      NEUROREEL_MODELS: '/a:/b',
      NEUROREEL_RUNTIME: 'tfjs',
      NEUROREEL_DEVICE: 'wasm',
      PATH: '/bin',
    };
    expect(configFromEnvironment(env)).toEqual({
      port: 0,
      allowedHosts: ['a.example', 'b.example'],
      modelFolders: ['/a', '/b'],
      runtime: 'tfjs',
      device: 'wasm',
    });
    expect(configFromEnvironment({ NEUROREEL_PORT: '' })).toEqual({});
    expect(() => configFromEnvironment({ NEUROREEL_PORT: 'x' })).toThrowError(code('CONFIG_INVALID'));
    expect(() => resolveConfig({ port: 70_000 })).toThrowError(/port: /);
  });
});

describe('a token', () => {
  const token = 'a-token-of-many-letters';
  const bearer = { authorization: `Bearer ${token}` };
  let t: TestServer;

  beforeEach(async () => {
    t = await startServer({ config: { token } });
  });

  afterEach(() => t.stop());

  it('is needed for the API, not for health and the page', async () => {
    for (const path of ['/v1/jobs', '/v1/models', '/v1/jobs/a/artifacts/b', '/v1/none']) {
      const answer = await t.call('GET', path);
      expect([answer.status, answer.body.error.code]).toEqual([401, 'TOKEN_REQUIRED']);
      expect(answer.headers.get('www-authenticate')).toContain('Bearer');
    }
    expect((await t.call('GET', '/v1/jobs', undefined, { authorization: 'Bearer wrong' })).status).toBe(401);
    expect((await t.call('GET', '/v1/jobs', undefined, { authorization: token })).status).toBe(401);
    expect((await t.call('GET', '/v1/jobs', undefined, bearer)).status).toBe(200);
    for (const path of ['/', '/healthz', '/readyz']) expect((await t.call('GET', path)).status).toBe(200);
  });

  it('opens a stream as header or subprotocol, or by a ticket that works once', async () => {
    await expect(t.stream()).rejects.toMatchObject({ status: 401, body: { error: code('TOKEN_REQUIRED') } });
    const offer = (secret: string): string[] => [
      'neuroreel.v1',
      TOKEN_SUBPROTOCOL_PREFIX + Buffer.from(secret).toString('base64url'),
    ];
    await expect(t.stream({ protocols: offer('wrong') })).rejects.toMatchObject({ status: 401 });
    const client = await t.stream({ protocols: offer(token) });
    expect(client.socket.protocol).toBe('neuroreel.v1');
    await (await t.stream({ headers: bearer })).next('hello');
    const { body } = await t.call('POST', '/v1/tickets', undefined, bearer);
    const path = `/v1/stream?ticket=${body.ticket}`;
    await (await t.stream({ path })).next('hello');
    await expect(t.stream({ path })).rejects.toMatchObject({ status: 401 });
  });
});

describe('stopping', () => {
  it('tells viewers, closes them with 1001, and leaves waiting jobs for the next start', async () => {
    const first = await startServer({ dataFolder: folder.path });
    await first.server.jobs.submit('a', endless());
    await first.server.jobs.submit('b', fixtureRequest('steady'));
    await reaches(first.server.jobs, 'a', 'running');
    const client = await first.stream();
    client.send({ type: 'subscribe', job: 'a', frames: {} });
    await client.next('frame');
    await first.stop();
    expect(await client.closed).toEqual({ code: 1001, reason: 'SHUTTING_DOWN' });
    // The job has not ended: its viewers come back when the server does.
    expect((await client.next('state', ({ job }) => job.events.length > 3)).job.state).toBe('queued');
    const second = await startServer({ dataFolder: folder.path });
    await reaches(second.server.jobs, 'a', 'running');
    await second.call('POST', '/v1/jobs/a/cancel');
    expect((await reaches(second.server.jobs, 'b', 'succeeded')).id).toBe('b');
    await second.stop();
  });

  it('refuses new jobs meanwhile', async () => {
    const t = await startServer();
    await t.server.jobs.submit('a', fixtureRequest('hangs'));
    await reaches(t.server.jobs, 'a', 'running');
    const stopped = t.stop();
    const answer = await t.call('POST', '/v1/jobs', { kind: 'video', model: 'fixture', unit: 'steady' });
    expect([answer.status, answer.body.error.code]).toEqual([503, 'SHUTTING_DOWN']);
    expect((await t.call('GET', '/readyz')).status).toBe(503);
    expect((await t.call('GET', '/healthz')).body.status).toBe('stopping');
    await stopped;
  });

  it('on SIGTERM ends the process with 0; its running job goes on with the next one', async () => {
    const program = fileURLToPath(new URL('./fixtures/serve.mjs', import.meta.url));
    await mkdir(join(folder.path, 'data'));
    const child = spawn(process.execPath, [program, join(folder.path, 'data')], {
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    const ended = new Promise((resolve) => child.on('exit', (status, signal) => resolve(status ?? signal)));
    await new Promise<void>((resolve) =>
      child.stdout.on('data', (text) => String(text).includes('running') && resolve()),
    );
    child.kill('SIGTERM');
    expect(await ended).toBe(0);
    const again = await startServer({ dataFolder: join(folder.path, 'data') });
    await reaches(again.server.jobs, 'a', 'running');
    expect((await again.call('GET', '/v1/jobs/a')).body.crashes).toBe(0);
    await again.stop();
  });
});
