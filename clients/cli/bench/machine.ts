/** What the figures of a benchmark belong to: the machine, and whether it is busy with something else. */
import { availableParallelism, cpus, loadavg, totalmem } from 'node:os';
import { detectMachine } from '../../../src/engine/runtimes/machine.js';

export interface BenchMachine {
  readonly cpu: string;
  readonly cores: number;
  /** Bytes. */
  readonly memory: number;
  readonly gpus: readonly string[];
  readonly node: string;
  readonly system: string;
  /** Processes that wanted to run, on average over the last minute; null where the system does not tell (Windows). */
  readonly load: number | null;
}

export function benchMachine(): BenchMachine {
  const { graphics, nvidiaNames } = detectMachine();
  return {
    cpu: cpus()[0]?.model.trim() || process.arch,
    cores: availableParallelism(),
    memory: totalmem(),
    gpus: nvidiaNames.length > 0 ? nvidiaNames : graphics,
    node: process.versions.node,
    system: `${process.platform} ${process.arch}`,
    load: process.platform === 'win32' ? null : loadavg()[0]!,
  };
}

/** Load for each core from which on other programs take time from the figures. */
const BUSY = 0.25;

/** What to say of a machine that had something else to do when the benchmark began; null of one that had not. */
export function busyWords({ load, cores }: Pick<BenchMachine, 'load' | 'cores'>): string | null {
  if (load === null || load <= BUSY * cores) return null;
  const words = `The machine is busy: load average ${load.toFixed(1)} on ${cores} ${cores === 1 ? 'core' : 'cores'}`;
  return `${words}. The figures are lower than it could reach; end what else runs.`;
}

/** Most memory that this process has had in RAM so far, bytes; that of ffmpeg and of a GPU not counted. */
export const peakMemory = (): number => process.resourceUsage().maxRSS * 1024;
