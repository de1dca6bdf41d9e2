/** `neuroreel video`: a preferred video, made here or by a server. */
import type { Command } from 'commander';
import { readFile } from 'node:fs/promises';
import { resolve } from 'node:path';
import { NeuroreelError } from '../../../src/protocol/index.js';
import { action } from '../command.js';
import { makeJob, unitOf } from '../job-making.js';
import { videoResult, videoWords } from '../job-result.js';
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
import { fromPicture, number } from '../option-values.js';
import type { Output } from '../output.js';
import { serverOptions, type ServerOptions } from '../server-options.js';

interface VideoOptions
  extends GlobalOptions, ComputeOptions, SynthesisOptions, LayerOptions, PreviewOptions, ServerOptions {
  readonly model?: string;
  readonly unit?: string;
  readonly frames?: number;
  readonly fps?: number;
  readonly picture?: string;
  readonly compareFree?: boolean;
  readonly out: string;
}

export function define(command: Command): void {
  command
    .option('--model <name>', 'the recogniser (default figures-lrcn)')
    .option('--unit <unit>', 'label or index of the unit to maximise (default: as the model says)');
  layerOptions(command);
  synthesisOptions(command);
  command
    .option('--frames <n>', 'frames of the video, 1 to 4096 (default 160)', number)
    .option('--picture <file>', 'an image, or a video of as many frames, whose code the run starts from')
    .option('--compare-free', 'the same with free codes, too, for what smoothness costs (takes twice as long)')
    .option('--fps <n>', 'frames a second of the MP4 (default 25)', number)
    .option('--out <folder>', 'folder for video.mp4, sheet.png, activation.png and report.json', 'out/video')
    .addOption(previewOption());
  computeOptions(serverOptions(command)).action(action(video));
  examples(command, [
    ["the default model's default unit", 'neuroreel video'],
    ['one unit, another seed, to a folder of its own', 'neuroreel video --unit climb_up --seed 7 --out out/climb-up'],
    ['the published algorithm', 'neuroreel video --unit wave --preset paper-2016'],
    ['a unit of a hidden layer', 'neuroreel video --layer conv3 --unit 12'],
    ['without a prior: the pixels themselves are optimised', 'neuroreel video --model mine --unit 3 --prior pixels'],
    ['near a real clip, and what smoothness costs', 'neuroreel video --picture clip.mp4 --frames 16 --compare-free'],
    ['how sure the model is of it, for a script', 'neuroreel video --json --quiet | jq .report.finalProbability'],
  ]);
}

async function video(out: Output, options: VideoOptions): Promise<void> {
  const folder = resolve(options.out);
  const { model, unit, layer, position, prior, preset, frames, seed, iterations, fps, compareFree } = options;
  const picture = options.picture === undefined ? undefined : await pictureFile(options.picture);
  const settings = picture === undefined ? options.settings : fromPicture(options.settings);
  await makeJob(out, {
    ...{ what: 'video', folder, options },
    request: async (labelsOf) => ({
      ...{ kind: 'video', model, layer, position, prior, preset, settings, frames, seed, iterations, fps },
      ...{ picture, compareFree },
      unit: unit === undefined ? undefined : unitOf(unit, await labelsOf(model ?? 'figures-lrcn')),
    }),
  });
  const result = await videoResult(folder);
  out.result(result, videoWords(result));
}

/** A file as a request takes it. @throws {NeuroreelError} REQUEST_INVALID */
async function pictureFile(path: string): Promise<string> {
  try {
    return await readFile(path, 'base64');
  } catch (cause) {
    throw new NeuroreelError('REQUEST_INVALID', `${path} cannot be read.`, { cause });
  }
}
