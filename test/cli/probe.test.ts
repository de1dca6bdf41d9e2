import { cp, mkdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import type { ProbeClip, UnreadableClip } from '../../src/engine/audit/probe.js';
import { probeReport, type RecogniserManifest } from '../../src/protocol/index.js';
import { listClips, readClips } from '../../clients/cli/clips.js';
import { readManifest } from '../../src/engine/models/package.js';
import { dotFrames, writeTinyClips, writeTinyModels } from '../fixtures/tiny-models.js';
import { openPlace, type Place } from './run-cli.js';

// Every command is a process of its own, which takes its time on a machine that does much else.
vi.setConfig({ testTimeout: 240_000, hookTimeout: 240_000 });

let place: Place;
let manifest: RecogniserManifest;
beforeAll(async () => {
  place = await openPlace();
  await writeTinyModels(join(place.path, 'models'), { clips: 2 });
  manifest = readManifest(join(place.path, 'models', 'tiny-lrcn')).manifest as RecogniserManifest;
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
    expect(stderr).toMatch(/^probing 6\/6 {2}clips {2}still\/dot-2\.mp4 /m);
    const report = probeReport.parse(JSON.parse(await readFile(join(place.path, 'reports', 'probe.json'), 'utf8')));
    expect(report.clips.map((clip) => clip.name).slice(0, 3)).toEqual([
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
    const report = probeReport.parse(document);
    expect(report.clipsScored).toBe(3);
    expect(Object.fromEntries(report.skipped.map(({ name, reason }) => [name, reason]))).toEqual({
      'left/broken.mp4': expect.stringMatching(/^it cannot be read \(/),
      'left/notes.txt': 'its name is not that of a video',
      'loose.mp4': 'it has no label: it lies in no class folder',
      'unheard-of/a.mp4': 'the recogniser has no label "unheard-of"',
    });
  });

  it('has nothing to say without a clip that can be scored', async () => {
    await mkdir(join(place.path, 'empty'));
    const { code, stderr } = await place.run([...tiny, '--clips', 'empty']);
    expect(code).toBe(2);
    expect(stderr).toMatch(/error PROBE_NO_CLIPS: No clip could be scored: there were none/);
  });
});

describe('clips', () => {
  async function read(folder: string, most: number, sequence = manifest.sequence) {
    const clips: (ProbeClip | UnreadableClip)[] = [];
    const cut: string[] = [];
    const { signal } = new AbortController();
    const options = { manifest: { ...manifest, sequence }, most, signal, onCut: (words: string) => cut.push(words) };
    for await (const clip of readClips(await listClips(folder), options)) clips.push(clip);
    return { clips: clips as ProbeClip[], cut };
  }

  it('come in natural order, with the group that their name tells', async () => {
    const folder = join(place.path, 'named');
    await mkdir(join(folder, 'left'), { recursive: true });
    const source = join(place.path, 'models', 'tiny-lrcn', 'clips', 'left', 'dot-1.mp4');
    for (const name of [
      'v_Left_g10_c01.mp4',
      'v_Left_g2_c01.mp4',
      'v_Left_g2_c10.mp4',
      'v_Left_g2_c9.mp4',
      'clip.mp4',
    ]) {
      await cp(source, join(folder, 'left', name));
    }
    const { clips } = await read(folder, 100);
    expect(clips.map((clip) => [clip.name, clip.group])).toEqual([
      ['left/clip.mp4', undefined],
      ['left/v_Left_g2_c01.mp4', 'left/g2'],
      ['left/v_Left_g2_c9.mp4', 'left/g2'],
      ['left/v_Left_g2_c10.mp4', 'left/g2'],
      ['left/v_Left_g10_c01.mp4', 'left/g10'],
    ]);
  });

  it('that are long are taken from the start, or evenly for a model of spread frames', async () => {
    const folder = join(place.path, 'long');
    await writeTinyClips(folder, 1, 40);
    const started = await read(folder, 16);
    expect(started.clips.map((clip) => clip.frames)).toEqual([16, 16, 16]);
    expect(started.cut[0]).toBe('left/dot-1.mp4: only its first 16 frames are taken');
    const even = await read(folder, 16, { rule: 'spread', length: 4 });
    expect(even.clips.map((clip) => clip.frames)).toEqual([10, 10, 10]);
    expect(even.cut[0]).toBe('left/dot-1.mp4: of its 40 frames one in 4 is taken');
    // The dot of `left` starts at 5 and moves by one; seen in a bright column of the middle rows.
    const brightest = (pixels: Uint8Array, frame: number): number =>
      Array.from({ length: 16 }, (_, x) => pixels[((frame * 16 + 8) * 16 + x) * 3]!).reduce(
        (best, v, x, all) => (v > all[best]! ? x : best),
        0,
      );
    const wanted = dotFrames('left', 1, 40);
    for (const frame of [0, 1, 2, 9]) {
      expect(brightest(even.clips[0]!.pixels, frame)).toBe(brightest(wanted, frame * 4));
      expect(brightest(started.clips[0]!.pixels, frame)).toBe(brightest(wanted, frame));
    }
  });
});
