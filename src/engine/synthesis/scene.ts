/** The part that all step graphs share: codes through the prior to the recogniser's scores. */
import type { GraphBuilder, Value } from '../graph/graph.js';
import type { Prior } from '../models/prior.js';
import { boundaryOf, frameLayers, scoreVideo, type RecogniserPackage, type VideoScores } from '../models/recogniser.js';
import { centreCrop, convert, rgbToBytes, toRgb } from '../models/pixels.js';
import { sliceAxis } from '../ops/layout.js';

export interface Task {
  readonly model: RecogniserPackage;
  readonly prior: Prior;
  readonly unit: number;
  readonly frames: number;
}

/** What the recogniser sees of the prior's pictures: cropped, in the recogniser's numbers. */
export function seen(b: GraphBuilder, { prior, model }: Task, pictures: Value): Value {
  const { input } = model.manifest;
  return convert(b, centreCrop(b, pictures, input.height, input.width), prior.output, input);
}

/** The picture that the recogniser sees of each code. */
export function seenPictures(b: GraphBuilder, task: Task, codes: Value): Value {
  return seen(b, task, task.prior.build(b, codes));
}

/** Scores of a video given as the recogniser's numbers [T, 3, H, W]. */
export function scoresOf(b: GraphBuilder, { model }: Task, pictures: Value): VideoScores {
  return scoreVideo(b, model, frameLayers(b, model, pictures)[boundaryOf(model)]!);
}

/** Declares the outputs that every step has: the frames as bytes and the unit's score at each step of each window. */
export function showStep(b: GraphBuilder, { model, unit }: Task, pictures: Value, scores: VideoScores): void {
  b.output('pixels', rgbToBytes(b, toRgb(b, pictures, model.manifest.input)));
  b.output('steps', sliceAxis(b, scores.steps, 2, unit, unit + 1));
  b.output('activation', sliceAxis(b, scores.logits, 0, unit, unit + 1));
}
