import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { Place } from '../../src/engine/runtimes/choice.js';
import { candidateFor } from '../../src/engine/runtimes/candidates.js';
import { detectMachine, type Machine } from '../../src/engine/runtimes/machine.js';
import { cacheKey, remember, remembered } from '../../src/engine/runtimes/probe/cache.js';
import { probe } from '../../src/engine/runtimes/probe/probe.js';
import { measureRate } from '../../src/engine/runtimes/probe/rate.js';
import type { ProbeResult } from '../../src/engine/runtimes/probe/told.js';
import { referenceRuntime } from '../../src/engine/runtimes/reference/reference.js';

const module = fileURLToPath(new URL('./fixtures/probe-child.mjs', import.meta.url));
const none: Machine = { platform: 'linux', arch: 'x64', graphics: [], nvidia: null, nvidiaNames: [] };
const graphics: Machine = { ...none, graphics: ['/dev/dri/renderD128'] };

const cudaIsHere = candidateFor({ runtime: 'onnxruntime', device: 'cuda' }).lacks(detectMachine()) === null;

/** A trial of the fixture that does `deed`. */
const trial = (deed: string, device = 'webgpu', machine = graphics, timeoutMs = 20_000): Promise<ProbeResult> =>
  probe({ runtime: deed, device } as unknown as Place, machine, { module, timeoutMs });

describe('a trial in a process of its own', () => {
  it('tells that a runtime works, and how fast', async () => {
    expect(await trial('works')).toMatchObject({ works: true, software: false, gflops: 2, description: 'a fixture' });
  });

  it.each([
    ['segfault', /its process was ended by SIGSEGV/],
    ['exits', /its process ended with code 7 \(driver: out of luck\)/],
    ['nonsense', /told something that makes no sense/],
  ])('survives a library that does this to its process: %s', async (deed, why) => {
    expect(await trial(deed)).toMatchObject({ works: false, why: expect.stringMatching(why) });
  });

  it('ends a process that does not answer', async () => {
    const result = await trial('hangs', 'webgpu', graphics, 700);
    expect(result).toMatchObject({ works: false, why: 'it did not answer within 0.7 seconds' });
  });

  it('does not mind how a process ends that has told', async () => {
    expect(await trial('diesAfterwards')).toMatchObject({ works: true });
  });

  it('tells a program in the place of a graphics processor by its name', async () => {
    const adapter = 'SwiftShader Device (Subzero)';
    expect(await trial('swiftshader')).toMatchObject({ works: true, software: true, adapter });
    const real = { works: true, software: false, adapter: 'AMD Radeon RX 7600 (RADV)' };
    expect(await trial('radeon')).toMatchObject(real);
  });

  it('takes whatever WebGPU runs on for a program where there is no graphics processor', async () => {
    expect(await trial('works', 'webgpu', none)).toMatchObject({ works: true, software: true });
    expect(await trial('works', 'cpu', none)).toMatchObject({ works: true, software: false });
  });

  it('tries the real thing: ONNX Runtime on the CPU', async () => {
    const cpu = await probe({ runtime: 'onnxruntime', device: 'cpu' }, none);
    expect(cpu).toMatchObject({ works: true, description: expect.stringMatching(/^onnxruntime-node .*, cpu$/) });
    expect((cpu as { gflops: number }).gflops).toBeGreaterThan(0);
  });

  it.skipIf(cudaIsHere)(
    'tries the real thing: CUDA without its libraries is an error, not the end of anything',
    async () => {
      const cuda = await probe({ runtime: 'onnxruntime', device: 'cuda' }, none);
      expect(cuda).toMatchObject({ works: false, why: expect.stringMatching(/cannot use the device cuda: .*load/) });
    },
  );

  it('says so when the process cannot be started', async () => {
    const result = await probe({ runtime: 'tfjs', device: 'cpu' }, none, { module: join(module, 'nowhere.mjs') });
    expect(result).toMatchObject({ works: false, why: expect.stringMatching(/its process ended with code 1/) });
  });
});

