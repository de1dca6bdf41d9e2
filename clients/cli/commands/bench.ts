/** `neuroreel bench`: how fast this machine is, with what is installed. */
import type { Command } from 'commander';
import { openRuntime } from '../../../src/engine/runtimes/open.js';
import { packageVersion } from '../../../src/jobs/package-root.js';
import { NeuroreelError } from '../../../src/protocol/index.js';
import { benchMachine, busyWords, peakMemory, type BenchMachine } from '../bench/machine.js';
import { MEASURES, type Measure } from '../bench/measures.js';
import { runBench, type LeftOut, type Measured } from '../bench/run.js';
import { action } from '../command.js';
import { bytesWords } from '../doctor/check.js';
import { columns, facts, figure } from '../format.js';
import { onInterrupt } from '../interrupt.js';
import { computeOptions, examples, type ComputeOptions, type GlobalOptions } from '../options.js';
import { names, positive } from '../option-values.js';
import type { Output } from '../output.js';
import { openRegistry, runtimeChoice } from '../settings.js';

interface BenchOptions extends GlobalOptions, Pick<ComputeOptions, 'runtime' | 'device' | 'threads'> {
  readonly only?: string[];
  readonly seconds: number;
}

export interface BenchResult {
  readonly machine: BenchMachine;
  readonly versions: Readonly<Record<string, string>>;
  readonly runtime: string;
  /** Threads that were asked for; null: one a core. */
  readonly threads: number | null;
  /** For each measure, the warm-up not counted. */
  readonly seconds: number;
  readonly busy: boolean;
  readonly measured: readonly Measured[];
  readonly leftOut: readonly LeftOut[];
  /** Most memory of the process, bytes. */
  readonly peakMemory: number;
}

export function define(command: Command): void {
  command
    .option('--only <names...>', 'some of the measures (default: all)', names)
    .option('--seconds <n>', 'seconds for each measure, after a warm-up', positive(600), 3);
  computeOptions(command, ['models', 'memory']).action(action(bench));
  const lines = MEASURES.map(({ name, what, unit }) => ['', name, `${what} (${unit})`]);
  command.addHelpText('after', `\nMeasures:\n${columns(lines)}`);
  examples(command, [
    ['everything, in about half a minute', 'neuroreel bench'],
    ['what the processor reaches, and what TensorFlow.js does', 'neuroreel bench --only product --runtime tfjs-wasm'],
    ['the step of a video with fewer threads', 'neuroreel bench --only video-step --threads 1 --seconds 10'],
    ['seconds a step, for a script', 'neuroreel bench --only video-step --json -q | jq .measured[0].median'],
  ]);
}

async function bench(out: Output, options: BenchOptions): Promise<void> {
  const measures = chosen(options.only);
  const machine = benchMachine();
  const busy = busyWords(machine);
  if (busy !== null) out.note(busy);
  const { threads, seconds } = options;
  const { runtime: name, device } = runtimeChoice(options);
  const interrupt = onInterrupt(out, { message: 'The benchmark was not finished.', goesOn: false });
  try {
    const runtime = await openRuntime(name, device);
    const bar = out.progress('measuring', measures.length);
    const { measured, leftOut } = await runBench({
      ...{ measures, seconds },
      bench: { registry: openRegistry(), runtime, threads, signal: interrupt.signal },
      onStarted: (index, { what }) => bar.update(index, what, null),
    });
    const result: BenchResult = {
      ...{ machine, versions: { neuroreel: packageVersion, node: machine.node }, runtime: runtime.description },
      ...{ threads: threads ?? null, seconds, busy: busy !== null, measured, leftOut, peakMemory: peakMemory() },
    };
    out.result(result, benchWords(result));
  } finally {
    interrupt.release();
  }
}

/** @throws {NeuroreelError} REQUEST_INVALID */
function chosen(only: readonly string[] | undefined): readonly Measure[] {
  if (only === undefined) return MEASURES;
  const unknown = only.filter((name) => !MEASURES.some((one) => one.name === name));
  if (unknown.length > 0) {
    const known = MEASURES.map(({ name }) => name).join(', ');
    throw new NeuroreelError('REQUEST_INVALID', `No measure is named ${unknown.join(', ')}; there are: ${known}.`);
  }
  return MEASURES.filter(({ name }) => only.includes(name));
}

function benchWords({ machine, runtime, threads, measured, leftOut, peakMemory: peak }: BenchResult): string {
  const about = facts([
    ['machine', `${machine.cpu}, ${machine.cores} cores, ${bytesWords(machine.memory)}, ${machine.system}`],
    ['gpu', machine.gpus.join(', ')],
    ['node', machine.node],
    ['runtime', runtime],
    ['threads', threads === null ? 'one a core' : String(threads)],
    ['load', machine.load === null ? '' : `${machine.load.toFixed(2)} on average in the minute before`],
  ]);
  const rows = measured.map(({ what, unit, median, low, high, best, runs }) => [
    ...[what, figure(median), unit, `${figure(low)} to ${figure(high)}`, figure(best), String(runs)],
  ]);
  const table = columns([['', 'median', '', 'quartiles', 'best', 'runs'], ...rows]);
  const missing = leftOut.map(({ what, code, reason }) => `left out: ${what} (${code}: ${reason})`);
  return [about, '', table, '', `peak memory  ${bytesWords(peak)}`, ...missing].join('\n');
}
