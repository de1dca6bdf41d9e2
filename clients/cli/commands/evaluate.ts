/** `neuroreel evaluate`: how good are a model's preferred pictures or videos, beside real ones and without a prior? */
import type { Command } from 'commander';
import { mkdir } from 'node:fs/promises';
import { join, relative, resolve } from 'node:path';
import { runEvaluation } from '../../../src/jobs/evaluation/run-evaluation.js';
import type { EvaluationReport, MeasuredMethod } from '../../../src/protocol/index.js';
import { EVALUATION_FILES, writeEvaluationFiles } from '../../../src/report/write-evaluation.js';
import { action } from '../command.js';
import { workFolder } from '../embedded.js';
import { writing } from '../errors.js';
import { columns } from '../format.js';
import { onInterrupt } from '../interrupt.js';
import {
  computeOptions,
  examples,
  synthesisOptions,
  type ComputeOptions,
  type GlobalOptions,
  type SynthesisOptions,
} from '../options.js';
import { collect, unitList, whole } from '../option-values.js';
import type { Output } from '../output.js';
import { openRegistry, runtimeChoice } from '../settings.js';

interface EvaluateOptions extends GlobalOptions, Omit<ComputeOptions, 'memory'>, SynthesisOptions {
  readonly model: string;
  readonly units?: (string | number)[];
  readonly starts: number;
  readonly frames?: number;
  readonly judge?: string[];
  readonly real?: string;
  readonly examples: number;
  readonly baseline: boolean;
  readonly out: string;
}

export function define(command: Command): void {
  command
    .option('--model <name>', 'a classifier or recogniser', 'figures-lrcn')
    .option('--units <list>', 'labels or indices with commas between them (default: all)', unitList);
  synthesisOptions(command);
  command
    .option('--starts <n>', 'examples of a unit, each from a start of its own', whole(1, 64), 4)
    .option('--frames <n>', 'frames of a video (default: as many as a real clip has)', whole(1, 4096))
    .option('--judge <name>', 'a network that took no part in the synthesis (may be repeated)', collect)
    .option(
      '--real <path>',
      'real examples: a folder of class folders, or a .tar of one (default: as the model brings)',
    )
    .option('--examples <n>', 'real examples of a class that are taken at most', whole(2, 1000), 50)
    .option('--no-baseline', 'leave out what is made without a prior')
    .option('--out <folder>', 'folder for the report and the pictures', 'out/evaluation');
  computeOptions(command, ['memory']).action(action(evaluate));
  examples(command, [
    [
      'the default model, judged by another, to out/evaluation/report.html',
      'neuroreel evaluate --preset paced --judge figures-lrcn-2',
    ],
    [
      'some units of a classifier, against pictures of yours: my-pictures/LABEL/anything.jpg',
      'neuroreel evaluate --model mine --units cat,dog --real my-pictures --judge another',
    ],
    ['what is read first, for a script', 'neuroreel evaluate --json --quiet | jq .summary.prior'],
  ]);
}

async function evaluate(out: Output, options: EvaluateOptions): Promise<void> {
  const registry = openRegistry(options.models);
  const folder = resolve(options.out);
  const interrupt = onInterrupt(out, {
    message: 'The evaluation was not finished; what it reached is kept.',
    goesOn: true,
  });
  const { model, prior, units, starts, seed = 1, preset = 'default', settings, iterations, frames } = options;
  const { threads, baseline } = options;
  let bar: ReturnType<Output['progress']> | null = null;
  try {
    await writing(folder, () => mkdir(folder, { recursive: true }));
    const { report, pictures } = await runEvaluation({
      ...{ registry, model, prior, units, starts, seed, preset, settings, iterations, frames, threads, baseline },
      work: workFolder(folder, 'evaluation'),
      ...runtimeChoice(options),
      judges: options.judge ?? [],
      real: options.real === undefined ? undefined : resolve(options.real),
      examples: options.examples,
      onStarted: (count) => (bar = out.progress('evaluating', count)),
      onUnit(done, label) {
        bar?.update(done, label);
      },
      signal: interrupt.signal,
    });
    await writing(folder, () => writeEvaluationFiles(folder, report, pictures));
    out.result(report, evaluationWords(report, folder));
  } finally {
    interrupt.release();
  }
}

function evaluationWords(report: EvaluationReport, folder: string): string {
  const { prior, baseline, real } = report.summary;
  const percent = (x: number | null | undefined): string =>
    x === null || x === undefined ? '–' : `${(100 * x).toFixed(0)} %`;
  const value = (x: number | null | undefined): string => (x === null || x === undefined ? '–' : x.toFixed(2));
  const row = (name: string, of: (measured: MeasuredMethod) => string): string[] => [
    name,
    of(prior),
    ...(baseline ? [of(baseline)] : []),
    of(real),
  ];
  const judged = report.judges.flatMap(({ name }) => [
    row(`named by ${name} (top 1)`, (m) => percent(m.top1.find((one) => one.judge === name)?.share)),
    row(`named by ${name} (top 5)`, (m) => percent(m.top5.find((one) => one.judge === name)?.share)),
    ...(prior.reversed.length > 0
      ? [row("backwards: the partner's label", (m) => percent(m.reversed.find((one) => one.judge === name)?.units))]
      : []),
  ]);
  const table = columns([
    ['', 'with the prior', ...(baseline ? ['without'] : []), 'real'],
    row('units above the 95th percentile', (m) => percent(m.aboveReal95)),
    ...judged,
    row('diversity, 1 - MS-SSIM', (m) => value(m.structure)),
    row('diversity, features', (m) => value(m.features)),
    ...(prior.smoothness === null ? [] : [row('smoothness over real', (m) => value(m.smoothness))]),
    row('seconds an example', (m) => value(m.secondsPerExample)),
  ]);
  const short = relative(process.cwd(), folder);
  const here = short.startsWith('..') ? folder : short || '.';
  return `${table}\n\nThe report is ${join(here, EVALUATION_FILES.page)}.`;
}
