/**
 * A step of Adam on whitened codes, as one graph. A sequence is one identity u that all frames share and controls v that
 * are mixed into a movement for each frame (keyframes): z = mean + B u + W v, with B and W the factors of the covariance
 * of real codes between and within clips. Codes are kept within their bounds and scored together with penalties that
 * keep the frames natural and their sequence smooth. Pictures that have nothing to do with each other have an identity
 * each, and are no sequence.
 */
import { gradients } from '../autodiff/gradients.js';
import { GraphBuilder, type Graph, type Value } from '../graph/graph.js';
import { conv2d } from '../ops/conv.js';
import { add, max, min, mul, sub } from '../ops/elementwise.js';
import { sliceAxis } from '../ops/layout.js';
import { matmul } from '../ops/matmul.js';
import { mean } from '../ops/reduce.js';
import { adamMove, declareCorrections } from '../training/adam.js';
import { OBJECTIVES } from './objectives.js';
import type { AdamSettings } from './presets.js';
import { isOfPictures, scoresOf, seen, seenPictures, showStep, type Task } from './scene.js';
import { sequenceForm, type SequenceForm } from './sequences.js';

const meanSquare = (b: GraphBuilder, x: Value): Value => mean(b, mul(b, x, x), undefined, false);

/** x[i+1] - x[i] along an axis. */
function difference(b: GraphBuilder, x: Value, axis: number): Value {
  const n = x.shape[axis]!;
  return sub(b, sliceAxis(b, x, axis, 1, n), sliceAxis(b, x, axis, 0, n - 1));
}

/** Whitened identity [1 or T, D] and movement [T, D] to codes [T, D] within the prior's bounds. */
function naturalCodes(b: GraphBuilder, { prior }: Task, identity: Value, movement: Value): Value {
  const { mean: centre, lower, upper, factors, spread } = prior.statistics;
  const { size } = prior;
  const row = (data: Float32Array): Value => b.constant(data, [1, size]);
  const scaled = (x: Value, factor: Float32Array | undefined): Value =>
    factor ? matmul(b, x, b.constant(factor, [size, size]), { transB: true }) : mul(b, x, b.scalar(spread));
  const shared = add(b, scaled(identity, factors?.between), row(centre));
  const code = add(b, scaled(movement, factors?.within), shared);
  return min(b, max(b, code, row(lower)), row(upper));
}

/** How controls make movements; those of pictures are their own. */
const formOf = (task: Task, settings: AdamSettings): SequenceForm =>
  sequenceForm(isOfPictures(task) ? { form: 'free' } : settings.sequence, task.frames);

/** Rows of the state that hold identities; the others hold controls. */
export const identitiesOf = (task: Task): number => (isOfPictures(task) ? task.frames : 1);

/** The state [I + K, D] as the identities [I, D] and one movement a frame, [T, D]. */
function readState(
  b: GraphBuilder,
  task: Task,
  settings: AdamSettings,
  state: Value,
): { identity: Value; movement: Value } {
  const { frames } = task;
  const identities = identitiesOf(task);
  const form = formOf(task, settings);
  const controls = sliceAxis(b, state, 0, identities, identities + form.controls);
  return {
    identity: sliceAxis(b, state, 0, 0, identities),
    movement: form.matrix ? matmul(b, b.constant(form.matrix, [frames, form.controls]), controls) : controls,
  };
}

/** Shape of the state: the identities and the controls. */
export function stateShape(task: Task, settings: AdamSettings): [number, number] {
  return [identitiesOf(task) + formOf(task, settings).controls, task.prior.size];
}

/** The kernel, [3, 1, s, s], whose convolution shifts a picture down by dy and right by dx, each at most `jitter`. */
export function shiftKernel(jitter: number, dy: number, dx: number): Float32Array {
  const side = 2 * jitter + 1;
  const kernel = new Float32Array(3 * side * side);
  for (let c = 0; c < 3; c++) kernel[(c * side + jitter - dy) * side + jitter - dx] = 1;
  return kernel;
}

function shifted(b: GraphBuilder, pictures: Value, jitter: number): Value {
  if (jitter === 0) return pictures;
  const side = 2 * jitter + 1;
  const kernel = b.input('shift', [3, 1, side, side]);
  return conv2d(b, pictures, kernel, null, { groups: 3, pads: [jitter, jitter, jitter, jitter] });
}

/**
 * Inputs: `state` [I + K, D], Adam's moments `m` and `v` of the same shape, `rate`, `correct.m`, `correct.v` (numbers),
 * `noise` [T, D] where there is noise, `shift` [3, 1, s, s] where there is jitter. Outputs: the three updated, `objective`
 * with its penalties, and what `showStep` declares.
 */
