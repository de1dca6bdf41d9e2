/** `neuroreel image`: preferred images of units of a classifier, one or many starts of each. */
import type { Command } from 'commander';
import { resolve } from 'node:path';
import { figureNamed } from '../../../src/jobs/figures/table.js';
import { NeuroreelError } from '../../../src/protocol/index.js';
import { action } from '../command.js';
import { figureWithProgress, figureWords } from '../figures.js';
import { facts } from '../format.js';
import {
  computeOptions,
  examples,
  layerOptions,
  synthesisOptions,
  type ComputeOptions,
  type GlobalOptions,
  type LayerOptions,
  type SynthesisOptions,
} from '../options.js';
import { unitList, whole } from '../option-values.js';
import type { Output } from '../output.js';
import { memoryChoice, openRegistry, runtimeChoice } from '../settings.js';

interface ImageOptions extends GlobalOptions, ComputeOptions, SynthesisOptions, LayerOptions {
  readonly model: string;
  readonly unit?: (string | number)[];
  readonly starts: number;
  readonly out: string;
}

export function define(command: Command): void {
  command
    .option('--model <name>', 'the classifier', 'tiny-objects')
    .option('--unit <list>', 'labels or indices with commas between them (default: as the model says)', unitList);
  layerOptions(command);
  synthesisOptions(command);
  command
    .option('--starts <n>', 'images of each unit, each from a start of its own', whole(1, 64), 1)
    .option('--out <folder>', 'folder for the images, figure.png with all of them, and figure.json', 'out/image');
  computeOptions(command).action(action(image));
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
  const { model, unit, layer, position, prior, preset, settings, starts, seed, iterations } = options;
  if (registry.loadWithUnits(model).manifest.kind !== 'classifier') {
    throw new NeuroreelError('MODEL_UNKNOWN', `${model} is no classifier; neuroreel video is for recognisers.`);
  }
  const folder = resolve(options.out);
  const { report } = await figureWithProgress(out, {
    ...{ registry, folder, fps: 12, single: true, threads: options.threads, memory: memoryChoice(options.memory) },
    entry: figureNamed('image'),
    options: {
      ...{ model, units: unit, layer, position, preset, settings, starts, seed, iterations },
      priors: prior === undefined ? undefined : [prior],
    },
    ...runtimeChoice(options),
  });
  const reached = report.panels.map(({ activation, label }) => `${label} ${activation!.toFixed(2)}`);
  const shown = reached.slice(0, 8).join(', ') + (reached.length > 8 ? ', ...' : '');
  out.result({ folder, report }, `${figureWords(report, folder)}\n${facts([['activation', shown]])}`);
}