describe('the timing of a runtime', () => {
  it('counts what it computes, by the clock that it is given', async () => {
    let time = 0;
    // Every look at the clock takes 20 ms: so does every run.
    const rate = await measureRate(referenceRuntimeOnce(), () => (time += 20));
    expect(rate).toEqual({ milliseconds: 20, gflops: expect.closeTo((2 * 4 * 784 * 256 * 9) / 20e6), images: 1 });
  });

  it('refuses a runtime that computes something else', async () => {
    const wrong = {
      ...referenceRuntime,
      async compile(graph: Parameters<typeof referenceRuntime.compile>[0]) {
        const compiled = await referenceRuntime.compile(graph);
        return {
          ...compiled,
          run: async (inputs: Parameters<typeof compiled.run>[0]) => {
            const { gradient } = await compiled.run(inputs);
            gradient![7]! *= 1.01;
            return { gradient: gradient! };
          },
        };
      },
    };
    await expect(measureRate(wrong)).rejects.toThrow('what it computes is wrong');
  });
});

/** The reference, which is too slow to be timed: larger graphs give zeros. */
function referenceRuntimeOnce(): typeof referenceRuntime {
  return {
    ...referenceRuntime,
    async compile(graph) {
      const small = graph.values.every((value) => value.shape.reduce((n, d) => n * d, 1) < 1000);
      if (small) return referenceRuntime.compile(graph);
      return { run: async () => ({ gradient: new Float32Array(1) }), close: async () => undefined };
    },
  };
}

describe('what trials told', () => {
  let folder: string;
  let file: string;
  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'neuroreel-cache-'));
    file = join(folder, 'neuroreel', 'runtimes.json');
  });
  afterEach(() => rmSync(folder, { recursive: true, force: true }));

  const hour = 3_600_000;
  const good: ProbeResult = {
    ...{ works: true, description: 'x', gflops: 1, milliseconds: 1, images: 1 },
    ...{ software: false, adapter: 'y' },
  };
  const bad: ProbeResult = { works: false, why: 'no' };

  it('is remembered: for a week when it worked, for an hour when it did not', () => {
    remember(file, 'good', good, 1000);
    remember(file, 'bad', bad, 1000);
    expect(remembered(file, 'good', 1000 + 167 * hour)).toEqual(good);
    expect(remembered(file, 'good', 1000 + 168 * hour)).toBeNull();
    expect(remembered(file, 'bad', 1000 + 0.9 * hour)).toEqual(bad);
    expect(remembered(file, 'bad', 1000 + hour)).toBeNull();
    expect(remembered(file, 'other', 1000)).toBeNull();
  });

  it('is forgotten when the clock was set back', () => {
    remember(file, 'good', good, 1000);
    expect(remembered(file, 'good', 999)).toBeNull();
  });

  it('is replaced by what is told anew, and bounded', () => {
    for (let i = 0; i < 40; i++) remember(file, `key ${i}`, good, i);
    remember(file, 'key 39', bad, 40);
    expect(remembered(file, 'key 39', 41)).toEqual(bad);
    expect(remembered(file, 'key 0', 41)).toBeNull();
    expect((JSON.parse(readFileSync(file, 'utf8')) as { entries: unknown[] }).entries).toHaveLength(32);
  });

  it.each(['', '{', '[]', '{"entries":[{"key":1}]}', 'x'.repeat(2 ** 21)])(
    'is as good as none in a file that is broken (%#)',
    (text) => {
      remember(file, 'good', good, 0);
      writeFileSync(file, text);
      expect(remembered(file, 'good', 1)).toBeNull();
      remember(file, 'good', good, 1);
      expect(remembered(file, 'good', 2)).toEqual(good);
    },
  );

  it('is not kept, and nothing fails, where no file can be written', () => {
    writeFileSync(join(folder, 'neuroreel'), 'a file in the place of the folder');
    remember(file, 'good', good, 0);
    expect(remembered(file, 'good', 1)).toBeNull();
  });

  it('holds for the same driver, device and libraries only', () => {
    const place = { runtime: 'onnxruntime', device: 'webgpu' } as const;
    const keys = [
      cacheKey(place, graphics, {}),
      cacheKey({ ...place, device: 'cuda' }, graphics, {}),
      cacheKey(place, none, {}),
      cacheKey(place, { ...graphics, nvidia: '550.1' }, {}),
      cacheKey(place, graphics, { VK_ICD_FILENAMES: '/icd.json' }),
    ];
    expect(new Set(keys).size).toBe(keys.length);
    expect(cacheKey(place, { ...graphics }, {})).toBe(keys[0]);
  });
});
