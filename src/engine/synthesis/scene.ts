/**
 * The part that all step graphs share: codes through the prior to the layers of a network. Of a recogniser they are those of
 * one video; of a classifier those of as many pictures, which have nothing to do with each other.
 */
import type { GraphBuilder, Value } from '../graph/graph.js';
import type { Prior } from '../models/prior.js';
import {
  beforeRelu,
  classifierLayers,
  SCORES,
  unitsAt,
  type ClassifierPackage,
  type LayerPlace,
} from '../models/classifier.js';
import {
  boundaryOf,
  frameLayers,
  sequenceLayers,
  windowFeatures,
  type RecogniserPackage,
} from '../models/recogniser.js';
import { convert, fitted, rgbToBytes, toRgb } from '../models/pixels.js';
import { windowsOf } from '../models/windows.js';
import { gather, reshape, sliceAxis } from '../ops/layout.js';
import { mul } from '../ops/elementwise.js';
import { mean, sum } from '../ops/reduce.js';
import type { PatchModel } from './patches.js';
import { NeuroreelError } from '../../protocol/errors.js';
import type { SynthesisSettings } from '../../protocol/synthesis.js';

/** A unit besides that of the task. */
export interface OtherUnit {
  readonly unit: number;
  readonly place: LayerPlace;
}

interface Common {
  readonly prior: Prior;
  readonly unit: number;
  /** Of pictures: the unit of each; all that of the task when absent. */
  readonly units?: readonly number[] | undefined;
  /** Frames of the video, or pictures. */
  readonly frames: number;
  /** Whether units are read after the ReLU of their layer, where it has one; before it when absent. */
  readonly rectified?: boolean | undefined;
  /** Units that the objective names besides. */
  readonly others?: readonly OtherUnit[] | undefined;
  /** What natural patches are like, where pictures say so; of natural pictures in general when absent. */
  readonly patches?: PatchModel | undefined;
  /** How the prior's pictures become the network's input; their middle when absent. */
  readonly fit?: SynthesisSettings['fit'] | undefined;
}
export interface VideoTask extends Common {
  readonly model: RecogniserPackage;
  /** The layer whose unit is meant; the scores of the labels when absent. */
  readonly place?: LayerPlace | undefined;
}
export interface PictureTask extends Common {
  readonly model: ClassifierPackage;
  readonly place: LayerPlace;
}
export type Task = VideoTask | PictureTask;

/** Whether the frames of a task are pictures that have nothing to do with each other. */
export const isOfPictures = (task: Task): task is PictureTask => task.model.manifest.kind === 'classifier';

/** The layer of the task's unit. */
export const placeOfTask = (task: Task): LayerPlace => task.place ?? { layer: SCORES, position: null };

/** Whether a layer of a recogniser belongs to its frame-wise part. */
const isFrameWise = ({ graphs }: RecogniserPackage, layer: string): boolean =>
  graphs['frames']?.outputs.some(({ name }) => name === layer) ?? false;

/** The windows of a task's frames that are scored together; pictures, and frames by themselves, are all in one, each a step. */
export function windowsOfTask(task: Task, place = placeOfTask(task)): readonly (readonly number[])[] {
  const all = { rule: 'whole' } as const;
  const alone = isOfPictures(task) || isFrameWise(task.model, place.layer);
  return windowsOf(alone ? all : task.model.manifest.sequence, task.frames);
}

/** What the network sees of the prior's pictures: cropped or resized, in the network's numbers. */
export function seen(b: GraphBuilder, { prior, model, fit }: Task, pictures: Value): Value {
  const { input } = model.manifest;
  return convert(b, fitted(b, pictures, input.height, input.width, fit), prior.output, input);
}

/** The picture that the network sees of each code. */
export function seenPictures(b: GraphBuilder, task: Task, codes: Value): Value {
  return seen(b, task, task.prior.build(b, codes));
}

export interface Scores {
  /** Units of the task's layer at each step of each window, [S, W, C]. */
  readonly steps: Value;
  /** The same of the layers of the other units. */
  readonly others: readonly Value[];
  /** Scores of the labels, [S, W, labels]. */
  readonly logits: Value;
}

