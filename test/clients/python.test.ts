/** The Python client with the system's Python, against real servers. */
import { execFile, spawn, spawnSync } from 'node:child_process';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { endless, reaches } from '../jobs/fixtures/fixtures.js';
import { startServer, type TestServer } from '../server/harness.js';
import { answering, streaming, type Impostor } from './impostors.js';

/** Of the system, with Debian's packages, unless another is named. */
const PYTHON = process.env['NEUROREEL_TEST_PYTHON'] ?? '/usr/bin/python3';
const source = fileURLToPath(new URL('../../clients/python/src', import.meta.url));
const here = (name: string): string => fileURLToPath(new URL(`python/${name}`, import.meta.url));
const environment = { PATH: process.env['PATH'], PYTHONPATH: source, PYTHONDONTWRITEBYTECODE: '1' };

/** What a python lacks for these tests; empty when nothing. */
function missing(): string {
  const { status, stderr, error } = spawnSync(PYTHON, ['-c', 'import httpx, numpy, websockets'], { encoding: 'utf8' });
  if (error !== undefined) return `there is no ${PYTHON}`;
  return status === 0 ? '' : (stderr.trim().split('\n').at(-1) ?? 'it does not start');
}

const lacks = missing();
const title = lacks === '' ? 'the Python client' : `the Python client (skipped: ${lacks}; see .ci/run)`;

describe.skipIf(lacks !== '')(title, () => {
  const token = 'the-token-of-this-test';
  let servers: TestServer[];
  let impostors: Impostor[];

  beforeAll(async () => {
    servers = [await startServer({ config: { queueLimit: 100 } }), await startServer({ config: { token } })];
    impostors = [
      await answering(404, '{}', { 'Neuroreel-Protocol': 'neuroreel.v2' }),
      await streaming({ type: 'hello', protocol: 'neuroreel.v2', heartbeatSeconds: 15 }),
      await answering(200, '<h1>Hello</h1>'),
    ];
  });

  afterAll(async () => {
    for (const server of servers) await server.stop();
    for (const impostor of impostors) await impostor.close();
  });

  it('passes its tests', async () => {
    const run = promisify(execFile)(PYTHON, ['-W', 'error::ResourceWarning', here('client_test.py')], {
      env: {
        ...environment,
        NEUROREEL_URL: servers[0]!.url,
        NEUROREEL_TOKEN_URL: servers[1]!.url,
        NEUROREEL_TOKEN: token,
        NEUROREEL_NEXT_URL: impostors[0]!.url,
        NEUROREEL_NEXT_STREAM_URL: impostors[1]!.url,
        NEUROREEL_WEB_URL: impostors[2]!.url,
      },
      timeout: 150_000,
    });
    const { stderr } = await run.catch((error: { stderr: string }) => error);
    expect(stderr).toMatch(/\nOK/);
  });

  it('finds a server again that was restarted', async () => {
    const first = await startServer();
    const { port, dataFolder } = first;
    await first.server.jobs.submit('a', endless());
    await reaches(first.server.jobs, 'a', 'running');
    const follower = spawn(PYTHON, [here('follow.py'), 'a'], { env: { ...environment, NEUROREEL_URL: first.url } });
    const lines = createInterface(follower.stdout)[Symbol.asyncIterator]();
    const said: string[] = [];
    const until = async (line: string): Promise<void> => {
      for (let last = ''; last !== line; said.push(last)) {
        const { value, done } = await lines.next();
        if (done === true) throw new Error(`it ended without saying ${line}: ${said.join(', ')}`);
        last = value;
      }
    };
    await until('running');
    await first.server.close();
    await until('lost');
    const second = await startServer({ dataFolder, config: { port } });
    await until('live');
    await until('running');
    second.server.jobs.cancel('a');
    await until('ended');
    await until('canceled');
    expect(said[0]).toBe('live');
    await second.stop();
    await first.stop();
  });
});
