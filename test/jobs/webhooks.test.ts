import { createHmac } from 'node:crypto';
import { createServer, type IncomingHttpHeaders, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { JobManager } from '../../src/jobs/manager.js';
import { isPrivateAddress, post } from '../../src/jobs/webhook-target.js';
import { fixtureRequest, openManager, reaches, temporaryFolder } from './fixtures/fixtures.js';

const SECRET = 'a secret of many letters';

let folder: Awaited<ReturnType<typeof temporaryFolder>>;
let managers: JobManager[] = [];
let receiver: Server;
let url: string;
let received: { body: string; headers: IncomingHttpHeaders }[];
/** Statuses of the next answers; 204 when there are none left. */
let answers: number[];

async function open(allowPrivate = true): Promise<JobManager> {
  const manager = await openManager(folder.path, { webhooks: { allowPrivate, backoffMs: [1, 1, 1] } });
  managers.push(manager);
  return manager;
}

const failing = (code: string): object => expect.objectContaining({ code });
const states = (): string[] => received.map(({ body }) => (JSON.parse(body) as { state: string }).state);

beforeEach(async () => {
  folder = await temporaryFolder();
  received = [];
  answers = [];
  receiver = createServer((request, response) => {
    let body = '';
    request.on('data', (part: Buffer) => (body += part.toString()));
    request.on('end', () => {
      received.push({ body, headers: request.headers });
      response.writeHead(answers.shift() ?? 204).end();
    });
  });
  await new Promise<void>((resolve) => receiver.listen(0, '127.0.0.1', resolve));
  url = `http://127.0.0.1:${(receiver.address() as AddressInfo).port}/hook`;
});
afterEach(async () => {
  for (const manager of managers) await manager.close(1000);
  managers = [];
  await new Promise((resolve) => receiver.close(resolve));
  await folder.remove();
});

describe('a webhook', () => {
  it('is told of each state in order, signed, and never of the secret', async () => {
    const manager = await open();
    const { job } = await manager.submit('a', fixtureRequest('steady'), { webhook: { url, secret: SECRET } });
    expect(job.webhook).toBe(url);
    await expect.poll(states).toEqual(['starting', 'running', 'encoding', 'succeeded']);
    for (const { body, headers } of received) {
      const [, seconds, v1] = /^t=(\d+),v1=([0-9a-f]{64})$/.exec(String(headers['neuroreel-signature']))!;
      expect(v1).toBe(createHmac('sha256', SECRET).update(`${seconds}.${body}`).digest('hex'));
      expect(body).not.toContain(SECRET);
    }
    expect(JSON.stringify(manager.get('a'))).not.toContain(SECRET);
  });

  it('is told of the states that it asked for, again until it takes them', async () => {
    answers = [500, 302];
    const manager = await open();
    const webhook = { url, secret: SECRET, states: ['succeeded' as const] };
    await manager.submit('a', fixtureRequest('steady'), { webhook });
    await expect.poll(states).toEqual(['succeeded', 'succeeded', 'succeeded']);
    expect(received.map(({ headers }) => headers['neuroreel-attempt'])).toEqual(['1', '2', '3']);
  });

  it('hears after a restart what it did not take before', async () => {
    answers = Array.from({ length: 3 }, () => 503);
    const first = await openManager(folder.path, { webhooks: { allowPrivate: true, backoffMs: [3_600_000] } });
    const webhook = { url, secret: SECRET, states: ['succeeded' as const] };
    await first.submit('a', fixtureRequest('steady'), { webhook });
    await reaches(first, 'a', 'succeeded');
    await expect.poll(() => received.length).toBe(1);
    await first.close(1000);
    answers = [];
    const later = new Date(Date.now() + 2 * 3_600_000);
    managers.push(await openManager(folder.path, { now: () => later, webhooks: { allowPrivate: true } }));
    await expect.poll(() => received.length).toBe(2);
  });

  it.each(['http://127.0.0.1/x', 'http://[::1]/x', 'http://10.1.2.3/', 'http://localhost:1/', 'http://2130706433/'])(
    'to %s is refused',
    async (target) => {
      const manager = await open(false);
      const submitted = manager.submit('a', fixtureRequest('steady'), { webhook: { url: target, secret: SECRET } });
      await expect(submitted).rejects.toThrowError(failing('WEBHOOK_REFUSED'));
      expect(manager.list()).toEqual([]);
    },
  );

  it('does not reach a private address by a name either, at the time of the connection', async () => {
    const { port } = receiver.address() as AddressInfo;
    const sent = { body: '{}', headers: {}, timeoutMs: 1000, signal: new AbortController().signal };
    const named = post({ ...sent, url: `http://localhost:${port}/`, allowPrivate: false });
    await expect(named).rejects.toThrowError(failing('WEBHOOK_REFUSED'));
    expect(received).toEqual([]);
  });
});

describe('addresses', () => {
  it.each([
    ...['127.0.0.1', '10.0.0.1', '172.16.0.1', '172.31.255.255', '192.168.1.1', '169.254.169.254', '100.64.0.1'],
    ...['0.0.0.0', '224.0.0.1', '255.255.255.255', '::', '::1', 'fe80::1', 'fc00::1', 'fd12::1', 'ff02::1'],
    ...['::ffff:127.0.0.1', '::ffff:10.0.0.1', '64:ff9b::7f00:1', '2002:7f00:1::', 'no address'],
  ])('%s is not public', (address) => expect(isPrivateAddress(address)).toBe(true));

  it.each(['8.8.8.8', '172.32.0.1', '100.128.0.1', '2606:4700::1111', '::ffff:8.8.8.8'])('%s is public', (address) =>
    expect(isPrivateAddress(address)).toBe(false),
  );
});
