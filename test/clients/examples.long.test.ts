/** The examples of the pages about the SDKs, each page one program, against a real server with the shipped models. */
import { execFile, spawnSync } from 'node:child_process';
import { mkdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createServer, type NeuroreelServer } from '../../src/server/index.js';

const root = fileURLToPath(new URL('../..', import.meta.url));
// Within the package, where its own name resolves.
const folder = join(root, 'out', `examples-${process.pid}`);
const PYTHON = '/usr/bin/python3';

let server: NeuroreelServer;
let url: string;

beforeAll(async () => {
  mkdirSync(folder, { recursive: true });
  server = await createServer({ port: 0, dataFolder: join(folder, 'data'), logLevel: 'silent' });
  url = await server.listen();
});

afterAll(async () => {
  await server.close();
  rmSync(folder, { recursive: true, force: true });
});

/** The blocks of one language of a page, as a program that talks to the server of this test. */
function programOf(page: string, language: string): string {
  const text = readFileSync(join(root, 'docs', page), 'utf8');
  const blocks = [...text.matchAll(new RegExp(`^\`\`\`${language}\n(.*?)^\`\`\``, 'gms'))].map(([, block]) => block!);
  expect(blocks.length).toBeGreaterThan(3);
  return blocks.join('\n').replaceAll('http://127.0.0.1:8160/', url);
}

/** Runs a program in the folder of this test, and gives what it printed. */
async function output(command: string, name: string, program: string, more: Record<string, string> = {}) {
  writeFileSync(join(folder, name), program);
  const env = { PATH: process.env['PATH'], ...more };
  const run = promisify(execFile)(command, [name], { cwd: folder, env, timeout: 150_000 });
  return (await run.catch((error: Error & { stderr: string }) => Promise.reject(new Error(error.stderr)))).stdout;
}

describe('examples', () => {
  it('of docs/sdk-javascript.md run', async () => {
    const said = await output(process.execPath, 'example.mjs', programOf('sdk-javascript.md', 'js'));
    for (const word of ['succeeded', 'video.mp4', 'canceled', 'UNIT_UNKNOWN', 'figures-lrcn']) {
      expect(said).toContain(word);
    }
    expect(statSync(join(folder, 'wave.mp4')).size).toBeGreaterThan(1000);
  });

  /** The cells of the notebook, as a program for a small video. */
  function notebookProgram(): string {
    const path = join(root, 'clients', 'python', 'examples', 'preferred-video.ipynb');
    const { cells } = JSON.parse(readFileSync(path, 'utf8')) as { cells: { cell_type: string; source: string[] }[] };
    const code = cells.flatMap(({ cell_type, source }) => (cell_type === 'code' ? source.join('') : []));
    return code.join('\n').replaceAll('http://127.0.0.1:8160/', url).replace('= 160, 200', '= 8, 4');
  }

  const { status } = spawnSync(PYTHON, ['-c', 'import httpx, numpy, websockets']);
  it.skipIf(status !== 0)('of docs/sdk-python.md run (skipped without the packages that .ci/run names)', async () => {
    const more = { PYTHONPATH: join(root, 'clients', 'python', 'src'), PYTHONDONTWRITEBYTECODE: '1' };
    const said = await output(PYTHON, 'example.py', programOf('sdk-python.md', 'python'), more);
    for (const word of ['succeeded', 'video.mp4', 'canceled', 'UNIT_UNKNOWN', 'figures-lrcn', 'live']) {
      expect(said).toContain(word);
    }
    expect(said).toMatch(/\(4, \d+, \d+, 3\)/);
    const shown = await output(PYTHON, 'notebook.py', notebookProgram(), more);
    expect(shown).toContain('video wave figures-lrcn: succeeded, 4 of 4');
  });
});
