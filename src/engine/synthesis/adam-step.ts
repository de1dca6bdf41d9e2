/**
 * A step of Adam on whitened control codes, as one graph. Controls w are mixed into a code a frame (keyframes), made
 * natural codes by the mean and covariance of real ones, z = mean + L w, kept within their bounds, and scored together
 * with penalties that keep the frames natural and their sequence smooth.
 */
import { gradients } from '../autodiff/gradients.js';
import { GraphBuilder, type Graph, type Value } from '../graph/graph.js';
import { conv2d } from '../ops/conv.js';
import { add, div, max, min, mul, sqrt, sub } from '../ops/elementwise.js';
import { sliceAxis } from '../ops/layout.js';
import { matmul } from '../ops/matmul.js';
import { mean } from '../ops/reduce.js';
import { ADAM } from '../training/trainer.js';
import { OBJECTIVES } from './objectives.js';
import type { AdamSettings } from './presets.js';
import { scoresOf, seenPictures, showStep, type Task } from './scene.js';
import { sequenceForm } from './sequences.js';

const meanSquare = (b: GraphBuilder, x: Value): Value => mean(b, mul(b, x, x), undefined, false);

/** x[i+1] - x[i] along an axis. */
function difference(b: GraphBuilder, x: Value, axis: number): Value {
  const n = x.shape[axis]!;
  return sub(b, sliceAxis(b, x, axis, 1, n), sliceAxis(b, x, axis, 0, n - 1));
}

/** Whitened codes [T, D] to codes within the prior's bounds. */
export function naturalCodes(b: GraphBuilder, { prior }: Task, whitened: Value): Value {
  const { mean: centre, lower, upper, factor, spread } = prior.statistics;
  const { size } = prior;
  const scaled = factor
    ? matmul(b, whitened, b.constant(factor, [size, size]), { transB: true })
    : mul(b, whitened, b.scalar(spread));
  const code = add(b, scaled, b.constant(centre, [1, size]));
  return min(b, max(b, code, b.constant(lower, [1, size])), b.constant(upper, [1, size]));
}

/** Control codes [K, D] to one whitened code a frame, [T, D]. */
export function mixedControls(b: GraphBuilder, { frames }: Task, settings: AdamSettings, controls: Value): Value {
  const form = sequenceForm(settings.sequence, frames);
  return form.matrix ? matmul(b, b.constant(form.matrix, [frames, form.controls]), controls) : controls;
}

/** The kernel, [3, 1, s, s], whose convolution shifts a picture by (dy, dx), each at most `jitter`. */
export function shiftKernel(jitter: number, dy: number, dx: number): Float32Array {
  const side = 2 * jitter + 1;
  const kernel = new Float32Array(3 * side * side);
  for (let c = 0; c < 3; c++) kernel[(c * side + jitter + dy) * side + jitter + dx] = 1;
  return kernel;
}

function shifted(b: GraphBuilder, pictures: Value, jitter: number): Value {
  if (jitter === 0) return pictures;
  const side = 2 * jitter + 1;
  const kernel = b.input('shift', [3, 1, side, side]);
  return conv2d(b, pictures, kernel, null, { groups: 3, pads: [jitter, jitter, jitter, jitter] });
}

/**
 * Inputs: `controls` [K, D], Adam's moments `m` and `v` of the same shape, `rate`, `correct.m`, `correct.v` (numbers),
 * `noise` [T, D] where there is noise, `shift` [3, 1, s, s] where there is jitter. Outputs: the three updated, `objective`
 * with its penalties, and what `showStep` declares.
 */
export function adamStepGraph(task: Task, settings: AdamSettings): Graph {
  const { prior, frames, unit } = task;
  const b = new GraphBuilder();
  const { controls: count } = sequenceForm(settings.sequence, frames);
  const shape = [count, prior.size];
  const controls = b.input('controls', shape);
  const whitened = mixedControls(b, task, settings, controls);
  const noisy = settings.noise > 0 ? add(b, whitened, b.input('noise', [frames, prior.size])) : whitened;
  const codes = naturalCodes(b, task, noisy);
  const pictures = seenPictures(b, task, codes);
  const scores = scoresOf(b, task, shifted(b, pictures, settings.jitter));
  const target = OBJECTIVES[settings.objective].build(b, scores, unit);
  const penalties = penaltiesOf(b, task, settings, whitened, pictures);
  const objective = penalties.reduce((total, term) => sub(b, total, term), target);

  const gradient = gradients(b, objective, [controls])[0]!;
  const { beta1, beta2, epsilon } = ADAM;
  const blend = (name: 'm' | 'v', x: Value, beta: number): Value => {
    const next = add(b, mul(b, b.input(name, shape), b.scalar(beta)), mul(b, x, b.scalar(1 - beta)));
    b.output(name, next);
    return mul(b, next, b.input(`correct.${name}`, []));
  };
  const m = blend('m', gradient, beta1);
  const v = blend('v', mul(b, gradient, gradient), beta2);
  const move = div(b, m, add(b, sqrt(b, v), b.scalar(epsilon)));
  b.output('controls', add(b, controls, mul(b, move, b.input('rate', []))));
  b.output('objective', objective);
  showStep(b, task, pictures, scores);
  return b.build();
}

/** The penalties with a weight above zero that the number of frames allows, each a number to be subtracted. */
function penaltiesOf(b: GraphBuilder, task: Task, settings: AdamSettings, whitened: Value, pictures: Value): Value[] {
  const { frames, prior } = task;
  const { spread } = prior.statistics;
  const terms: [number, () => Value][] = [
    [frames > 1 ? settings.smoothness : 0, () => meanSquare(b, difference(b, scaledCodes(), 0))],
    [frames > 2 ? settings.acceleration : 0, () => meanSquare(b, difference(b, difference(b, scaledCodes(), 0), 0))],
    [settings.naturalness, () => meanSquare(b, whitened)],
    [settings.totalVariation, () => variation(b, task, pictures)],
  ];
  const scaledCodes = (): Value => mul(b, naturalCodes(b, task, whitened), b.scalar(1 / spread));
  return terms.flatMap(([weight, term]) => (weight > 0 ? [mul(b, term(), b.scalar(weight))] : []));
}

/** Mean squared difference of neighbouring pixels on the scale 0..1, down and across. */
function variation(b: GraphBuilder, { model }: Task, pictures: Value): Value {
  const { scale } = model.manifest.input;
  const unit = mul(
    b,
    pictures,
    b.constant(
      scale.map((s) => 1 / (255 * s)),
      [1, 3, 1, 1],
    ),
  );
  return add(b, meanSquare(b, difference(b, unit, 2)), meanSquare(b, difference(b, unit, 3)));
}

/** The frames of controls without noise and jitter: input `controls`, output `pixels` [T, H, W, 3]. */
export function renderGraph(task: Task, settings: AdamSettings): Graph {
  const b = new GraphBuilder();
  const { controls: count } = sequenceForm(settings.sequence, task.frames);
  const controls = b.input('controls', [count, task.prior.size]);
  const codes = naturalCodes(b, task, mixedControls(b, task, settings, controls));
  const pictures = seenPictures(b, task, codes);
  showStep(b, task, pictures, scoresOf(b, task, pictures));
  return b.build();
}
