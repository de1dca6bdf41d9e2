/** `neuroreel probe`: shuffles and reverses the frames of real clips, and says whether the recogniser minds. */
import type { Command } from 'commander';
import { mkdir, writeFile } from 'node:fs/promises';
import { dirname, resolve } from 'node:path';
import { formatReport } from '../../../src/engine/audit/format-report.js';
import { action } from '../command.js';
import { writing } from '../errors.js';
import { onInterrupt } from '../interrupt.js';
import {
  deviceOption,
  examples,
  modelFolderOption,
  number,
  runtimeOption,
  threadsOption,
  whole,
  type GlobalOptions,
} from '../options.js';
import type { Output } from '../output.js';
import { runProbe } from '../probing.js';
import { openRegistry, runtimeChoice } from '../settings.js';

interface ProbeCommandOptions extends GlobalOptions {
  readonly model: string;
  readonly clips?: string;
  readonly permutations?: number;
  readonly delta?: number;
  readonly seed?: number;
  readonly frames?: number;
  readonly out?: string;
  readonly models?: string[];
  readonly runtime?: string;
  readonly device?: string;
  readonly threads?: number;
}

export function define(command: Command): void {
  command
    .option('--model <name>', 'the recogniser', 'figures-lrcn')
    .option(
      '--clips <folder>',
      'folder with a folder of videos for each label (default: the clips that the model brings)',
    )
    .option('--permutations <n>', 'random orders of each clip (default 20)', number)
    .option(
      '--delta <share>',
      'excess share of changed answers from which on a difference matters (default 0.05)',
      number,
    )
    .option('--seed <n>', 'seed of the random orders (default 1)', number)
    .option('--frames <n>', 'frames of a clip that are taken at most (default 2048)', whole(2, 1_000_000))
    .option('--out <file>', 'write the whole report there, as JSON')
    .addOption(modelFolderOption())
    .addOption(runtimeOption())
    .addOption(deviceOption())
    .addOption(threadsOption())
    .action(action(probe));
  examples(command, [
    ['the default model on its own clips', 'neuroreel probe'],
    ['a model on clips of yours: my-clips/LABEL/anything.mp4', 'neuroreel probe --model mine --clips my-clips'],
    ['more orders, and the report kept', 'neuroreel probe --permutations 100 --out out/probe.json'],
    ['the verdict, for a script', 'neuroreel probe --json --quiet | jq -r .verdict'],
  ]);
}

async function probe(out: Output, options: ProbeCommandOptions): Promise<void> {
  const registry = openRegistry(options.models);
  const interrupt = onInterrupt(out, 'The probe was not finished; nothing is kept of it.');
  const { model, clips, permutations, delta, seed, frames, threads } = options;
  const { runtime, device } = runtimeChoice(options);
  const { signal } = interrupt;
  try {
    const run = { model, clips, permutations, delta, seed, frames, runtime, device, threads, signal };
    const report = await runProbe(out, registry, run);
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
