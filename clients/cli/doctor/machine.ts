/** Checks of what runs neuroreel: Node, processor, memory, graphics, disk. */
import { accessSync, constants, existsSync, statfsSync, statSync } from 'node:fs';
import { availableParallelism, cpus } from 'node:os';
import { dirname, resolve } from 'node:path';
import { readMemory, type Memory } from '../../../src/engine/memory.js';
import { detectMachine, type Machine } from '../../../src/engine/runtimes/machine.js';
import { bytesWords, type Check } from './check.js';

/** The oldest Node that works, and the releases that neuroreel is tested with. */
const OLDEST = [20, 19] as const;
const TESTED = [20, 22, 24];

export function nodeCheck(version: string = process.versions.node): Check {
  const [major = 0, minor = 0] = version.split('.').map(Number);
  const name = 'node';
  if (major < OLDEST[0] || (major === OLDEST[0] && minor < OLDEST[1])) {
    const remedy = `Install Node ${TESTED.join(', ')}, at least ${OLDEST.join('.')}.`;
    return { name, state: 'problem', found: `${version}, which is too old`, remedy, code: 'INTERNAL' };
  }
  if (TESTED.includes(major)) return { name, state: 'ok', found: version };
  const found = `${version}, which neuroreel is not tested with`;
  return { name, state: 'warning', found, remedy: `Node ${TESTED.join(', ')} are known to work.` };
}

export function processorCheck(): Check {
  const model = cpus()[0]?.model.trim() || process.arch;
  const cores = availableParallelism();
  return { name: 'cpu', state: 'ok', found: `${model}, ${cores} ${cores === 1 ? 'core' : 'cores'}` };
}

/** Below this, videos of the shipped models do not fit; below the second, those of full-size networks hardly do. */
const LEAST_MEMORY = 0.5e9;
const SCARCE_MEMORY = 2e9;

export function memoryCheck({ total, free, limit, usable }: Memory = readMemory()): Check {
  const limited = limit === null ? 'no limit of a container' : `a container's limit of ${bytesWords(limit)}`;
  const left = usable < free ? `, which leaves ${bytesWords(usable)}` : '';
  const found = `${bytesWords(total)}, ${bytesWords(free)} free, ${limited}${left}`;
  const name = 'memory';
  const remedy = "End what else runs, or raise the container's limit.";
  if (usable < LEAST_MEMORY) return { name, state: 'problem', found, remedy, code: 'WORKER_DIED' };
  if (usable >= SCARCE_MEMORY) return { name, state: 'ok', found };
  return { name, state: 'warning', found, remedy: `${remedy} Full-size networks need more.` };
}

export function graphicsCheck(machine: Machine = detectMachine()): Check {
  const { graphics, nvidia, nvidiaNames } = machine;
  const names = nvidiaNames.length > 0 ? ` (${nvidiaNames.join(', ')})` : '';
  const driver = nvidia === null ? '' : `, driver ${nvidia} of NVIDIA${names}`;
  const found = graphics.length === 0 ? 'no graphics processor' : `${graphics.join(', ')}${driver}`;
  return { name: 'gpu', state: 'ok', found };
}

/** Bytes below which not even a video of the default size is sure to fit; below the second, soon no more will. */
const LEAST_DISK = 50e6;
const SCARCE_DISK = 1e9;

/** The folder itself, or the nearest above it that exists: what decides whether it can be made. */
function existing(folder: string): string {
  let path = resolve(folder);
  while (!existsSync(path) && dirname(path) !== path) path = dirname(path);
  return path;
}

/** Whether a folder can be written to, and how much fits. */
export function diskCheck(what: string, folder: string): Check {
  const name = 'disk';
  const path = resolve(folder);
  const there = existing(path);
  try {
    if (!statSync(there).isDirectory()) throw new Error(`${there} is no folder`);
    accessSync(there, constants.W_OK);
  } catch (error) {
    const found = `${path} (${what}) cannot be written: ${(error as Error).message}`;
    const remedy = 'Work in another folder, or change the rights of this one.';
    return { name, state: 'problem', found, remedy, code: 'OUTPUT_UNWRITABLE' };
  }
  const { bavail, bsize } = statfsSync(there);
  const free = bavail * bsize;
  const found = `${bytesWords(free)} free in ${path} (${what})`;
  const remedy = 'Make room on this disk, or name a folder on another one.';
  if (free < LEAST_DISK) return { name, state: 'problem', found, remedy, code: 'OUTPUT_UNWRITABLE' };
  return free < SCARCE_DISK ? { name, state: 'warning', found, remedy } : { name, state: 'ok', found };
}
