/** `neuroreel doctor`: what it finds here, and how it ends when something is broken. */
import { chmod, cp, mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { bytesWords, exitFor, type Check } from '../../clients/cli/doctor/check.js';
import { ffmpegCheck } from '../../clients/cli/doctor/ffmpeg.js';
import { diskCheck, graphicsCheck, memoryCheck, nodeCheck } from '../../clients/cli/doctor/machine.js';
import { modelChecks } from '../../clients/cli/doctor/models.js';
import { runtimeChecks, runtimeTable } from '../../clients/cli/doctor/runtimes.js';
import { shippedModels } from '../../clients/cli/settings.js';
import type { Candidate } from '../../src/engine/runtimes/candidates.js';
import type { SelectOptions } from '../../src/engine/runtimes/select.js';
import { writeTinyModels } from '../fixtures/tiny-models.js';
import { openPlace, type Place } from './run-cli.js';

// Every command is a process of its own, which takes its time on a machine that does much else.
vi.setConfig({ testTimeout: 240_000, hookTimeout: 240_000 });

let place: Place;
beforeAll(async () => {
  place = await openPlace();
});
afterAll(() => place.remove());

interface Found {
  readonly ok: boolean;
  readonly checks: readonly Check[];
  readonly runtimes: {
    readonly auto: string;
    readonly reason: string;
    readonly candidates: readonly { device: string; state: string; gflops?: number; remedy?: string }[];
  };
}
const named = (checks: readonly Check[], name: string): Check[] => checks.filter((check) => check.name === name);

describe('neuroreel doctor', () => {
  it('finds that videos can be made here, and ends with 0', async () => {
    const { code, document, stderr } = await place.run(['doctor', '--json', '--quiet']);
    const found = document as Found;
    expect(found.checks.filter(({ state }) => state === 'problem')).toEqual([]);
    expect({ code, ok: found.ok, stderr }).toEqual({ code: 0, ok: true, stderr: '' });
    const names = [...new Set(found.checks.map(({ name }) => name))];
    expect(names).toEqual(['node', 'cpu', 'memory', 'gpu', 'runtime', 'ffmpeg', 'models', 'disk']);
    expect(found.runtimes.candidates).toHaveLength(6);
    const cpu = found.runtimes.candidates.find(({ device }) => device === 'cpu')!;
    expect(cpu).toMatchObject({ runtime: 'onnxruntime', state: 'works' });
    expect(cpu.gflops).toBeGreaterThan(0);
    for (const { state, remedy } of found.runtimes.candidates) {
      if (state !== 'works') expect(remedy).toMatch(/`(npm|apt-get) .+`/);
    }
    expect(named(found.checks, 'runtime')[0]!.found).toContain(`auto takes ${found.runtimes.auto}, since`);
  });

  it('says what is wrong with everything at once, what to do, and ends as a command would', async () => {
    const broken = join(place.path, 'broken');
    await mkdir(join(broken, 'damaged'), { recursive: true });
    await writeFile(join(broken, 'damaged', 'model.json'), '{');
    const env = { FFMPEG_PATH: '/nowhere/ffmpeg', NEUROREEL_RUNTIME: 'abacus', NEUROREEL_MODELS: broken };
    const { code, stdout } = await place.run(['doctor', '--quiet'], env);
    expect(stdout).toMatch(/^problem +runtime +No runtime is named "abacus"; there are: auto,/m);
    expect(stdout).toMatch(/^problem +ffmpeg +FFMPEG_PATH names no usable ffmpeg: \/nowhere\/ffmpeg/m);
    expect(stdout).toMatch(/^warning +models +damaged is left out: /m);
    expect(stdout).toMatch(/^ +what to do: .*FFMPEG_PATH/m);
    expect(stdout).toContain('Videos cannot be made here until the problems are solved.');
    // The first of the problems.
    expect(code).toBe(2);
  });
});

describe('the check of Node', () => {
  it.each([
    ['20.19.0', 'ok'],
    ['22.1.0', 'ok'],
    ['24.0.0', 'ok'],
    ['21.5.0', 'warning'],
    ['26.0.0', 'warning'],
    ['20.18.1', 'problem'],
    ['18.20.0', 'problem'],
  ])('%s is: %s', (version, state) => {
    expect(nodeCheck(version).state).toBe(state);
  });
});

describe('the check of memory', () => {
  const memory = (usable: number, limit: number | null = null) =>
    memoryCheck({ total: 32e9, free: 16e9, limit, usable });

  it('minds what a container leaves, not what the machine has', () => {
    expect(memory(16e9)).toMatchObject({ state: 'ok', found: '32 GB, 16 GB free, no limit of a container' });
    expect(memory(1.5e9, 2e9)).toMatchObject({
      state: 'warning',
      found: expect.stringMatching(/limit of 2 GB, which leaves 1.5 GB/),
    });
    expect(memory(0.2e9, 1e9)).toMatchObject({
      state: 'problem',
      remedy: expect.stringMatching(/raise the container's limit/),
    });
  });
});

describe('the check of the graphics processor', () => {
  it('names what there is', () => {
    const machine = { platform: 'linux', arch: 'x64', graphics: [], nvidia: null, nvidiaNames: [] } as const;
    expect(graphicsCheck(machine)).toMatchObject({ state: 'ok', found: 'no graphics processor' });
    const found = '/dev/nvidia0, driver 550.1 of NVIDIA (NVIDIA T4)';
    const nvidia = { ...machine, graphics: ['/dev/nvidia0'], nvidia: '550.1', nvidiaNames: ['NVIDIA T4'] };
    expect(graphicsCheck(nvidia)).toMatchObject({ state: 'ok', found });
  });
});

describe('the check of a disk', () => {
  it('minds the nearest folder that exists', () => {
    expect(diskCheck('results', join(place.path, 'not', 'yet', 'made'))).toMatchObject({
      state: expect.not.stringMatching('problem'),
    });
  });

  it('refuses a file in the place of a folder', async () => {
    await writeFile(join(place.path, 'file'), '');
    const check = diskCheck('results', join(place.path, 'file', 'out'));
    expect(check).toMatchObject({
      state: 'problem',
      code: 'OUTPUT_UNWRITABLE',
      found: expect.stringMatching(/cannot be written: .* is no folder/),
    });
  });
});

describe('the check of ffmpeg', () => {
  async function program(name: string, script: string): Promise<string> {
    const path = join(place.path, name);
    await writeFile(path, `#!/bin/sh\n${script}\n`);
    await chmod(path, 0o755);
    return path;
  }
  const version = "case $1 in -version) echo 'ffmpeg version 7.1 x'; exit 0;; esac";

  it('wants an encoder of H.264', async () => {
    const without = await program('without', `${version}; echo ' V..... mpeg4  MPEG-4'`);
    const check = await ffmpegCheck({ FFMPEG_PATH: without }, () => null);
    expect(check).toMatchObject({
      state: 'problem',
      found: expect.stringMatching(/^7\.1, named by FFMPEG_PATH, .*without the encoder libx264/),
    });
    const having = await program('having', `${version}; echo ' V....D libx264  libx264 H.264'`);
    expect(await ffmpegCheck({ FFMPEG_PATH: having }, () => null)).toMatchObject({ state: 'ok' });
  });

  it('says that there is none', async () => {
    const check = await ffmpegCheck({ PATH: '/nowhere' }, () => null);
    expect(check).toMatchObject({ state: 'problem', code: 'FFMPEG_MISSING', remedy: expect.stringMatching(/ffmpeg/) });
  });
});

describe('the check of the models', () => {
  it('loads those of the default video, and tells of folders that are missing', async () => {
    const folder = join(place.path, 'more');
    await writeTinyModels(folder);
    const checks = modelChecks([shippedModels, folder, '/nowhere/models']);
    expect(checks.map(({ state }) => state)).toEqual(['ok', 'warning', 'ok']);
    expect(checks[0]!.found).toMatch(/figures-lrcn, .*tiny-lrcn/);
    expect(checks[1]!.found).toBe('there is no folder /nowhere/models');
    expect(checks[2]!.found).toBe('figures-lrcn and figures-prior load, files unchanged');
  });

  it('finds a file of the default model that was changed', async () => {
    const folder = join(place.path, 'changed');
    await cp(join(shippedModels, 'figures-prior'), join(folder, 'figures-prior'), { recursive: true });
    await cp(join(shippedModels, 'figures-lrcn'), join(folder, 'figures-lrcn'), { recursive: true });
    await writeFile(join(folder, 'figures-prior', 'weights.safetensors'), 'nothing');
    const check = modelChecks([folder]).at(-1)!;
    expect(check).toMatchObject({ state: 'problem', code: 'MODEL_HASH_MISMATCH' });
    expect(exitFor([check])).toBe(3);
  });

  it('finds that the default model is not there, and a folder that is none', async () => {
    await mkdir(join(place.path, 'empty'));
    expect(modelChecks([join(place.path, 'empty')]).at(-1)).toMatchObject({ state: 'problem', code: 'MODEL_UNKNOWN' });
    await writeFile(join(place.path, 'no-folder'), '');
    expect(modelChecks([join(place.path, 'no-folder')])).toMatchObject([{ state: 'problem', code: 'CONFIG_INVALID' }]);
  });
});

describe('the check of the runtimes', () => {
  const options = (): SelectOptions => ({ cache: join(place.path, 'runtimes.json') });
  const none = { platform: 'linux', arch: 'x64', graphics: [], nvidia: null, nvidiaNames: [] } as const;
  const nothing: readonly Candidate[] = [];

  it('refuses a runtime that does not work here, with the command that installs it', async () => {
    const given = { runtime: 'onnxruntime', device: 'cuda' };
    const { checks } = await runtimeChecks(given, { ...options(), machine: none, candidates: nothing });
    expect(checks).toMatchObject([
      {
        state: 'problem',
        code: 'RUNTIME_UNAVAILABLE',
        found: expect.stringMatching(/no NVIDIA GPU.*`npm rebuild onnxruntime-node/),
      },
    ]);
    expect(exitFor(checks)).toBe(4);
  });

  it('warns of a graphics processor that nothing can use', async () => {
    const machine = { ...none, graphics: ['/dev/nvidia0'], nvidia: '550.1', nvidiaNames: ['NVIDIA T4'] };
    const idle: Candidate = {
      ...{ runtime: 'onnxruntime', device: 'cuda', risky: true, remedy: 'Nothing.' },
      onGpu: () => true,
      lacks: () => ({ why: 'its provider is not installed', remedy: 'Install it: `npm rebuild x`.' }),
      open: () => Promise.reject(new Error('not in this test')),
    };
    const { checks, selection } = await runtimeChecks(
      { runtime: 'onnxruntime' },
      { ...options(), machine, candidates: [idle] },
    );
    expect(checks).toMatchObject([
      { state: 'ok', found: expect.stringMatching(/^onnxruntime-node .*, cpu: asked for by name$/) },
      {
        state: 'warning',
        found: expect.stringMatching(/is not used. onnxruntime on cuda: its provider is not installed/),
        remedy: expect.stringMatching(/npm rebuild x/),
      },
    ]);
    expect(runtimeTable(selection)).toMatch(/^onnxruntime +cuda +absent +its provider is not installed$/m);
  });
});

it('sizes are said in units that people use', () => {
  expect([123e6, 1.234e9, 999.9e9, 4.2e6].map(bytesWords)).toEqual(['123 MB', '1.2 GB', '1000 GB', '4.2 MB']);
});
