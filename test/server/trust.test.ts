import { createHash } from 'node:crypto';
import { existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { mkdir, symlink } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { ModelRegistry } from '../../src/engine/models/registry.js';
import { createServer, resolveConfig } from '../../src/server/index.js';
import { Attempts } from '../../src/server/attempts.js';
import { jsonLog } from '../../src/server/server.js';
import { hashToken, parseToken, readTokensFile, scopeOf } from '../../src/server/tokens.js';
import { endless, fixtureKinds, reaches, temporaryFolder } from '../jobs/fixtures/fixtures.js';
import { rawRequest, startServer, type TestServer } from './harness.js';

const code = (of: string): object => expect.objectContaining({ code: of });
const bearer = (token: string): Record<string, string> => ({ authorization: `Bearer ${token}` });
const secrets = { view: 'the-viewers-token-1', run: 'the-runners-token-2', admin: 'the-admins-token-3' };
const tokens = Object.entries(secrets).map(([scope, secret]) => parseToken(`${scope}:${secret}`, 'test'));
const sha256 = (bytes: string | Uint8Array): string => createHash('sha256').update(bytes).digest('hex');

describe('tokens', () => {
  it('are kept as hashes, and give the widest scope of those that match', () => {
    expect(JSON.stringify(tokens)).not.toContain('token');
    expect(scopeOf(secrets.run, tokens)).toBe('run');
    expect(scopeOf('another', tokens)).toBeNull();
    expect(scopeOf(secrets.view, [...tokens, { scope: 'admin', sha256: hashToken(secrets.view) }])).toBe('admin');
    const config = resolveConfig({ token: secrets.admin });
    expect(JSON.stringify(config)).not.toContain(secrets.admin);
  });

  it('come from a file, in clear or hashed; what is wrong in it is named without showing it', async () => {
    const folder = await temporaryFolder();
    const path = join(folder.path, 'tokens');
    writeFileSync(path, `# of the lab\n\nview:${secrets.view}\nadmin:sha256:${hashToken(secrets.admin)}\n`);
    const read = readTokensFile(path);
    expect([scopeOf(secrets.view, read), scopeOf(secrets.admin, read), scopeOf(secrets.run, read)]).toEqual([
      'view',
      'admin',
      null,
    ]);
    for (const line of ['root:a-token-of-many-letters', 'view:short', 'a-token-of-many-letters', '']) {
      writeFileSync(path, line);
      expect(() => readTokensFile(path)).toThrowError(code('CONFIG_INVALID'));
      if (line !== '') expect(() => readTokensFile(path)).toThrowError(expect.not.objectContaining({ message: line }));
    }
    expect(() => readTokensFile(join(folder.path, 'none'))).toThrowError(code('CONFIG_INVALID'));
    await folder.remove();
  });

  it('cannot be guessed: an address that failed too often has to wait', () => {
    let now = 0;
    const attempts = new Attempts(2, () => now);
    for (let i = 0; i < 2; i++) {
      attempts.assertAllowed('a');
      attempts.fail('a');
    }
    expect(() => attempts.assertAllowed('a')).toThrowError(code('RATE_LIMITED'));
    expect(() => attempts.assertAllowed('b')).not.toThrow();
    now = 61_000;
    expect(() => attempts.assertAllowed('a')).not.toThrow();
  });
});

describe('scopes', () => {
  let t: TestServer;

  beforeAll(async () => {
    t = await startServer({ config: { moreTokens: tokens, maxWrongTokensPerMinute: 5 } });
    await t.server.jobs.submit('a', endless());
    await reaches(t.server.jobs, 'a', 'running');
  });

  afterAll(() => t.stop());

  it.each([
    ['GET', '/v1/jobs', 'view'],
    ['GET', '/v1/jobs/a', 'view'],
    ['POST', '/v1/jobs/none/cancel', 'run'],
    ['PUT', '/v1/jobs/b', 'run'],
    ['DELETE', '/v1/models/none', 'admin'],
    ['POST', '/v1/models/none/install', 'admin'],
    ['PUT', `/v1/models/none/files/model.json?sha256=${'0'.repeat(64)}`, 'admin'],
  ] as const)('%s %s needs %s', async (method, path, needs) => {
    for (const scope of ['view', 'run', 'admin'] as const) {
      const answer = await t.call(method, path, undefined, bearer(secrets[scope]));
      const enough = ['view', 'run', 'admin'].indexOf(scope) >= ['view', 'run', 'admin'].indexOf(needs);
      if (enough) expect([401, 403]).not.toContain(answer.status);
      else expect([answer.status, answer.body.error.code]).toEqual([403, 'SCOPE_REQUIRED']);
    }
  });

  it('hold on the stream, by header or by ticket', async () => {
    const { body } = await t.call('POST', '/v1/tickets', undefined, bearer(secrets.view));
    const viewers = [
      await t.stream({ path: `/v1/stream?ticket=${body.ticket}` }),
      await t.stream({ headers: bearer(secrets.view) }),
    ];
    for (const viewer of viewers) {
      viewer.send({ type: 'subscribe', job: 'a' });
      await viewer.next('state');
      viewer.send({ type: 'cancel', job: 'a', re: 1 });
      expect(await viewer.next('error')).toMatchObject({ re: 1, error: code('SCOPE_REQUIRED') });
      viewer.socket.close();
    }
    const runner = await t.stream({ headers: bearer(secrets.run) });
    runner.send({ type: 'pause', job: 'a', re: 2 });
    expect(await runner.next('done')).toMatchObject({ command: 'pause', re: 2 });
    runner.socket.close();
  });

  it('wrong tokens are refused, and then not even looked at; a right one from there waits too', async () => {
    const statuses: number[] = [];
    for (let i = 0; i < 7; i++) statuses.push((await t.call('GET', '/v1/jobs', undefined, bearer('wrong'))).status);
    expect(statuses).toEqual([401, 401, 401, 401, 401, 429, 429]);
    const answer = await t.call('GET', '/v1/jobs', undefined, bearer(secrets.admin));
    expect(answer.body).toMatchObject({ error: code('RATE_LIMITED') });
    expect(Number(answer.headers.get('retry-after'))).toBeGreaterThan(0);
    await expect(t.stream({ headers: bearer('wrong') })).rejects.toMatchObject({ status: 429 });
  });
});

describe('limits', () => {
  it('too many requests are answered with 429 and Retry-After', async () => {
    const t = await startServer({ config: { maxRequestsPerMinute: 3 } });
    const answers = [];
    for (let i = 0; i < 5; i++) answers.push(await t.call('GET', '/v1/jobs'));
    expect(answers.map(({ status }) => status)).toEqual([200, 200, 200, 429, 429]);
    expect(answers[4]!.body).toMatchObject({ error: code('RATE_LIMITED') });
    expect(Number(answers[4]!.headers.get('retry-after'))).toBeGreaterThan(0);
    await t.stop();
  });

  it('what is no HTTP is answered with an error of the catalogue', async () => {
    const t = await startServer();
    for (const text of [
      'hello\r\n\r\n',
      'GET / HTTP/9.9\r\n\r\n',
      `GET / HTTP/1.1\r\nx: ${'y'.repeat(40_000)}\r\n\r\n`,
    ]) {
      expect(await rawRequest(t.port, text)).toMatch(/^HTTP\/1\.1 400 .*REQUEST_MALFORMED/s);
    }
    expect(await rawRequest(t.port, 'GET / HTTP/1.1\r\nConnection: close\r\n\r\n')).toMatch(/403 .*HOST_REFUSED/s);
    const expects = 'GET /none HTTP/1.1\r\nHost: localhost\r\nExpect: x\r\nConnection: close\r\n\r\n';
    expect(await rawRequest(t.port, expects)).toMatch(/404 .*ROUTE_UNKNOWN/s);
    expect((await t.call('GET', '/healthz')).status).toBe(200);
    await t.stop();
  });

  it('--insecure listens beyond the machine, and says so loudly', async () => {
    const folder = await temporaryFolder();
    const lines: string[] = [];
    const log = jsonLog({ logLevel: 'info' }, { write: (line) => void lines.push(line) });
    const server = await createServer({ host: '0.0.0.0', port: 0, insecure: true, dataFolder: folder.path }, { log });
    await server.listen();
    expect(lines.join('')).toContain('INSECURE');
    await server.close();
    await folder.remove();
  });
});

describe('the log', () => {
  it('never has a token, a ticket or a header of authorisation in it', async () => {
    const folder = await temporaryFolder();
    const lines: string[] = [];
    const log = jsonLog({ logLevel: 'trace' }, { write: (line) => void lines.push(line) });
    const server = await createServer({ port: 0, token: secrets.admin, dataFolder: folder.path }, { log });
    const url = (await server.listen()).slice(0, -1);
    const ask = (path: string, method = 'POST', token = secrets.admin): Promise<Response> =>
      fetch(url + path, { method, headers: bearer(token) });
    const { ticket } = (await (await ask('/v1/tickets')).json()) as { ticket: string };
    await ask(`/v1/jobs/some-job/cancel?ticket=${ticket}`);
    await ask('/v1/jobs', 'POST', 'a-wrong-token-that-is-secret');
    log.info({ token: secrets.admin, request: { webhook: { secret: secrets.admin } } }, 'a careless line');
    await server.close();
    const text = lines.join('');
    expect(text).toContain('"job":"some-job"');
    for (const secret of [secrets.admin, ticket, 'a-wrong-token-that-is-secret']) expect(text).not.toContain(secret);
    await folder.remove();
  });
});

describe('a model package', () => {
  let t: TestServer;
  let folder: Awaited<ReturnType<typeof temporaryFolder>>;
  const source = new URL('../../models/figures-prior/', import.meta.url);
  const FILES = ['model.json', 'graph.json', 'weights.safetensors'];

  /** The shipped prior under another name. */
  function fileOf(name: string, file: string): Buffer {
    const bytes = readFileSync(new URL(file, source));
    if (file !== 'model.json') return bytes;
    return Buffer.from(bytes.toString('utf8').replace('"figures-prior"', JSON.stringify(name)));
  }

  async function put(name: string, file: string, bytes: Buffer, hash = sha256(bytes)) {
    const response = await fetch(`${t.url}/v1/models/${name}/files/${file}?sha256=${hash}`, {
      method: 'PUT',
      body: new Uint8Array(bytes),
    });
    return { status: response.status, body: await response.json() };
  }

  beforeAll(async () => {
    folder = await temporaryFolder();
    const server = await createServer(
      { port: 0, dataFolder: folder.path, logLevel: 'silent', uploadLimitBytes: 8_000_000 },
      { kinds: fixtureKinds(), models: ModelRegistry.open({ folders: [join(folder.path, 'models')] }) },
    );
    const url = (await server.listen()).slice(0, -1);
    const call: TestServer['call'] = async (method, path) => {
      const response = await fetch(url + path, { method });
      const text = await response.text();
      return { status: response.status, headers: response.headers, body: text === '' ? '' : JSON.parse(text) };
    };
    t = { server, url, call } as TestServer;
  });

  afterAll(async () => {
    await t.server.close();
    await folder.remove();
  });

  it('comes file by file, and is a model only when all of it was checked', async () => {
    for (const file of FILES) {
      const bytes = fileOf('brought', file);
      expect(await put('brought', file, bytes)).toMatchObject({ status: 201, body: { bytes: bytes.byteLength } });
      expect((await t.call('GET', '/v1/models')).body.models).toEqual([]);
    }
    const installed = await t.call('POST', '/v1/models/brought/install');
    expect([installed.status, installed.body.name]).toEqual([201, 'brought']);
    expect((await t.call('GET', '/v1/models/brought')).body.kind).toBe('prior');
    expect((await put('brought', 'model.json', fileOf('brought', 'model.json'))).body).toMatchObject({
      error: code('MODEL_EXISTS'),
    });
    expect((await t.call('DELETE', '/v1/models/brought')).status).toBe(204);
    expect((await t.call('GET', '/v1/models')).body.models).toEqual([]);
  });

  it('that is damaged or incomplete is refused, and never seen', async () => {
    expect((await t.call('POST', '/v1/models/broken/install')).body).toMatchObject({ error: code('MODEL_UNKNOWN') });
    await put('broken', 'model.json', fileOf('broken', 'model.json'));
    await put('broken', 'graph.json', fileOf('broken', 'graph.json'));
    const incomplete = await t.call('POST', '/v1/models/broken/install');
    expect(incomplete.body).toMatchObject({ error: code('MODEL_INVALID') });
    expect(incomplete.body.error.message).not.toContain(folder.path);
    const weights = fileOf('broken', 'weights.safetensors');
    weights[weights.length - 1]! ^= 1;
    await put('broken', 'weights.safetensors', weights);
    expect((await t.call('POST', '/v1/models/broken/install')).body).toMatchObject({
      error: code('MODEL_HASH_MISMATCH'),
    });
    expect((await t.call('GET', '/v1/models')).body.models).toEqual([]);
    expect((await t.call('DELETE', '/v1/models/broken')).status).toBe(204);
  });

  it('has to have the hash that was announced, and the size that is allowed', async () => {
    expect((await put('odd', 'a.bin', Buffer.from('x'), '0'.repeat(64))).body).toMatchObject({
      error: code('MODEL_HASH_MISMATCH'),
    });
    expect((await put('odd', 'a.bin', Buffer.alloc(8_000_001))).body).toMatchObject({ error: code('BODY_TOO_LARGE') });
    await put('odd', 'a.bin', Buffer.from('x'));
    expect((await put('odd', 'a.bin/b', Buffer.from('x'))).body).toMatchObject({ error: code('REQUEST_INVALID') });
    expect((await put('odd', 'b.bin', Buffer.alloc(8_000_000))).body).toMatchObject({ error: code('BODY_TOO_LARGE') });
  });

  it.skipIf(!existsSync('/dev/full'))(
    'for which the disk has no room is refused as such, and can be sent again',
    async () => {
      await mkdir(join(folder.path, 'uploads'), { recursive: true });
      // What the upload is first written to leads to a device that is always full.
      await symlink('/dev/full', join(folder.path, 'uploads', '.full.part'));
      const refused = await put('full', 'a.bin', Buffer.alloc(100_000));
      expect(refused).toMatchObject({ status: 507, body: { error: code('DISK_FULL') } });
      expect(refused.body.error.message).not.toContain(folder.path);
      expect((await put('full', 'a.bin', Buffer.alloc(100_000))).status).toBe(201);
      expect((await t.call('DELETE', '/v1/models/full')).status).toBe(204);
    },
  );

  it('cannot leave its folder', async () => {
    const before = readdirSync(folder.path).sort();
    for (const path of [
      '..%2Fevil',
      '%2E%2E%2Fevil',
      'a%2F..%2F..%2Fevil',
      '.hidden',
      '%2Fetc%2Fevil',
      'a%00b',
      'a%5C..%5Cb',
    ]) {
      expect((await put('odd', path, Buffer.from('x'))).status).toBe(400);
    }
    for (const name of ['..%2Fevil', 'UPPER', '.x', '%2E%2E']) {
      expect([400, 404]).toContain((await put(name, 'model.json', Buffer.from('x'))).status);
    }
    expect(readdirSync(folder.path).sort()).toEqual(before);
  });
});
