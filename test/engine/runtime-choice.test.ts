import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { Candidate } from '../../src/engine/runtimes/candidates.js';
import { CANDIDATES } from '../../src/engine/runtimes/candidates.js';
import { DEVICES, placesFor, PLACES, RUNTIMES, showPlace } from '../../src/engine/runtimes/choice.js';
import { detectMachine, type Machine } from '../../src/engine/runtimes/machine.js';
import { openRuntime } from '../../src/engine/runtimes/open.js';
import { decide, selectRuntime, type SelectOptions, type Standing } from '../../src/engine/runtimes/select.js';
import { tensorflowPackage } from '../../src/engine/runtimes/tfjs/tfjs.js';
import { device as deviceSchema } from '../../src/protocol/runtimes.js';
import { failure } from './small-models.js';

let folder: string;
let cache: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'neuroreel-runtimes-'));
  cache = join(folder, 'runtimes.json');
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

const none: Machine = { platform: 'linux', arch: 'x64', graphics: [], nvidia: null, nvidiaNames: [] };
const amd: Machine = { ...none, graphics: ['/dev/dri/renderD128'] };
const nvidia: Machine = { ...none, graphics: ['/dev/nvidia0'], nvidia: '550.1', nvidiaNames: ['NVIDIA T4'] };

describe('the names of a runtime and a device', () => {
  it.each([
    ['onnxruntime', 'auto', ['onnxruntime on cpu']],
    ['onnxruntime', 'webgpu', ['onnxruntime on webgpu']],
    ['tfjs', 'auto', ['tfjs on tensorflow', 'tfjs on wasm', 'tfjs on cpu']],
    ['tfjs', 'cpu', ['tfjs on cpu']],
    ['tfjs-wasm', 'auto', ['tfjs on wasm']],
    ['tfjs-wasm', 'wasm', ['tfjs on wasm']],
    ['auto', 'cuda', ['onnxruntime on cuda']],
    ['auto', 'cpu', ['onnxruntime on cpu', 'tfjs on cpu']],
  ])('%s and %s are tried in this order: %j', (runtime, device, places) => {
    expect(placesFor(runtime, device)!.map(showPlace)).toEqual(places);
  });

  it('leave everything open when both are auto', () => {
    expect(placesFor()).toBeNull();
    expect(placesFor('auto', 'auto')).toBeNull();
  });

  it.each([
    ['abacus', 'auto', /No runtime is named "abacus"; there are: auto, onnxruntime, tfjs/],
    ['auto', 'abacus', /No device is named "abacus"; there are: auto, cpu, webgpu, cuda, tensorflow, wasm/],
    ['auto', '__proto__', /No device is named/],
    ['constructor', 'auto', /No runtime is named/],
    ['tfjs', 'cuda', /The runtime tfjs has no device cuda; it has: tensorflow, wasm, cpu/],
    ['onnxruntime', 'wasm', /The runtime onnxruntime has no device wasm; it has: cuda, webgpu, cpu/],
    ['tfjs-wasm', 'cpu', /The runtime tfjs-wasm is on the device wasm, not on cpu/],
  ])('%s and %s are refused', (runtime, device, said) => {
    expect(() => placesFor(runtime, device)).toThrow(failure('REQUEST_INVALID', said));
  });

  it('are those of the protocol, and every place has a candidate', () => {
    expect(deviceSchema.options).toEqual(DEVICES);
    for (const name of RUNTIMES) expect(() => placesFor(name)).not.toThrow();
    expect(CANDIDATES.map(showPlace)).toEqual(PLACES.map(showPlace));
    for (const candidate of CANDIDATES) expect(candidate.open, showPlace(candidate)).toBeTypeOf('function');
  });
});

describe('what a machine has of graphics processors', () => {
  function machineWith(files: Readonly<Record<string, string>>): Machine {
    for (const [path, text] of Object.entries(files)) {
      mkdirSync(dirname(join(folder, path)), { recursive: true });
      writeFileSync(join(folder, path), text);
    }
    return detectMachine('linux', 'x64', folder);
  }

  it('is nothing where there are no device files', () => {
    expect(machineWith({})).toEqual(none);
    expect(machineWith({ 'dev/dri/card0': '', 'dev/nvram': '' })).toEqual(none);
  });

  it('is told by the device files and by what the driver of NVIDIA says', () => {
    const found = machineWith({
      'dev/dri/renderD128': '',
      'dev/nvidia0': '',
      'dev/nvidiactl': '',
      'proc/driver/nvidia/version':
        'NVRM version: NVIDIA UNIX Open Kernel Module for x86_64  550.127.05  Release Build\nGCC version: 12\n',
      'proc/driver/nvidia/gpus/0000:01:00.0/information': 'Model: \t\t NVIDIA H100 80GB HBM3\nIRQ: 1\n',
    });
    expect(found).toEqual({
      ...{ platform: 'linux', arch: 'x64', graphics: ['/dev/dri/renderD128', '/dev/nvidia0'] },
      ...{ nvidia: '550.127.05', nvidiaNames: ['NVIDIA H100 80GB HBM3'] },
    });
  });

  it('is no NVIDIA GPU where its driver is loaded without one', () => {
    expect(machineWith({ 'proc/driver/nvidia/version': 'NVRM version: 550.1  ' })).toEqual(none);
  });

  it("is also that of Windows, within Windows' subsystem for Linux", () => {
    expect(machineWith({ 'dev/dxg': '' })).toMatchObject({ graphics: ['/dev/dxg'], nvidia: null });
    expect(machineWith({ 'usr/lib/wsl/lib/libcuda.so.1': '' })).toMatchObject({ nvidia: 'unknown' });
  });
});

