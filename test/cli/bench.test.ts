import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { busyWords } from '../../clients/cli/bench/machine.js';
import { median, spreadOf, timeRuns } from '../../src/engine/bench/timing.js';
import type { BenchResult } from '../../clients/cli/commands/bench.js';
import { openPlace, type Place } from './run-cli.js';

// Every command is a process of its own, which takes its time on a machine that does much else.
vi.setConfig({ testTimeout: 240_000, hookTimeout: 240_000 });

let place: Place;
beforeAll(async () => {
  place = await openPlace();
});
afterAll(() => place.remove());

const brief = ['bench', '--seconds', '0.1', '--runtime', 'onnxruntime'];

describe('neuroreel bench', () => {
  it('measures, and tells what the figures belong to', async () => {
    const only = ['product', 'image-step', 'short-video-step', 'encoding'];
    const args = [...brief, '--only', only.join(','), '--threads', '1', '--json', '--quiet'];
    const { code, stderr, document } = await place.run(args);
    expect({ code, stderr, error: document.error }).toEqual({ code: 0, stderr: '', error: undefined });
    const result = document as BenchResult;
    expect(result).toMatchObject({ threads: 1, seconds: 0.1, leftOut: [], machine: { node: process.versions.node } });
    expect(result.runtime).toMatch(/^onnxruntime-node .*, cpu$/);
    expect(result.measured.map(({ name, unit }) => [name, unit])).toEqual([
      ['product', 'GFLOP/s'],
      ['image-step', 's'],
      ['short-video-step', 's'],
      ['encoding', 'frames/s'],
    ]);
    for (const { median: middle, low, high, best, unit, runs, memory } of result.measured) {
      expect(runs).toBeGreaterThanOrEqual(3);
      expect([low > 0, low <= middle, middle <= high]).toEqual([true, true, true]);
      expect(unit === 's' ? best <= low : best >= high).toBe(true);
      expect(memory).toBeGreaterThan(30e6);
    }
    expect(result.peakMemory).toBeGreaterThanOrEqual(result.measured.at(-1)!.memory);
  });

  it('tells it in words, and leaves out what this machine lacks', async () => {
    const args = [...brief, '--only', 'product,encoding'];
    const { code, stdout } = await place.run(args, { FFMPEG_PATH: '/nowhere/ffmpeg' });
    expect(code).toBe(0);
    expect(stdout).toMatch(/^product of matrices, 1536 x 1536 +[\d.]+ +GFLOP\/s +[\d.]+ to [\d.]+ +[\d.]+ +\d+$/m);
    expect(stdout).toMatch(/^left out: encoding of 160 frames as an MP4 \(FFMPEG_MISSING: /m);
    expect(stdout).toMatch(/^threads +one a core$/m);
    const none = await place.run([...brief, '--only', 'encoding', '--json'], { FFMPEG_PATH: '/nowhere/ffmpeg' });
    expect([none.code, none.document.error.code]).toEqual([4, 'FFMPEG_MISSING']);
  });

  it('refuses measures that there are not, and no time', async () => {
    const unknown = await place.run(['bench', '--only', 'products', '--json']);
    expect([unknown.code, unknown.document.error.message]).toEqual([2, expect.stringContaining('there are: product,')]);
    const none = await place.run(['bench', '--seconds', '0', '--json']);
    expect([none.code, none.document.error.code]).toEqual([2, 'REQUEST_INVALID']);
  });
});

describe('figures', () => {
  it('are the middle and the quartiles of runs after a warm-up', async () => {
    expect(median([3, 1, 2, 10])).toBe(2.5);
    expect(spreadOf([5, 1, 2, 4, 3])).toEqual({ median: 3, low: 2, high: 4 });
    expect(() => median([])).toThrow(RangeError);
    let runs = 0;
    const times = await timeRuns(() => Promise.resolve(runs++), { seconds: 0, least: 4 });
    expect([times.length, runs]).toEqual([4, 5]);
  });

  it('come with a word on a machine that is busy', () => {
    expect(busyWords({ load: 0.3, cores: 2 })).toBeNull();
    expect(busyWords({ load: null, cores: 2 })).toBeNull();
    expect(busyWords({ load: 3.1, cores: 2 })).toContain('load average 3.1 on 2 cores');
  });
});
