import { cp, mkdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { auditReport } from '../../src/protocol/index.js';
import { writeTinyClips, writeTinyModels } from '../fixtures/tiny-models.js';
import { openPlace, type Place } from './run-cli.js';

// Every command is a process of its own, which takes its time on a machine that does much else.
vi.setConfig({ testTimeout: 240_000, hookTimeout: 240_000 });

let place: Place;
beforeAll(async () => {
  place = await openPlace();
  await writeTinyModels(join(place.path, 'models'), { clips: 2 });
});
afterAll(() => place.remove());

const tiny = ['probe', '--model', 'tiny-lrcn', '--models', 'models', '--permutations', '3'];

describe('neuroreel probe', () => {
  it('probes a model on its own clips: the verdict with its numbers, then the table', async () => {
    const { code, stdout, stderr } = await place.run([...tiny, '--out', 'reports/probe.json']);
    expect(code).toBe(0);
    expect(stdout.replace(/\s+/g, ' ')).toMatch(
      /^(in)?(sensitive|conclusive): .*Flip rate .* N = 6 clips, R = 3 orders each, delta = 5\.0 %\./,
    );
    expect(stdout).toMatch(/^shuffle +6 /m);
    expect(stderr).toMatch(/^auditing 6\/6 {2}clips {2}still\/dot-2\.mp4 {2}flips /m);
    const report = auditReport.parse(JSON.parse(await readFile(join(place.path, 'reports', 'probe.json'), 'utf8')));
    expect(report.models[0]!.clips.map((clip) => clip.name).slice(0, 3)).toEqual([
      'left/dot-1.mp4',
      'left/dot-2.mp4',
      'right/dot-1.mp4',
    ]);
    expect(report.versions).toHaveProperty('ffmpeg');
  });

  it('lists clips of a folder that it cannot use, and goes on', async () => {
    const folder = join(place.path, 'clips');
    await writeTinyClips(folder, 1);
    await mkdir(join(folder, 'unheard-of'));
    await cp(join(folder, 'left', 'dot-1.mp4'), join(folder, 'unheard-of', 'a.mp4'));
    await cp(join(folder, 'left', 'dot-1.mp4'), join(folder, 'loose.mp4'));
    await writeFile(join(folder, 'left', 'broken.mp4'), 'no video');
    await writeFile(join(folder, 'left', 'notes.txt'), 'no video either');
    await writeFile(join(folder, 'left', '.hidden.mp4'), '');
    const { code, document, stderr } = await place.run([
      ...tiny,
      '--clips',
      'clips',
      '--seed',
      '5',
      '--json',
      '--quiet',
    ]);
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
    const report = auditReport.parse(document).models[0]!;
    expect(report).toMatchObject({ clipsScored: 5, clipsLabelled: 3 });
    const reasons = (list: typeof report.skipped) => Object.fromEntries(list.map(({ name, reason }) => [name, reason]));
    expect(reasons(report.skipped)).toEqual({
      'left/broken.mp4': expect.stringMatching(/^it cannot be read \(/),
      'left/notes.txt': 'its name is not that of a video',
    });
    expect(reasons(report.unlabelled)).toEqual({
      'loose.mp4': 'it has no label',
      'unheard-of/a.mp4': 'the recogniser has no label "unheard-of"',
    });
  });

  it('has nothing to say without a clip that can be scored', async () => {
    await mkdir(join(place.path, 'empty'));
    const { code, stderr } = await place.run([...tiny, '--clips', 'empty']);
    expect(code).toBe(2);
    expect(stderr).toMatch(/error AUDIT_NO_CLIPS: No clip could be scored: there were none/);
  });
});
