/** `neuroreel image`: preferred images of units of a classifier, one or many starts of each. */
import { InvalidArgumentError, Option, type Command } from 'commander';
import { resolve } from 'node:path';
import { montageEntry } from '../../../src/jobs/figures/montage.js';
import { NeuroreelError, PRESET_NAMES } from '../../../src/protocol/index.js';
import { action } from '../command.js';
import { figureWithProgress, figureWords, settingsOf } from '../figures.js';
import { facts } from '../format.js';
import {
  deviceOption,
  examples,
  memoryOption,
  modelFolderOption,
  runtimeOption,
  threadsOption,
  unitList,
  whole,
  type GlobalOptions,
} from '../options.js';
import type { Output } from '../output.js';
import { memoryChoice, openRegistry, runtimeChoice } from '../settings.js';

interface ImageOptions extends GlobalOptions {
  readonly model: string;
  readonly unit?: (string | number)[];
  readonly layer?: string;
  readonly position?: readonly [number, number];
  readonly prior?: string;
  readonly preset?: string;
  readonly settings?: string;
  readonly starts: number;
  readonly seed?: number;
  readonly iterations?: number;
  readonly out: string;
  readonly models?: string[];
  readonly runtime?: string;
  readonly device?: string;
  readonly memory?: string;
  readonly threads?: number;
}

/** `3,4` -> [3, 4] */
function place(text: string): [number, number] {
  const [, row, column] = /^(\d{1,5}),(\d{1,5})$/.exec(text) ?? [];
  if (row === undefined || column === undefined) throw new InvalidArgumentError('It must be like 3,4.');
  return [Number(row), Number(column)];
}

export function define(command: Command): void {
  command
    .option('--model <name>', 'the classifier', 'tiny-objects')
    .option('--unit <list>', 'labels or indices with commas between them (default: as the model says)', unitList)
    .option('--layer <name>', 'a hidden layer, whose units are asked for by index')
    .option('--position <row,column>', 'where in a layer of maps (default: its middle)', place)
    .option('--prior <name>', 'what keeps images natural; `pixels` for nothing (default: as the model says)')
    .addOption(new Option('--preset <name>', 'settings of the synthesis (default default)').choices(PRESET_NAMES))
    .option('--settings <json>', 'what replaces settings of the preset')
    .option('--starts <n>', 'images of each unit, each from a start of its own', whole(1, 64), 1)
    .option('--seed <n>', 'seed of the first start (default 1)', whole(0, 0xffff_ffff))
    .option('--iterations <n>', 'iterations (default: as the preset says)', whole(1, 100_000))
    .option('--out <folder>', 'folder for the images, figure.png with all of them, and figure.json', 'out/image')
    .addOption(modelFolderOption())
    .addOption(runtimeOption())
    .addOption(deviceOption())
    .addOption(threadsOption())
    .addOption(memoryOption())
    .action(action(image));
  examples(command, [
    ["the default model's default unit", 'neuroreel image'],
    ['nine starts of one unit', 'neuroreel image --unit goldfish --starts 9'],
    ['a hidden unit, at the size of what it sees', 'neuroreel image --layer conv3 --unit 12'],
    ['the published algorithm', 'neuroreel image --preset paper-2016'],
    ['how sure the model is, for a script', 'neuroreel image --json --quiet | jq .report.panels[].probability'],
  ]);
}

async function image(out: Output, options: ImageOptions): Promise<void> {
  const registry = openRegistry(options.models);
  const { model, unit, layer, position, prior, preset, starts, seed, iterations } = options;
  if (registry.loadWithUnits(model).manifest.kind !== 'classifier') {
    throw new NeuroreelError('MODEL_UNKNOWN', `${model} is no classifier; neuroreel video is for recognisers.`);
  }
  const folder = resolve(options.out);
  const { report } = await figureWithProgress(out, {
    ...{ registry, folder, fps: 12, single: true, threads: options.threads, memory: memoryChoice(options.memory) },
    entry: montageEntry({ layer, position }),
    options: {
      ...{ model, units: unit, preset, starts, seed, iterations, priors: prior === undefined ? undefined : [prior] },
      settings: options.settings === undefined ? undefined : settingsOf(options.settings),
    },
    ...runtimeChoice(options),
  });
  const reached = report.panels.map(({ activation, label }) => `${label} ${activation!.toFixed(2)}`);
  const shown = reached.slice(0, 8).join(', ') + (reached.length > 8 ? ', ...' : '');
  out.result({ folder, report }, `${figureWords(report, folder)}\n${facts([['activation', shown]])}`);
}
