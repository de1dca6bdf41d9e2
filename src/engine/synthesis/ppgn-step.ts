/**
 * A step of the PPGN sampler as one graph (Nguyen et al. 2017, equation 11): y += eps1 (R(y) - y) + eps2 d log p / dy + noise.
 * R(y) is E(G(y)), the code that the prior's encoder finds in the picture of y: where it lies is where real codes are. A prior
 * without an encoder is taken for a Gaussian one: R(y) is the mean code.
 */
import { gradients } from '../autodiff/gradients.js';
import { GraphBuilder, type Graph } from '../graph/graph.js';
import { add, mul, sub } from '../ops/elementwise.js';
import { clipped, stateShape } from './codes.js';
import { passOf } from './pass.js';
import type { PpgnSettings } from './presets.js';
import { isOfPictures, type Task } from './scene.js';

/**
 * Inputs: `state` [T, D], `eps2` (a number), `step.noise` [T, D], and what `passOf` declares. Outputs: `state` after the
 * update, `objective`, and what `showStep` declares.
 */
export function ppgnStepGraph(task: Task, settings: PpgnSettings): Graph {
  const b = new GraphBuilder();
  const shape = stateShape(task, settings);
  const state = b.input('state', shape);
  const { objective, drawn, codes } = passOf(b, task, settings, state);
  const seed = isOfPictures(task) ? b.scalar(task.frames) : undefined;
  const gradient = gradients(b, objective, [state], seed)[0]!;
  const { prior } = task;
  const natural = prior.encode ? prior.encode(b, drawn) : b.constant(prior.statistics.mean, [1, prior.size]);
  const pull = mul(b, sub(b, natural, codes), b.scalar(settings.optimiser.eps1));
  const push = mul(b, gradient, b.input('eps2', []));
  const moved = add(b, add(b, state, add(b, pull, push)), b.input('step.noise', shape));
  b.output('state', clipped(b, task, settings, moved));
  b.output('objective', objective);
  return b.build();
}
