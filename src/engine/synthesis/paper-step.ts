/**
 * The step of DGN-AM as one graph (Nguyen et al. 2016, and the authors' program): the gradient to the picture moves the
 * picture by `step`, the generator carries that change back to the code, and the code moves by `step` along it.
 */
import { gradients } from '../autodiff/gradients.js';
import { GraphBuilder, type Graph, type Value } from '../graph/graph.js';
import { abs, add, div, max, min, mul } from '../ops/elementwise.js';
import { mean } from '../ops/reduce.js';
import { OBJECTIVES } from './objectives.js';
import type { PaperSettings } from './presets.js';
import { scoresOf, seenPictures, showStep, type Task } from './scene.js';

/** x / mean|x| over the whole array, as the program takes it over its whole blob; also that mean. */
function normalised(b: GraphBuilder, x: Value): { direction: Value; size: Value } {
  const size = mean(b, abs(b, x), undefined, false);
  return { direction: div(b, x, size), size };
}

/**
 * Inputs `code` [T, D] and `step` (a number). Outputs `code` after the update; `pictureGradient` and `codeGradient`, the
 * mean absolute gradients, of which a zero ends the run; and what `showStep` declares, of the code before the update.
 */
export function paperStepGraph(task: Task, settings: PaperSettings): Graph {
  const { prior, frames, unit } = task;
  const b = new GraphBuilder();
  const code = b.input('code', [frames, prior.size]);
  const step = b.input('step', []);
  const pictures = seenPictures(b, task, code);
  const scores = scoresOf(b, task, pictures);
  const target = OBJECTIVES[settings.objective].build(b, scores, unit);

  const toPicture = normalised(b, gradients(b, target, [pictures])[0]!);
  const change = mul(b, toPicture.direction, step);
  const toCode = normalised(b, gradients(b, pictures, [code], change)[0]!);
  const moved = add(b, code, mul(b, toCode.direction, step));
  const { lower, upper } = prior.statistics;
  const bounded = min(b, max(b, moved, b.constant(lower, [1, prior.size])), b.constant(upper, [1, prior.size]));

  b.output('code', mul(b, bounded, b.scalar(settings.decay)));
  b.output('pictureGradient', toPicture.size);
  b.output('codeGradient', toCode.size);
  showStep(b, task, pictures, scores);
  return b.build();
}
