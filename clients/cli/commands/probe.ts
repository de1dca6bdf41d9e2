/** `neuroreel probe`: the short form of `neuroreel audit`: four conditions, one model, the verdict on the terminal. */
import type { Command } from 'commander';
import { mkdir, writeFile } from 'node:fs/promises';
import { dirname, resolve } from 'node:path';
import { QUICK_CONDITIONS } from '../../../src/engine/audit/conditions.js';
import { formatReport } from '../../../src/engine/audit/format-report.js';
import { auditWithProgress } from '../auditing.js';
import { action } from '../command.js';
import { writing } from '../errors.js';
import { onInterrupt } from '../interrupt.js';
import { computeOptions, examples, type ComputeOptions, type GlobalOptions } from '../options.js';
import { number, whole } from '../option-values.js';
import type { Output } from '../output.js';
import { openRegistry, runtimeChoice } from '../settings.js';

interface ProbeOptions extends GlobalOptions, Omit<ComputeOptions, 'memory'> {
  readonly model: string;
  readonly clips?: string;
  readonly permutations?: number;
  readonly delta?: number;
  readonly seed?: number;
  readonly frames?: number;
  readonly out?: string;
}

export function define(command: Command): void {
  command
    .option('--model <name>', 'the recogniser', 'figures-lrcn')
    .option(
      '--clips <path>',
      'a folder with a folder of videos for each label, or a list (default: those of the model)',
    )
    .option('--permutations <n>', 'random orders of each clip (default 20)', number)
    .option(
      '--delta <share>',
      'excess share of changed answers from which on a difference matters (default 0.05)',
      number,
    )
    .option('--seed <n>', 'seed of the random orders (default 1)', number)
    .option('--frames <n>', 'frames of a clip that are taken at most (default 2048)', whole(2, 1_000_000))
    .option('--out <file>', 'write the whole report there, as JSON');
  computeOptions(command, ['memory']).action(action(probe));
  examples(command, [
    ['the default model on its own clips', 'neuroreel probe'],
    ['a model on clips of yours: my-clips/LABEL/anything.mp4', 'neuroreel probe --model mine --clips my-clips'],
    ['the verdict, for a script', 'neuroreel probe --json --quiet | jq -r .verdict'],
    ['every condition, plots, a page to print: the whole audit', 'neuroreel audit --model mine --clips my-clips'],
  ]);
}

async function probe(out: Output, options: ProbeOptions): Promise<void> {
  const registry = openRegistry(options.models);
  const interrupt = onInterrupt(out, { message: 'The probe was not finished; nothing is kept of it.', goesOn: false });
  const { model, permutations, delta, seed, frames, threads } = options;
  const clips = options.clips === undefined ? undefined : resolve(options.clips);
  try {
    const report = await auditWithProgress(out, registry, {
      ...{ model, clips, permutations, delta, seed, frames, threads },
      conditions: QUICK_CONDITIONS,
      ...runtimeChoice(options),
      signal: interrupt.signal,
    });
    if (options.out !== undefined) await save(resolve(options.out), report);
    out.result(report, formatReport(report, { width: out.width }));
  } finally {
    interrupt.release();
  }
}

async function save(path: string, report: unknown): Promise<void> {
  await writing(path, async () => {
    await mkdir(dirname(path), { recursive: true });
    await writeFile(path, `${JSON.stringify(report, null, 2)}\n`);
  });
}
