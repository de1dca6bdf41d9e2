import { existsSync } from 'node:fs';
import { cp, readdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { auditReport } from '../../src/protocol/index.js';
import { TINY_RECOGNISER, writeTinyClips, writeTinyModels } from '../fixtures/tiny-models.js';
import { openPlace, type Place } from './run-cli.js';

// Every command is a process of its own, which takes its time on a machine that does much else.
vi.setConfig({ testTimeout: 240_000, hookTimeout: 240_000 });

let place: Place;
beforeAll(async () => {
  place = await openPlace();
  await writeTinyModels(join(place.path, 'models'), { clips: 2 });
  await cp(join(place.path, 'models', TINY_RECOGNISER), join(place.path, 'models', 'tiny-twin'), { recursive: true });
  const manifest = join(place.path, 'models', 'tiny-twin', 'model.json');
  await writeFile(manifest, (await readFile(manifest, 'utf8')).replace('"tiny-lrcn"', '"tiny-twin"'));
});
afterAll(() => place.remove());

const tiny = ['audit', '--model', 'tiny-lrcn', '--models', 'models', '--permutations', '3', '--cache', '0'];

describe('neuroreel audit', () => {
  it('leaves a page, tables and charts, prints the verdict, and compares models on a list of clips', async () => {
    await writeTinyClips(join(place.path, 'clips'), 2, 20);
    await writeFile(
      join(place.path, 'clips.csv'),
      'path,label,group\nclips/left/dot-1.mp4,left,a\nclips/left/dot-2.mp4,left,a\nclips/right/dot-1.mp4,,\n',
    );
    const args = [...tiny, '--clips', 'clips.csv', '--compare', 'tiny-twin', '--out', 'out/two'];
    const { code, stdout } = await place.run(args);
    expect(code).toBe(0);
    expect(stdout).toMatch(/^(in)?(sensitive|conclusive): /);
    expect(stdout).toMatch(/no difference is shown between tiny-lrcn and tiny-twin/);
    expect(stdout).toMatch(/The report is out\/two\/report\.html; beside it \d+ more files/);
    const folder = join(place.path, 'out', 'two');
    const report = auditReport.parse(JSON.parse(await readFile(join(folder, 'report.json'), 'utf8')));
    expect(
      report.models.map(({ name, clipsScored, clipsLabelled, groups }) => [name, clipsScored, clipsLabelled, groups]),
    ).toEqual([
      ['tiny-lrcn', 3, 2, 2],
      ['tiny-twin', 3, 2, 2],
    ]);
    expect(report.comparisons.every(({ difference }) => difference.value === 0)).toBe(true);
    expect(report.models[0]!.conditions.map(({ name }) => name)).toContain('shuffle-window-16');
    expect(await readdir(folder)).toEqual(
      expect.arrayContaining([
        'clips.csv',
        'conditions.csv',
        'flip-rate.png',
        'flip-rate.svg',
        'observations.jsonl',
        'report.html',
      ]),
    );
  });

  it('goes on after an interruption, to the very report of an audit that was not interrupted', async () => {
    const args = [...tiny, '--conditions', 'reverse,static', '--json', '--quiet'];
    const whole = await place.run([...args, '--out', 'out/whole']);
    expect(whole.code).toBe(0);
    // As a kill leaves it: some observations, and the last one not finished.
    const kept = (await readFile(join(place.path, 'out/whole/observations.jsonl'), 'utf8')).split('\n');
    expect(kept).toHaveLength(1 + 6 + 1);
    await cp(join(place.path, 'out/whole'), join(place.path, 'out/parts'), { recursive: true });
    const cut = `${kept.slice(0, 4).join('\n')}\n${kept[4]!.slice(0, 100)}`;
    await writeFile(join(place.path, 'out/parts/observations.jsonl'), cut);
    const { code, document, stderr } = await place.run([...args.slice(0, -1), '--out', 'out/parts']);
    expect(code).toBe(0);
    expect(stderr).toContain('3 observations of an interrupted audit are taken over.');
    expect(document).toEqual(whole.document);
    expect(await readFile(join(place.path, 'out/parts/report.html'), 'utf8')).toBe(
      await readFile(join(place.path, 'out/whole/report.html'), 'utf8'),
    );
    expect((await readFile(join(place.path, 'out/parts/observations.jsonl'), 'utf8')).split('\n').sort()).toEqual(
      [...kept].sort(),
    );
  });

  it('does not mix the observations of two audits, unless it is to begin anew', async () => {
    const args = [...tiny, '--conditions', 'reverse', '--out', 'out/mixed', '--json', '--quiet'];
    expect((await place.run(args)).code).toBe(0);
    const other = await place.run([...args, '--seed', '2']);
    expect(other).toMatchObject({ code: 2, document: { error: { code: 'REQUEST_INVALID' } } });
    expect(other.document.error.message).toMatch(/observations\.jsonl holds another audit \(its seed differ\)/);
    expect((await place.run([...args, '--seed', '2', '--force'])).document.parameters.seed).toBe(2);
  });

  it('audits preferred videos, and what they are backwards', async () => {
    const video = await place.run([
      ...['video', '--model', 'tiny-lrcn', '--models', 'models', '--prior', 'pixels', '--unit', 'right'],
      ...['--frames', '12', '--iterations', '6', '--out', 'out/videos/right', '--quiet'],
    ]);
    expect(video.code).toBe(0);
    const args = [...tiny, '--conditions', 'shuffle', '--out', 'out/synthesised', '--json', '--quiet'];
    const { code, document } = await place.run([...args, '--synthesised', 'out/videos']);
    expect(code).toBe(0);
    const [result] = auditReport.parse(document).synthesised;
    expect(result).toMatchObject({
      name: 'right',
      unit: { label: 'right' },
      frames: 12,
      orders: 999,
      partner: { label: 'left' },
    });
    expect(result!.real).toMatchObject({ clips: 3 });
    expect(existsSync(join(place.path, 'out/synthesised/synthesised.png'))).toBe(true);
    const none = await place.run([...args, '--synthesised', 'models']);
    expect(none).toMatchObject({ code: 2, document: { error: { message: /no preferred video in/ } } });
  });

  it('tests itself, and says so with its exit code', async () => {
    const { code, stdout } = await place.run(['audit', '--self-test', '--runs', '20', '--quiet']);
    expect(code).toBe(0);
    expect(stdout).toMatch(
      /^passed: all \d+ checks of the audit's instruments hold \(20 simulated audits each, seed 1\)/,
    );
    expect(stdout).toMatch(
      /^a bag of frames, whatever the order of frames +changes by exactly 0 +0 in 80 clips; insensitive +ok$/m,
    );
  });

  it.each([
    [['--conditions', 'shufle'], 2, 'CONDITION_UNKNOWN'],
    [['--compare', 'nobody'], 3, 'MODEL_UNKNOWN'],
  ])('refuses %j', async (args, code, error) => {
    const found = await place.run([...tiny, '--out', 'out/refused', ...args, '--json']);
    expect(found).toMatchObject({ code, document: { error: { code: error } } });
  });
});
