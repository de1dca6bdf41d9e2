/** `neuroreel image`: preferred images of units of a classifier, one or many starts of each. */
import type { Command } from 'commander';
import { resolve } from 'node:path';
import { action } from '../command.js';
import { makeJob } from '../job-making.js';
import { imageResult, imageWords } from '../job-result.js';
import {
  computeOptions,
  examples,
  layerOptions,
  previewOption,
  synthesisOptions,
  type ComputeOptions,
  type GlobalOptions,
  type LayerOptions,
  type PreviewOptions,
  type SynthesisOptions,
} from '../options.js';
import { unitList, whole } from '../option-values.js';
import type { Output } from '../output.js';
import { serverOptions, type ServerOptions } from '../server-options.js';

interface ImageOptions
  extends GlobalOptions, ComputeOptions, SynthesisOptions, LayerOptions, PreviewOptions, ServerOptions {
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
    .option('--starts <n>', 'images of each unit, each from a start of its own', whole(1, 256), 1)
    .option(
      '--out <folder>',
      'folder for the images, montage.png with all of them, activation.png and report.json',
      'out/image',
    )
    .addOption(previewOption());
  computeOptions(serverOptions(command)).action(action(image));
  examples(command, [
    ["the default model's default unit", 'neuroreel image'],
    ['nine starts of one unit', 'neuroreel image --unit goldfish --starts 9'],
    ['a hidden unit, at the size of what it sees', 'neuroreel image --layer conv3 --unit 12'],
    ['the published algorithm', 'neuroreel image --preset paper-2016'],
    [
      'a network of larger pictures than the generator draws',
      'neuroreel image --model googlenet --prior natural-prior --preset olah-2017 --unit 963',
    ],
    ['how sure the model is, for a script', 'neuroreel image --json --quiet | jq .report.pictures[].probability'],
  ]);
}

async function image(out: Output, options: ImageOptions): Promise<void> {
  const folder = resolve(options.out);
  const { model, unit: units, layer, position, prior, preset, settings, starts, seed, iterations } = options;
  await makeJob(out, {
    ...{ what: 'image', folder, options },
    request: () => ({
      ...{ kind: 'image', model, units, layer, position, prior, preset, settings, starts, seed, iterations },
    }),
  });
  const result = await imageResult(folder);
  out.result(result, imageWords(result));
}
