/** Commands that have a server do the work, and those that look after its jobs. */
import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { auditReport, figureReport, imageReport, videoReport } from '../../src/protocol/index.js';
import { TINY_CLASSIFIER, writeTinyClassifier } from '../fixtures/tiny-classifier.js';
import { writeTinyModels } from '../fixtures/tiny-models.js';
import { openPlace, type CliResult, type Place, type Running } from './run-cli.js';

vi.setConfig({ testTimeout: 240_000, hookTimeout: 240_000 });

const TOKEN = 'a-secret-of-the-tests';
let place: Place;
let server: Running;
let url: string;

beforeAll(async () => {
  place = await openPlace({ NEUROREEL_TOKEN: TOKEN });
  await writeTinyModels(join(place.path, 'models'), { clips: 2 });
  writeTinyClassifier(join(place.path, 'models'));
  server = place.start(['serve', '--port', '0', '--models', 'models', '--json', '--log', 'error']);
  url = /"url": "([^"]+)"/.exec(await server.saying(/"modelFolders"/))![1]!;
});
afterAll(async () => {
  server.child.kill('SIGTERM');
  await server.ended;
  await place.remove();
});

const run = (...args: string[]): Promise<CliResult> => place.run([...args, '--server', url]);
const video = ['video', '--model', 'tiny-lrcn', '--frames', '8'];

describe('a command with a server', () => {
  it('leaves the files that it leaves without one', async () => {
    const there = await run(...video, '--iterations', '4', '--unit', '0', '--out', 'there', '--json');
    expect({ code: there.code, stdout: there.code === 0 ? '' : there.stdout }).toEqual({ code: 0, stdout: '' });
    expect(there.stderr).toMatch(/^Job \S+ is \w+ at http:/m);
    expect(there.stderr).toMatch(/^optimising 4\/4 {2}activation /m);
    const local = [...video, '--models', 'models', '--iterations', '4', '--unit', '0', '--out', 'here', '--json', '-q'];
    const here = await place.run(local);
    expect(videoReport.parse(there.document.report).activations).toEqual(here.document.report.activations);
    const names = await readdir(join(place.path, 'there'));
    expect(names.sort()).toEqual(['activation.png', 'report.json', 'sheet.png', 'video.mp4']);
    for (const name of ['video.mp4', 'sheet.png']) {
      const [one, two] = await Promise.all(['there', 'here'].map((folder) => readFile(join(place.path, folder, name))));
      expect(one!.equals(two!)).toBe(true);
    }
  });

  it('makes images', async () => {
    const args = ['image', '--model', TINY_CLASSIFIER, '--unit', 'left,2', '--iterations', '3', '--out', 'images'];
    const { code, document } = await run(...args, '--json', '-q');
    expect({ code, error: document.error }).toEqual({ code: 0, error: undefined });
    expect(imageReport.parse(document.report).pictures.map(({ unit }) => unit.label)).toEqual(['left', 'still']);
  });

  it('makes figures and audits', async () => {
    const figure = [
      'figure',
      's9',
      '--model',
      TINY_CLASSIFIER,
      '--units',
      'left',
      '--starts',
      '2',
      '--iterations',
      '3',
    ];
    const made = await run(...figure, '--out', 'figure', '--json', '-q');
    expect({ code: made.code, error: made.document.error }).toEqual({ code: 0, error: undefined });
    expect(figureReport.parse(made.document.report).panels).toHaveLength(2);
    expect((await readdir(join(place.path, 'figure'))).sort()).toEqual(['figure.json', 'figure.png']);
    const audit = ['audit', '--model', 'tiny-lrcn', '--conditions', 'shuffle', '--permutations', '2', '--crops', '1'];
    const audited = await run(...audit, '--out', 'audit', '--json', '-q');
    expect({ code: audited.code, error: audited.document.error }).toEqual({ code: 0, error: undefined });
    expect(auditReport.parse(audited.document).parameters).toMatchObject({
      permutations: 2,
      conditions: ['original', 'shuffle'],
    });
    expect(await readdir(join(place.path, 'audit'))).toEqual(expect.arrayContaining(['report.html', 'report.json']));
  });

  it('refuses what is the affair of the server, and says what the server says', async () => {
    const threads = await run(...video, '--threads', '2');
    expect([threads.code, threads.stderr]).toEqual([
      2,
      expect.stringContaining('--threads cannot be used with a server'),
    ]);
    const unknown = await run('video', '--model', 'nobody', '--json');
    expect([unknown.code, unknown.document.error.code]).toEqual([3, 'MODEL_UNKNOWN']);
    const token = await place.run([...video, '--server', url, '--token', 'wrong', '--json']);
    expect([token.code, token.document.error.code]).toEqual([2, 'TOKEN_REQUIRED']);
    const nowhere = await place.run(['jobs', '--server', 'http://127.0.0.1:9', '--json']);
    expect([nowhere.code, nowhere.document.error.code]).toEqual([4, 'SERVER_UNREACHABLE']);
  });

  it('interrupted once holds its job, and the command that it names goes on with it', async () => {
    const running = place.start([...video, '--iterations', '800', '--out', 'held', '--server', url]);
    await running.saying('optimising 1/800');
    running.child.kill('SIGINT');
    const { code, stderr } = await running.ended;
    expect(code).toBe(130);
    const [, command, id] = /To go on: neuroreel (watch (\S+) --resume --out \S+ --server \S+)$/m.exec(stderr)!;
    const shown = await run('jobs', 'show', id!, '--json');
    expect(shown.document.job.state).toBe('paused');
    const rest = await place.run([...command!.split(' '), '--json']);
    expect(rest.code).toBe(0);
    expect(rest.document).toMatchObject({ job: { id, state: 'succeeded' }, folder: join(place.path, 'held') });
    expect(await readdir(join(place.path, 'held'))).toContain('video.mp4');
  });
});

describe('neuroreel jobs', () => {
  it('lists, shows, holds, cancels, retries and deletes them', async () => {
    const running = place.start([...video, '--iterations', '100000', '--server', url]);
    const said = await running.saying('optimising 1/100000');
    const id = /^Job (\S+) is/m.exec(said)![1]!;
    const listed = await run('jobs', '--state', 'running,paused', '--kind', 'video');
    expect(listed.stdout).toMatch(new RegExp(`^JOB +KIND +STATE .*\n${id} +video +running +tiny-lrcn +right `, 'm'));
    expect((await run('jobs', 'pause', id)).stdout).toBe(`Job ${id} is paused.\n`);
    expect((await run('jobs', 'cancel', id, '--json')).document.jobs[0].id).toBe(id);
    expect((await running.ended).code).toBe(5);
    const again = await run('jobs', 'resume', id, '--json');
    expect([again.code, again.document.error.code]).toEqual([2, 'JOB_STATE_CONFLICT']);
    expect((await run('jobs', 'delete', id)).stdout).toBe(`Job ${id} is deleted.\n`);
    const gone = await run('watch', id, '--json');
    expect([gone.code, gone.document.error.code]).toEqual([2, 'JOB_UNKNOWN']);
  });
});
