/** One table of everything that could compute: how it is opened, what it needs, how to get that. */
import { existsSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { PLACES, samePlace, type Place } from './choice.js';
import type { Machine } from './machine.js';
import { openOnnxRuntime } from './onnxruntime/onnxruntime.js';
import type { Runtime } from './runtime.js';
import { openTfjsRuntime, tensorflowPackage, TENSORFLOW_COMMAND, TENSORFLOW_CPU_COMMAND } from './tfjs/tfjs.js';

export interface Candidate extends Place {
  /**
   * Whether its native library could end the process or hang, so that it is tried in a process of its own first. What is
   * not, is known to fail with an error only.
   */
  readonly risky: boolean;
  /** Whether it would compute on a graphics processor of this machine, as far as can be told without loading anything. */
  onGpu(machine: Machine): boolean;
  /** What it certainly lacks on this machine, told without loading anything; null when it may work. */
  lacks(machine: Machine): Lack | null;
  /** What to do when it fails although nothing is known to be missing. */
  readonly remedy: string;
  /** @param adapter name of the graphics processor, where known */
  open(adapter?: string): Promise<Runtime>;
}

/** Why a candidate cannot work, and what to do about it. */
export interface Lack {
  readonly why: string;
  readonly remedy: string;
}

const require = createRequire(import.meta.url);

/** The command that fetches ONNX Runtime's CUDA provider (its package holds the others). */
const CUDA_COMMAND = 'npm rebuild onnxruntime-node --ignore-scripts=false';
const CUDA_NEEDS = 'It needs CUDA 12 and cuDNN 9 where the system finds libraries';
const DRIVER =
  'Install the driver of the graphics processor with its part for Vulkan, and the loader: on Debian ' +
  '`apt-get install libvulkan1 mesa-vulkan-drivers`, for NVIDIA `apt-get install libvulkan1 nvidia-driver`.';

/** Whether ONNX Runtime's CUDA provider is beside its other libraries. */
function cudaProviderIsHere({ platform, arch }: Machine): boolean {
  try {
    const folder = join(dirname(require.resolve('onnxruntime-node/package.json')), 'bin/napi-v6', platform, arch);
    return existsSync(join(folder, 'libonnxruntime_providers_cuda.so'));
  } catch {
    return false;
  }
}

function cudaLacks(machine: Machine): Lack | null {
  if (machine.platform !== 'linux' || machine.arch !== 'x64') {
    const why = `onnxruntime-node has CUDA for Linux on x64 only, and this is ${machine.platform} on ${machine.arch}`;
    return { why, remedy: 'Use another device, for example webgpu.' };
  }
  const provider = cudaProviderIsHere(machine);
  if (machine.nvidia === null) {
    const install = provider ? '' : `, and then the CUDA provider with \`${CUDA_COMMAND}\``;
    return {
      why: 'there is no NVIDIA GPU with its driver',
      remedy: `On a machine with one, install its driver${install}.`,
    };
  }
  if (provider) return null;
  return {
    why: "ONNX Runtime's CUDA provider is not installed",
    remedy: `Install it: \`${CUDA_COMMAND}\`. ${CUDA_NEEDS}.`,
  };
}

const NEVER_LACKS = (): null => null;
const NOT_ON_GPU = (): boolean => false;
const REINSTALL = 'Install the packages again: `npm ci`.';

const entries: Readonly<Record<string, Omit<Candidate, 'runtime' | 'device'>>> = {
  'onnxruntime cuda': {
    risky: true,
    onGpu: (machine) => machine.nvidia !== null,
    lacks: cudaLacks,
    remedy: `${CUDA_NEEDS}; its provider is fetched with \`${CUDA_COMMAND}\`.`,
    open: (adapter) => openOnnxRuntime('cuda', adapter),
  },
  'onnxruntime webgpu': {
    risky: true,
    onGpu: (machine) => machine.graphics.length > 0,
    lacks: NEVER_LACKS,
    remedy: DRIVER,
    open: (adapter) => openOnnxRuntime('webgpu', adapter),
  },
  'onnxruntime cpu': {
    risky: false,
    onGpu: NOT_ON_GPU,
    lacks: NEVER_LACKS,
    remedy: REINSTALL,
    open: () => openOnnxRuntime('cpu'),
  },
  'tfjs tensorflow': {
    risky: true,
    onGpu: (machine) => machine.nvidia !== null && tensorflowPackage() === '@tensorflow/tfjs-node-gpu',
    lacks: () =>
      tensorflowPackage() === null
        ? {
            why: 'the TensorFlow library is not installed',
            remedy: `Install it: \`${TENSORFLOW_COMMAND}\`, or without a GPU \`${TENSORFLOW_CPU_COMMAND}\`.`,
          }
        : null,
    remedy: `Install the library again: \`${TENSORFLOW_COMMAND}\`. On a GPU it needs CUDA 11.2 and cuDNN 8.1.`,
    open: () => openTfjsRuntime('tensorflow'),
  },
  'tfjs wasm': {
    risky: false,
    onGpu: NOT_ON_GPU,
    lacks: NEVER_LACKS,
    remedy: REINSTALL,
    open: () => openTfjsRuntime('wasm'),
  },
  'tfjs cpu': {
    risky: false,
    onGpu: NOT_ON_GPU,
    lacks: NEVER_LACKS,
    remedy: REINSTALL,
    open: () => openTfjsRuntime('cpu'),
  },
};

/** Every candidate, in the order of `PLACES`. */
export const CANDIDATES: readonly Candidate[] = PLACES.map((place) => ({
  ...place,
  ...entries[`${place.runtime} ${place.device}`]!,
}));

export const candidateFor = (place: Place): Candidate => CANDIDATES.find((candidate) => samePlace(candidate, place))!;