export function adamStepGraph(task: Task, settings: AdamSettings): Graph {
  const { prior, frames, unit } = task;
  const b = new GraphBuilder();
  const shape = stateShape(task, settings);
  const state = b.input('state', shape);
  const { identity, movement } = readState(b, task, settings, state);
  const noisy = settings.noise > 0 ? add(b, movement, b.input('noise', [frames, prior.size])) : movement;
  const codes = naturalCodes(b, task, identity, noisy);
  const drawn = prior.build(b, codes);
  const pictures = seen(b, task, drawn);
  const scores = scoresOf(b, task, shifted(b, pictures, settings.jitter));
  const target = OBJECTIVES[settings.objective].build(b, scores, unit);
  const penalties = penaltiesOf(b, task, settings, { identity, movement, codes, drawn, pictures });
  const objective = penalties.reduce((total, term) => sub(b, total, term), target);

  // The objective is a mean over pictures; each is to get the gradient that it would get alone.
  const seed = isOfPictures(task) ? b.scalar(task.frames) : undefined;
  const gradient = gradients(b, objective, [state], seed)[0]!;
  const move = adamMove(b, gradient, { m: 'm', v: 'v' }, declareCorrections(b));
  b.output('state', add(b, state, mul(b, move, b.input('rate', []))));
  b.output('objective', objective);
  showStep(b, task, pictures, scores);
  return b.build();
}

/** The penalties with a weight above zero that the number of frames allows, each a number to be subtracted. */
function penaltiesOf(
  b: GraphBuilder,
  task: Task,
  settings: AdamSettings,
  {
    identity,
    movement,
    codes,
    drawn,
    pictures,
  }: Record<'identity' | 'movement' | 'codes' | 'drawn' | 'pictures', Value>,
): Value[] {
  const { encode, statistics } = task.prior;
  // A natural code comes back from its own picture; a blend of two does not (the idea of PPGN's first term).
  const astray = (): Value => {
    const away = sub(b, encode!(b, drawn), codes);
    return mul(b, meanSquare(b, away), b.scalar(1 / statistics.spread ** 2));
  };
  // Real identities are about as long as normal noise: a mean square of 1, not of 0, whose picture is nobody's.
  const unusual = (): Value => {
    if (isOfPictures(task)) {
      return meanSquare(b, sub(b, mean(b, mul(b, identity, identity), [1]), b.scalar(1)));
    }
    const excess = sub(b, meanSquare(b, identity), b.scalar(1));
    return mul(b, excess, excess);
  };
  const sequence = isOfPictures(task) ? 1 : task.frames;
  const terms: [number, () => Value][] = [
    [sequence > 1 ? settings.smoothness : 0, () => meanSquare(b, difference(b, movement, 0))],
    [sequence > 2 ? settings.acceleration : 0, () => meanSquare(b, difference(b, difference(b, movement, 0), 0))],
    [settings.naturalness, () => meanSquare(b, movement)],
    [settings.identity, unusual],
    [settings.energy, () => idleness(b, task, movement)],
    [encode ? settings.manifold : 0, astray],
    [settings.totalVariation, () => variation(b, task, pictures)],
  ];
  return terms.flatMap(([weight, term]) => (weight > 0 ? [mul(b, term(), b.scalar(weight))] : []));
}

/**
 * Mean over frames of the squared distance of a movement's energy from 1: that of real frames, in units of their codes'
 * spread. It keeps poses as far from the mean pose as real ones are.
 */
function idleness(b: GraphBuilder, { prior }: Task, movement: Value): Value {
  const { factors, spread } = prior.statistics;
  const { size } = prior;
  const moved = factors ? matmul(b, movement, b.constant(factors.within, [size, size]), { transB: true }) : movement;
  const scale = factors ? 1 / spread ** 2 : 1;
  const energy = mul(b, mean(b, mul(b, moved, moved), [1]), b.scalar(scale));
  return meanSquare(b, sub(b, energy, b.scalar(1)));
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

/** The frames of a state without noise and jitter: input `state`, output `pixels` [T, H, W, 3]. */
export function renderGraph(task: Task, settings: AdamSettings): Graph {
  const b = new GraphBuilder();
  const { identity, movement } = readState(b, task, settings, b.input('state', stateShape(task, settings)));
  const pictures = seenPictures(b, task, naturalCodes(b, task, identity, movement));
  showStep(b, task, pictures, scoresOf(b, task, pictures));
  return b.build();
}
