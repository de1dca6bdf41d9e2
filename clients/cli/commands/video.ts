/** `neuroreel video`: a preferred video, made here, without a server. */
import type { Command } from 'commander';
import { readFile } from 'node:fs/promises';
import { resolve } from 'node:path';
import type { ModelRegistry } from '../../../src/engine/models/registry.js';
import { checkVideoRequest } from '../../../src/jobs/request-checks.js';
import { NeuroreelError, parseWith, videoJobRequest, type VideoJobRequest } from '../../../src/protocol/index.js';
import { findFfmpeg } from '../../../src/video/ffmpeg-binary.js';
import { action } from '../command.js';
import { runEmbedded } from '../embedded.js';
import { onInterrupt } from '../interrupt.js';
import { JobDisplay } from '../job-display.js';
import { videoResult, videoWords } from '../job-result.js';
import {
  computeOptions,
  examples,
  layerOptions,
  synthesisOptions,
  type ComputeOptions,
  type GlobalOptions,
  type LayerOptions,
  previewOption,
  type PreviewOptions,
  type SynthesisOptions,
} from '../options.js';
import { fromPicture, number } from '../option-values.js';
import type { Output } from '../output.js';
import { Preview } from '../preview/preview.js';
import { openRegistry, memoryChoice, runtimeChoice } from '../settings.js';

interface VideoOptions extends GlobalOptions, ComputeOptions, SynthesisOptions, LayerOptions, PreviewOptions {
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
  computeOptions(command).action(action(video));
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
  const registry = openRegistry(options.models);
  const request = await requestOf(options, registry);
  const { runtime, device } = runtimeChoice(options);
  checkVideoRequest(registry, request);
  await findFfmpeg();
  const folder = resolve(options.out);
  const message = 'The video was not finished; what it reached is kept.';
  const interrupt = onInterrupt(out, { message, goesOn: true });
  const preview = await Preview.open(out, options.preview);
  const listener = new JobDisplay(out);
  const memory = memoryChoice(options.memory);
  const settings = { modelFolders: registry.folders, runtime, device, threads: options.threads, memory };
  try {
    await runEmbedded({
      ...{ request, models: registry, settings, folder, listener, preview, signal: interrupt.signal },
      onResumed: () => out.note('The video goes on where it was interrupted.'),
    });
  } finally {
    interrupt.release();
    listener.end();
  }
  const result = await videoResult(folder);
  out.result(result, videoWords(result));
}

/** @throws {NeuroreelError} REQUEST_INVALID */
async function requestOf(options: VideoOptions, registry: ModelRegistry): Promise<VideoJobRequest> {
  const { model, unit, layer, position, prior, preset, frames, seed, iterations, fps, compareFree } = options;
  const picture = options.picture === undefined ? undefined : await pictureFile(options.picture);
  const settings = picture === undefined ? options.settings : fromPicture(options.settings);
  const draft = parseWith(videoJobRequest, {
    ...{ kind: 'video', model, unit, layer, position, prior, preset, settings, frames, seed, iterations, fps },
    ...{ picture, compareFree },
  });
  return { ...draft, unit: unit === undefined ? undefined : unitOf(unit, draft.model, registry) };
}

/** A file as a request takes it. @throws {NeuroreelError} REQUEST_INVALID */
async function pictureFile(path: string): Promise<string> {
  try {
    return await readFile(path, 'base64');
  } catch (cause) {
    throw new NeuroreelError('REQUEST_INVALID', `${path} cannot be read.`, { cause });
  }
}

/** Digits are an index, unless they are a label. */
function unitOf(text: string, model: string, registry: ModelRegistry): number | string {
  const labels = registry.list().find(({ name }) => name === model)?.labels ?? [];
  return /^\d+$/.test(text) && !labels.includes(text) ? Number(text) : text;
}