describe('what a candidate lacks', () => {
  const lack = (place: string, machine: Machine): string => {
    const { why, remedy } = CANDIDATES.find((c) => showPlace(c) === place)!.lacks(machine)!;
    return `${why}. ${remedy}`;
  };

  it('is told with the command that installs it, without loading anything', () => {
    expect(lack('onnxruntime on cuda', none)).toMatch(
      /no NVIDIA GPU.*npm rebuild onnxruntime-node --ignore-scripts=false/,
    );
    expect(lack('onnxruntime on cuda', nvidia)).toMatch(/CUDA provider is not installed\. Install it: `npm rebuild/);
    const mac: Machine = { ...none, platform: 'darwin', arch: 'arm64', graphics: ['Metal'] };
    expect(lack('onnxruntime on cuda', mac)).toMatch(/Linux on x64 only, and this is darwin on arm64/);
  });

  it('is TensorFlow where neither package has its native library', () => {
    const packages = (library: string | null, name: string) => (id: string) => {
      if (id !== `${name}/package.json`) throw new Error(`no ${id}`);
      if (library) {
        mkdirSync(join(folder, 'lib', library), { recursive: true });
        writeFileSync(join(folder, 'lib', library, 'tfjs_binding.node'), '');
      }
      return join(folder, 'package.json');
    };
    expect(tensorflowPackage(packages(null, '@tensorflow/tfjs-node-gpu'))).toBeNull();
    expect(tensorflowPackage(packages('napi-v8', '@tensorflow/tfjs-node'))).toBe('@tensorflow/tfjs-node');
    expect(tensorflowPackage(packages('napi-v8', '@tensorflow/tfjs-node-gpu'))).toBe('@tensorflow/tfjs-node-gpu');
  });
});

describe('auto', () => {
  const standing = (runtime: string, device: string, more: Partial<Standing> = {}): Standing =>
    ({ runtime, device, state: 'untried', software: false, ...more }) as Standing;
  const cpu = standing('onnxruntime', 'cpu', { state: 'works', gflops: 100 });
  const wasm = standing('tfjs', 'wasm');
  const gpu = (gflops: number, more: Partial<Standing> = {}): Standing =>
    standing('onnxruntime', 'webgpu', { state: 'works', gflops, ...more });
  const chosen = (standings: Standing[], gpus = [gpu(0)]): string => showPlace(decide(standings, gpus).order[0]!);

  it('is ONNX Runtime on the CPU where there is no graphics processor, and says why', () => {
    const { order, reason } = decide([standing('onnxruntime', 'cuda', { state: 'absent' }), cpu, wasm], []);
    expect(order.map(showPlace)).toEqual(['onnxruntime on cpu', 'tfjs on wasm']);
    expect(reason).toBe('there is no GPU that can be used, and on a CPU it is the fastest');
  });

  it('is the graphics processor that is faster than the CPU', () => {
    expect(chosen([gpu(300), cpu, wasm])).toBe('onnxruntime on webgpu');
    expect(decide([gpu(300), cpu], [gpu(0)]).reason).toMatch(/300 GFLOP\/s, onnxruntime on cpu does 100 GFLOP\/s/);
  });

  it('is the CPU where that is faster than the graphics processor', () => {
    expect(chosen([gpu(30), cpu, wasm])).toBe('onnxruntime on cpu');
    expect(decide([gpu(30), cpu], [gpu(0)]).reason).toMatch(/faster than the GPU: 100 GFLOP\/s, .*webgpu does 30/);
  });

  it('is the fastest of several graphics processors', () => {
    const cuda = standing('onnxruntime', 'cuda', { state: 'works', gflops: 900 });
    expect(chosen([cuda, gpu(500), cpu], [cuda, gpu(0)])).toBe('onnxruntime on cuda');
    expect(chosen([{ ...cuda, gflops: 400 }, gpu(500), cpu], [cuda, gpu(0)])).toBe('onnxruntime on webgpu');
  });

  it('is never a program in the place of a graphics processor, and nothing that fails', () => {
    expect(chosen([gpu(300, { software: true }), cpu])).toBe('onnxruntime on cpu');
    expect(chosen([gpu(300, { state: 'fails' }), cpu])).toBe('onnxruntime on cpu');
    expect(chosen([gpu(300, { software: true }), { ...cpu, state: 'fails' }, wasm])).toBe('tfjs on wasm');
  });

  it('says so when nothing works', () => {
    expect(decide([{ ...cpu, state: 'fails' }], [])).toEqual({ order: [], reason: 'nothing works on this machine' });
  });

  describe('with trials in real processes', () => {
    const module = fileURLToPath(new URL('./fixtures/probe-child.mjs', import.meta.url));
    /** The fixture does what the name of the runtime says. */
    const candidate = (deed: string, device: string, onGpu: boolean): Candidate => ({
      ...({ runtime: deed, device } as unknown as Pick<Candidate, 'runtime' | 'device'>),
      risky: onGpu,
      onGpu: ({ graphics }) => onGpu && graphics.length > 0,
      lacks: () => null,
      remedy: 'Install it.',
      open: () => Promise.reject(new Error('not in this test')),
    });
    const select = (deeds: [string, string, boolean][], machine: Machine, more: SelectOptions = {}) =>
      selectRuntime({
        candidates: deeds.map((deed) => candidate(...deed)),
        ...{ machine, cache, now: () => 1000, probing: { module } },
        ...more,
      });

    it('tries nothing where there is no graphics processor', async () => {
      const { order, standings } = await select(
        [
          ['segfault', 'webgpu', true],
          ['hangs', 'cpu', false],
        ],
        none,
      );
      expect(standings.map(({ state }) => state)).toEqual(['untried', 'untried']);
      expect(order.map(({ device }) => device)).toEqual(['cpu']);
    });

    it('takes the graphics processor that works and is faster', async () => {
      const { order, standings, idle } = await select(
        [
          ['segfault', 'cuda', true],
          ['faster', 'webgpu', true],
          ['works', 'cpu', false],
        ],
        amd,
      );
      expect(order.map(({ device }) => device)).toEqual(['webgpu', 'cpu']);
      expect(standings[0]).toMatchObject({
        state: 'fails',
        why: expect.stringMatching(/SIGSEGV/),
        remedy: 'Install it.',
      });
      expect(idle).toEqual([]);
    });

    it('survives graphics processors whose libraries end the process, and says which are idle', async () => {
      const { order, idle } = await select(
        [
          ['segfault', 'webgpu', true],
          ['works', 'cpu', false],
        ],
        amd,
      );
      expect(order.map(({ device }) => device)).toEqual(['cpu']);
      expect(idle.map(({ device }) => device)).toEqual(['webgpu']);
    });

    it('remembers, and tries again when asked to', async () => {
      const heard: string[] = [];
      const onTrial = ({ device }: { device: string }): void => void heard.push(device);
      const deeds: [string, string, boolean][] = [
        ['faster', 'webgpu', true],
        ['works', 'cpu', false],
      ];
      const first = await select(deeds, amd);
      // Were they tried again, these would fail: what is remembered goes by place and machine.
      const broken = { probing: { module: join(folder, 'nowhere.mjs') } };
      expect(await select(deeds, amd, broken)).toEqual(first);
      const again = await select(deeds, amd, { ...broken, everything: true, onTrial });
      expect(again.standings.map(({ state }) => state)).toEqual(['fails', 'fails']);
      expect(heard).toEqual(['webgpu', 'cpu']);
    });
  });
});

describe('opening by name', () => {
  it.skipIf(detectMachine().nvidia !== null)('says what is missing for CUDA, and how to install it', async () => {
    const said = /onnxruntime on cuda does not work here: .*`npm rebuild onnxruntime-node --ignore-scripts=false`/;
    for (const runtime of ['auto', 'onnxruntime']) {
      await expect(openRuntime(runtime, 'cuda', { cache })).rejects.toThrow(failure('RUNTIME_UNAVAILABLE', said));
    }
  });

  it('says what is missing where the library of a graphics processor ends its process', async () => {
    const module = join(folder, 'abort.mjs');
    writeFileSync(module, "process.kill(process.pid, 'SIGABRT');\n");
    const said = /onnxruntime on webgpu does not work here: its process was ended by SIGABRT\. Install the driver/;
    const opened = openRuntime('onnxruntime', 'webgpu', { cache, probing: { module }, machine: amd });
    await expect(opened).rejects.toThrow(failure('RUNTIME_UNAVAILABLE', said));
  });

  it('takes the first that works of those that the names leave open', async () => {
    const { name, device } = await openRuntime('auto', 'cpu', { cache });
    expect({ name, device }).toEqual({ name: 'onnxruntime', device: 'cpu' });
    expect(await openRuntime('auto', 'wasm', { cache })).toMatchObject({ name: 'tfjs', device: 'wasm' });
  });
});
