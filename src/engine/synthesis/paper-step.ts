/**
 * The step of DGN-AM as one graph (Nguyen et al. 2016, and the authors' program): the gradient to the picture moves the
 * picture by `step`, the generator carries that change back to the code, and the code moves by `step` along it.
 */
import { gradients } from '../autodiff/gradients.js';
import { GraphBuilder, type Graph, type Value } from '../graph/graph.js';
import { abs, add, div, mul } from '../ops/elementwise.js';
import { reshape } from '../ops/layout.js';
import { mean } from '../ops/reduce.js';
import { clipped, isClippedState, stateShape } from './codes.js';
import { passOf, type Pass } from './pass.js';
import type { PaperSettings } from './presets.js';
import type { Task } from './scene.js';

type Normalise = PaperSettings['optimiser']['normalise'];

/**
 * x / mean|x|, and that mean: over the whole array, as the program takes it over its whole blob, or for each picture by
 * itself, [T].
 */
function normalised(b: GraphBuilder, x: Value, over: Normalise): { direction: Value; size: Value } {
  if (over === 'each') {
    const axes = x.shape.map((_, axis) => axis).slice(1);
    const sizes = mean(b, abs(b, x), axes);
    return { direction: div(b, x, sizes), size: reshape(b, sizes, [-1]) };
  }
  const size = mean(b, abs(b, x), undefined, false);
  return { direction: div(b, x, size), size };
}

/** What a step computes of a state [T, D], one after the other; all of it before the state is moved. */
export interface PaperPass extends Pass {
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

/** Steps 1 to 6 of the rule: from codes (or controls) to the direction in which they move. */
export function paperPass(b: GraphBuilder, task: Task, settings: PaperSettings, code: Value, step: Value): PaperPass {
  const pass = passOf(b, task, settings, code);
  const { pictures, target, objective, plain } = pass;
  // Each row must be that of one picture for pictures to go by themselves.
  const normalise = code.shape[0] === task.frames ? settings.optimiser.normalise : 'all';
  const pictureGradient = gradients(b, target, [pictures])[0]!;
  const toPicture = normalised(b, pictureGradient, normalise);
  const change = mul(b, toPicture.direction, step);
  // The way back through the generator is linear, so the factor by which the change is the gradient may come after it:
  // the clip need not be seen as a whole before that way is gone, frame by frame. Penalties go that way as they are.
  const carried = plain ? gradients(b, pictures, [code], pictureGradient)[0]! : gradients(b, objective, [code])[0]!;
  const factor = div(b, step, toPicture.size);
  const codeGradient = mul(b, carried, normalise === 'each' ? reshape(b, factor, [0, 1]) : factor);
  const toCode = normalised(b, codeGradient, normalise);
  const move = mul(b, toCode.direction, step);
  const sizes = { picture: toPicture.size, code: toCode.size };
  return { ...pass, pictureGradient, change, codeGradient, move, sizes };
}

/**
 * Inputs `code` [T, D] (or controls), `step` (a number), and what `passOf` declares. Outputs `code` after the update;
 * `pictureGradient` and `codeGradient`, the mean absolute gradients (one number each, or one a picture), of which a zero ends
 * the run; and what `showStep` declares, of the code before the update.
 */
export function paperStepGraph(task: Task, settings: PaperSettings): Graph {
  const b = new GraphBuilder();
  const code = b.input('code', stateShape(task, settings));
  const step = b.input('step', []);
  const { move, sizes } = paperPass(b, task, settings, code, step);
  const moved = add(b, code, move);
  const bounded = isClippedState(task, settings) ? clipped(b, task, settings, moved) : moved;

  b.output('code', mul(b, bounded, b.scalar(settings.optimiser.decay)));
  b.output('pictureGradient', sizes.picture);
  b.output('codeGradient', sizes.code);
  return b.build();
}
