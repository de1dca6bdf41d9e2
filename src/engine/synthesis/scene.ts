/**
 * The part that all step graphs share: codes through the prior to the scores of a network. Of a recogniser they are those of
 * one video; of a classifier those of as many pictures, which have nothing to do with each other.
 */
import type { GraphBuilder, Value } from '../graph/graph.js';
import type { Prior } from '../models/prior.js';
import { unitsOf, type ClassifierPackage, type LayerPlace } from '../models/classifier.js';
import { boundaryOf, frameLayers, scoreVideo, type RecogniserPackage, type VideoScores } from '../models/recogniser.js';
import { centreCrop, convert, rgbToBytes, toRgb } from '../models/pixels.js';
import { windowsOf } from '../models/windows.js';
import { reshape, sliceAxis } from '../ops/layout.js';
import { mean } from '../ops/reduce.js';
import { softmax } from '../ops/softmax.js';

interface Common {
  readonly prior: Prior;
  readonly unit: number;
  /** Frames of the video, or pictures. */
  readonly frames: number;
}
export interface VideoTask extends Common {
  readonly model: RecogniserPackage;
  readonly place?: never;
}
export interface PictureTask extends Common {
  readonly model: ClassifierPackage;
  /** The layer whose unit is meant. */
  readonly place: LayerPlace;
}
export type Task = VideoTask | PictureTask;

/** Whether the frames of a task are pictures that have nothing to do with each other. */
export const isOfPictures = (task: Task): task is PictureTask => task.place !== undefined;

/** The windows of a task's frames that are scored together; pictures are all in one, each a step. */
export function windowsOfTask(task: Task): readonly (readonly number[])[] {
  const all = { rule: 'whole' } as const;
  return windowsOf(isOfPictures(task) ? all : task.model.manifest.sequence, task.frames);
}

/** What the network sees of the prior's pictures: cropped, in the network's numbers. */
export function seen(b: GraphBuilder, { prior, model }: Task, pictures: Value): Value {
  const { input } = model.manifest;
  return convert(b, centreCrop(b, pictures, input.height, input.width), prior.output, input);
}

/** The picture that the network sees of each code. */
export function seenPictures(b: GraphBuilder, task: Task, codes: Value): Value {
  return seen(b, task, task.prior.build(b, codes));
}

/** Scores of a video, or of pictures, given as the network's numbers [T, 3, H, W]. */
export function scoresOf(b: GraphBuilder, task: Task, pictures: Value): VideoScores {
  if (isOfPictures(task)) return pictureScores(b, task, pictures);
  const { model } = task;
  return scoreVideo(b, model, frameLayers(b, model, pictures)[boundaryOf(model)]!);
}

/** Scores of pictures in the form of a video's: each picture is a step. */
function pictureScores(b: GraphBuilder, task: PictureTask, pictures: Value): VideoScores {
  const units = unitsOf(b, task.model, pictures, task.place);
  const steps = reshape(b, units, [0, 1, units.shape[1]!]);
  return {
    windows: windowsOfTask(task),
    steps,
    logits: mean(b, steps, [0, 1], false),
    probabilities: mean(b, softmax(b, steps), [0, 1], false),
  };
}

/** Declares the outputs that every step has: the frames as bytes and the unit's score at each step of each window. */
export function showStep(b: GraphBuilder, { model, unit }: Task, pictures: Value, scores: VideoScores): void {
  b.output('pixels', rgbToBytes(b, toRgb(b, pictures, model.manifest.input)));
  b.output('steps', sliceAxis(b, scores.steps, 2, unit, unit + 1));
  b.output('activation', sliceAxis(b, scores.logits, 0, unit, unit + 1));
}
