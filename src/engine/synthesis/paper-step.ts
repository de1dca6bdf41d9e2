/**
 * The step of DGN-AM as one graph (Nguyen et al. 2016, and the authors' program): the gradient to the picture moves the
 * picture by `step`, the generator carries that change back to the code, and the code moves by `step` along it.
 */
import { gradients } from '../autodiff/gradients.js';
import { GraphBuilder, type Graph, type Value } from '../graph/graph.js';
import { abs, add, div, max, min, mul } from '../ops/elementwise.js';
import type { VideoScores } from '../models/recogniser.js';
import { reshape } from '../ops/layout.js';
import { mean } from '../ops/reduce.js';
import { OBJECTIVES } from './objectives.js';
import type { PaperSettings } from './presets.js';
import { scoresOf, seenPictures, showStep, type Task } from './scene.js';

/**
 * x / mean|x|, and that mean: over the whole array, as the program takes it over its whole blob, or for each picture by
 * itself, [T].
 */
function normalised(b: GraphBuilder, x: Value, over: PaperSettings['normalise']): { direction: Value; size: Value } {
  if (over === 'each') {
    const axes = x.shape.map((_, axis) => axis).slice(1);
    const sizes = mean(b, abs(b, x), axes);
    return { direction: div(b, x, sizes), size: reshape(b, sizes, [-1]) };
  }
  const size = mean(b, abs(b, x), undefined, false);
  return { direction: div(b, x, size), size };
}

/** What a step computes of codes [T, D], one after the other; all of it before the codes are moved. */
export interface PaperPass {
  /** What the network sees, [T, 3, h, w]. */
  readonly pictures: Value;
  readonly scores: VideoScores;
  /** Gradient of the objective to the pictures. */
  readonly pictureGradient: Value;
  /** How the step moves the pictures. */
  readonly change: Value;
  /** That change carried back to the codes, [T, D]. */
  readonly codeGradient: Value;
  /** By how much the codes are to move, [T, D]. */
  readonly move: Value;
  /** Mean absolute gradients, of pictures and of codes: one number, or one a picture. */
  readonly sizes: { readonly picture: Value; readonly code: Value };
}

/** Steps 1 to 6 of the rule: from codes to the direction in which they move. */
export function paperPass(b: GraphBuilder, task: Task, settings: PaperSettings, code: Value, step: Value): PaperPass {
  const pictures = seenPictures(b, task, code);
  const scores = scoresOf(b, task, pictures);
  const target = OBJECTIVES[settings.objective].build(b, scores, task.unit);
  const pictureGradient = gradients(b, target, [pictures])[0]!;
  const toPicture = normalised(b, pictureGradient, settings.normalise);
  const change = mul(b, toPicture.direction, step);
  // The way back through the generator is linear, so the factor by which the change is the gradient may come after it:
  // the clip need not be seen as a whole before that way is gone, frame by frame.
  const carried = gradients(b, pictures, [code], pictureGradient)[0]!;
  const factor = div(b, step, toPicture.size);
  const codeGradient = mul(b, carried, settings.normalise === 'each' ? reshape(b, factor, [0, 1]) : factor);
  const toCode = normalised(b, codeGradient, settings.normalise);
  const move = mul(b, toCode.direction, step);
  const sizes = { picture: toPicture.size, code: toCode.size };
  return { pictures, scores, pictureGradient, change, codeGradient, move, sizes };
}

/**
 * Inputs `code` [T, D] and `step` (a number). Outputs `code` after the update; `pictureGradient` and `codeGradient`, the
 * mean absolute gradients (one number each, or one a picture), of which a zero ends the run; and what `showStep` declares, of the code before the update.
 */
export function paperStepGraph(task: Task, settings: PaperSettings): Graph {
  const { prior, frames } = task;
  const b = new GraphBuilder();
  const code = b.input('code', [frames, prior.size]);
  const step = b.input('step', []);
  const { pictures, scores, move, sizes } = paperPass(b, task, settings, code, step);
  const moved = add(b, code, move);
  const { lower, upper } = prior.statistics;
  const bounded = min(b, max(b, moved, b.constant(lower, [1, prior.size])), b.constant(upper, [1, prior.size]));

  b.output('code', mul(b, bounded, b.scalar(settings.decay)));
  b.output('pictureGradient', sizes.picture);
  b.output('codeGradient', sizes.code);
  showStep(b, task, pictures, scores);
  return b.build();
}
