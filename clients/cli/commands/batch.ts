/** `neuroreel batch`: all units of a model, resumable, with a page of what it made. */
import type { Command } from 'commander';
import { join, relative, resolve } from 'node:path';
import { BATCH_FILES, eachUnit } from '../../../src/jobs/unit-batch/each-unit.js';
import { runBatch } from '../../../src/jobs/unit-batch/run-batch.js';
import type { UnitBatch } from '../../../src/protocol/index.js';
import { action } from '../command.js';
import { writing } from '../errors.js';
import { facts, figure } from '../format.js';
import { onInterrupt } from '../interrupt.js';
import {
  computeOptions,
  examples,
  synthesisOptions,
  type ComputeOptions,
  type GlobalOptions,
  type SynthesisOptions,
} from '../options.js';
import { unitList, whole } from '../option-values.js';
import type { Output } from '../output.js';
import { makeUnitThere, modelThere } from '../server-batch.js';
import { openClient, refuseWithServer, serverAddress, serverOptions, type ServerOptions } from '../server-options.js';
import { memoryChoice, openRegistry, runtimeChoice } from '../settings.js';

interface BatchOptions extends GlobalOptions, ComputeOptions, SynthesisOptions, ServerOptions {
  readonly model: string;
  readonly units?: (string | number)[];
  readonly starts: number;
  readonly frames?: number;
  readonly fps: number;
  readonly out?: string;
}

export function define(command: Command): void {
  command
    .option('--model <name>', 'a classifier or recogniser', 'figures-lrcn')
    .option('--units <list>', 'labels or indices with commas between them (default: all)', unitList);
  synthesisOptions(command);
  command
    .option('--starts <n>', 'pictures of each unit, each from a start of its own', whole(1, 64), 1)
    .option('--frames <n>', 'of a recogniser: frames of each video (default 160)', whole(1, 4096), 160)
    .option('--fps <n>', 'of a recogniser: frames a second', whole(1, 120), 25)
    .option('--out <folder>', 'folder for index.html and a folder a unit (default: out/batch-MODEL)');
  computeOptions(serverOptions(command)).action(action(batch));
  examples(command, [
    ['a video of every unit of the default model; the same command goes on after an interruption', 'neuroreel batch'],
    ['four pictures of every unit of a classifier', 'neuroreel batch --model tiny-objects --starts 4'],
    ['made by a server', 'neuroreel batch --units wave,squat --server http://127.0.0.1:8160'],
    [
      'how sure the model is of each, for a script',
      'neuroreel batch --json -q | jq ".units[].result.examples[0].probability"',
    ],
  ]);
}

async function batch(out: Output, options: BatchOptions): Promise<void> {
  const folder = resolve(options.out ?? `out/batch-${options.model}`);
  const message = 'The batch was not finished; what it reached is kept.';
  const interrupt = onInterrupt(out, { message, goesOn: true });
  const work = { folder, options, show: progressOf(out), signal: interrupt.signal };
  try {
    const made = await writing(folder, () => (serverAddress(options) === undefined ? batchHere : batchThere)(work));
    out.result(made, batchWords(made, folder));
  } finally {
    interrupt.release();
  }
}

interface Work {
  readonly folder: string;
  readonly options: BatchOptions;
  readonly show: ReturnType<typeof progressOf>;
  readonly signal: AbortSignal;
}

/** What is told of a batch while it goes on. */
function progressOf(out: Output) {
  let bar: ReturnType<Output['progress']> | null = null;
  let finished = 0;
  return {
    onStarted(count: number, done: number): void {
      if (done > 0) out.note(`${done} of ${count} units are there already.`);
      bar = out.progress('units', count);
    },
    onStep: (label: string, iteration: number, of: number, activation: number): void =>
      bar?.update(finished + iteration / (of + 1), `${label} ${iteration}/${of}  activation ${activation.toFixed(2)}`),
    onUnit(done: number, label: string): void {
      finished = done;
      bar?.update(done, label);
    },
  };
}

/** The request of every unit. */
function requestOf({ model, prior, preset, settings, starts, seed, iterations, frames }: BatchOptions) {
  return { model, prior, preset, settings, starts, seed, iterations, frames };
}

function batchHere({ folder, options, show, signal }: Work): Promise<UnitBatch> {
  const { units, fps, threads } = options;
  return runBatch({
    ...{ registry: openRegistry(options.models), folder, units, fps, threads, memory: memoryChoice(options.memory) },
    ...{ request: requestOf(options), ...runtimeChoice(options), ...show, signal },
  });
}

async function batchThere({ folder, options, show, signal }: Work): Promise<UnitBatch> {
  refuseWithServer(options, ['models', 'runtime', 'threads', 'memory']);
  const { units, fps, device } = options;
  const client = openClient(serverAddress(options)!, options);
  try {
    const model = await modelThere(client, options.model);
    const there = { client, model, fps, device, onStep: show.onStep, signal };
    return await eachUnit({ model, request: requestOf(options), units, folder, fps, ...show }, (task, into) =>
      makeUnitThere(there, task, into),
    );
  } finally {
    client.close();
  }
}

function batchWords({ model, units }: UnitBatch, folder: string): string {
  const short = relative(process.cwd(), folder);
  const here = short.startsWith('..') ? folder : short || '.';
  const reached = units.map(({ result }) => Math.max(...result.examples.map(({ activation }) => activation)));
  return facts([
    ['page', join(here, BATCH_FILES.page)],
    ['report', join(here, BATCH_FILES.report)],
    ['units', `${units.length} of ${model.name}`],
    ['activation', `${figure(Math.min(...reached))} to ${figure(Math.max(...reached))}`],
  ]);
}