/** Layers of a video, or of pictures, given as the network's numbers [T, 3, H, W]. */
export function scoresOf(b: GraphBuilder, task: Task, pictures: Value): Scores {
  const read = isOfPictures(task) ? pictureReader(b, task, pictures) : videoReader(b, task, pictures);
  return {
    steps: read(placeOfTask(task)),
    others: (task.others ?? []).map(({ place }) => read(place)),
    logits: read({ layer: SCORES, position: null }),
  };
}

type Reader = (place: LayerPlace) => Value;

/** Each picture is a step: [N, 1, C]. */
function pictureReader(b: GraphBuilder, { model, frames, rectified }: PictureTask, pictures: Value): Reader {
  const layers = classifierLayers(b, model, pictures);
  return (place) => {
    const layer = layers[place.layer]!;
    const units = unitsAt(b, model, rectified ? layer : beforeRelu(b, layer), place, frames);
    return reshape(b, units, [0, 1, units.shape[1]!]);
  };
}

/** Of the frame-wise part each frame is a step, [T, 1, C]; of the sequence those of its windows, [S, W, C]. */
function videoReader(b: GraphBuilder, { model, frames, rectified }: VideoTask, pictures: Value): Reader {
  const layers = frameLayers(b, model, pictures);
  const windows = windowsOf(model.manifest.sequence, frames);
  const sequence = sequenceLayers(b, model, windowFeatures(b, layers[boundaryOf(model)]!, frames, windows));
  return (place) => {
    if (!isFrameWise(model, place.layer)) return sequence[place.layer]!;
    const layer = layers[place.layer]!;
    const units = unitsAt(b, model, rectified ? layer : beforeRelu(b, layer), place, frames);
    return reshape(b, units, [0, 1, units.shape[1]!]);
  };
}

/** The score that rows of weights [1 or T, 1, C] pick of steps [S, W, C]: [S, W, 1]. */
export const picked = (b: GraphBuilder, steps: Value, rows: Value): Value => sum(b, mul(b, steps, rows), [2]);

/** The layers of the task's unit and of the others, in order. */
export const placesOf = (task: Task): readonly LayerPlace[] => [
  placeOfTask(task),
  ...(task.others ?? []).map(({ place }) => place),
];

/**
 * What counts of steps [S, W, C] of a layer: those of one window of the video, or all. Of a layer that sees each frame by
 * itself they are those of the window's frames.
 * @throws NeuroreelError REQUEST_INVALID when the video has no such window
 */
export function ofWindow(
  b: GraphBuilder,
  task: Task,
  place: LayerPlace,
  steps: Value,
  window: number | undefined,
): Value {
  if (window === undefined) return steps;
  if (isOfPictures(task)) {
    throw new NeuroreelError('REQUEST_INVALID', `${task.model.manifest.name} sees pictures: they have no windows.`);
  }
  const windows = windowsOf(task.model.manifest.sequence, task.frames);
  const frames = windows[window];
  if (!frames) {
    const message = `The video has ${windows.length} windows; there is none of number ${window}.`;
    throw new NeuroreelError('REQUEST_INVALID', message);
  }
  if (!isFrameWise(task.model, place.layer)) return sliceAxis(b, steps, 1, window, window + 1);
  return gather(b, steps, frames);
}

/**
 * Declares the outputs that every step has: the frames as bytes, each unit's score at each step of each window, and the mean
 * of those that count.
 */
export function showStep(
  b: GraphBuilder,
  { model }: Task,
  pictures: Value,
  scores: readonly Value[],
  counted: readonly Value[] = scores,
): void {
  b.output('pixels', rgbToBytes(b, toRgb(b, pictures, model.manifest.input)));
  scores.forEach((steps, k) => {
    b.output(k === 0 ? 'steps' : `steps.${k}`, steps);
    b.output(k === 0 ? 'activation' : `activation.${k}`, reshape(b, mean(b, counted[k]!), [1]));
  });
}
