/**
 * From what is optimised to codes. Raw, it is the codes themselves, or controls that are mixed into them. Whitened, a sequence
 * is one identity u that all frames share and controls v that are mixed into a movement for each frame:
 * z = mean + B u + W v, with B and W the factors of the covariance of real codes between and within clips; pictures that have
 * nothing to do with each other have an identity each, and are no sequence.
 */
import type { GraphBuilder, Value } from '../graph/graph.js';
import type { CodeStatistics, Prior } from '../models/prior.js';
import { add, div, max, min, mul, sqrt, sub } from '../ops/elementwise.js';
import { sliceAxis } from '../ops/layout.js';
import { matmul } from '../ops/matmul.js';
import { sum } from '../ops/reduce.js';
import { identityReader, meanOfRows, spreadOut, unwhitened } from './whitening.js';
import type { Settings } from './presets.js';
import { isOfPictures, type Task } from './scene.js';
import { sequenceForm, type SequenceForm } from './sequences.js';

/** How controls make codes or movements; those of pictures are their own. */
export const formOf = (task: Task, settings: Settings): SequenceForm =>
  sequenceForm(isOfPictures(task) ? { form: 'free' } : settings.sequence, task.frames);

/** Rows of the state that hold identities; the others hold controls. */
export function identitiesOf(task: Task, { codes }: Pick<Settings, 'codes'>): number {
  if (codes === 'raw') return 0;
  return isOfPictures(task) ? task.frames : 1;
}

/** Shape of the state: the identities and the controls. */
export const stateShape = (task: Task, settings: Settings): [number, number] => [
  identitiesOf(task, settings) + formOf(task, settings).controls,
  task.prior.size,
];

/** The range that codes are clipped to; null where they are not. */
export function boxOf(
  { statistics }: Prior,
  { bounds }: Settings,
): { lower: Float32Array; upper: Float32Array } | null {
  if (bounds.kind !== 'box') return null;
  const { mean, lower, upper } = statistics;
  if (bounds.scale === 1) return { lower, upper };
  const scaled = (bound: Float32Array): Float32Array => bound.map((x, i) => mean[i]! + bounds.scale * (x - mean[i]!));
  return { lower: scaled(lower), upper: scaled(upper) };
}

/** Clips codes [N, D]. */
export function clipped(b: GraphBuilder, { prior }: Task, settings: Settings, codes: Value): Value {
  const box = boxOf(prior, settings);
  if (!box) return codes;
  const row = (data: Float32Array): Value => b.constant(data, [1, prior.size]);
  return min(b, max(b, codes, row(box.lower)), row(box.upper));
}

/** Root mean square distance of real codes from their mean. */
function radiusOf({ factors, spread, mean }: CodeStatistics): number {
  if (!factors) return spread * Math.sqrt(mean.length);
  const { size, between, within } = factors;
  const squares = (factor: Float32Array): number => factor.reduce((total, x) => total + x * x, 0);
  const alone = (mean.length - size) * spread ** 2;
  return Math.sqrt(squares(within) + (between === within ? 0 : squares(between)) + alone);
}

/** Codes moved to the sphere around the mean code on which real ones lie. */
function onSphere(b: GraphBuilder, { prior }: Task, codes: Value): Value {
  const centre = b.constant(prior.statistics.mean, [1, prior.size]);
  const away = sub(b, codes, centre);
  const length = sqrt(b, max(b, sum(b, mul(b, away, away), [1]), b.scalar(1e-12)));
  return add(b, mul(b, away, div(b, b.scalar(radiusOf(prior.statistics)), length)), centre);
}

/** What a state says. */
export interface CodesOfState {
  /** Whitened identities, [1 or T, D]; null of raw codes. */
  readonly identity: Value | null;
  /** How each frame moves, [T, D]: whitened, or its code's distance from the mean in units of the spread. */
  readonly movement: Value;
  /** Codes within their bounds, [T, D]. */
  readonly codes: Value;
}

/** @param noise added to the movements, [T, D] */
export function codesOfState(
  b: GraphBuilder,
  task: Task,
  settings: Settings,
  state: Value,
  noise: Value | null = null,
): CodesOfState {
  const { frames } = task;
  const form = formOf(task, settings);
  const identities = identitiesOf(task, settings);
  const controls = identities === 0 ? state : sliceAxis(b, state, 0, identities, identities + form.controls);
  const mixed = form.matrix ? matmul(b, b.constant(form.matrix, [frames, form.controls]), controls) : controls;
  if (identities === 0) return rawCodes(b, task, settings, mixed, noise);
  const identity = sliceAxis(b, state, 0, 0, identities);
  const code = whitened(b, task, identity, noise ? add(b, mixed, noise) : mixed);
  return { identity, movement: mixed, codes: bounded(b, task, settings, code) };
}

function bounded(b: GraphBuilder, task: Task, settings: Settings, codes: Value): Value {
  return settings.bounds.kind === 'sphere' ? onSphere(b, task, codes) : clipped(b, task, settings, codes);
}

/** Free raw codes are kept within a box by the update itself, as the paper has it. */
export const isClippedState = (task: Task, { codes, sequence }: Settings): boolean =>
  codes === 'raw' && (isOfPictures(task) || sequence.form !== 'dct');

function rawCodes(b: GraphBuilder, task: Task, settings: Settings, mixed: Value, noise: Value | null): CodesOfState {
  const { mean, spread } = task.prior.statistics;
  const noisy = noise ? add(b, mixed, mul(b, noise, b.scalar(spread))) : mixed;
  const free = formOf(task, settings).matrix === null && !noise;
  const codes = free && settings.bounds.kind === 'box' ? noisy : bounded(b, task, settings, noisy);
  const away = sub(b, mixed, b.constant(mean, [1, task.prior.size]));
  return { identity: null, movement: mul(b, away, b.scalar(1 / spread)), codes };
}

/** mean + B u + W v. */
function whitened(b: GraphBuilder, { prior }: Task, identity: Value, movement: Value): Value {
  const { statistics, size } = prior;
  const shared = add(b, spreadOut(b, identity, statistics, 'between'), b.constant(statistics.mean, [1, size]));
  return add(b, spreadOut(b, movement, statistics, 'within'), shared);
}

/**
 * The state, [I + K, D], whose codes are nearest to given ones [T, D]: controls fitted to the codes. Of whitened codes the
 * identity is the likeliest for what the frames have in common, and the controls hold the rest.
 */
export function stateOfCodes(task: Task, settings: Settings, codes: Float32Array): Float32Array {
  const { prior, frames } = task;
  const { size, statistics } = prior;
  const form = formOf(task, settings);
  const identities = identitiesOf(task, settings);
  const state = new Float32Array((identities + form.controls) * size);
  if (identities === 0) {
    state.set(form.controlsOf(codes, size), 0);
    return state;
  }
  const together = frames / identities;
  const identity = identityReader(statistics, together);
  const rows = new Float32Array(frames * size);
  for (let k = 0; k < identities; k++) {
    const away = Float32Array.from({ length: together * size }, (_, i) => {
      return codes[k * together * size + i]! - statistics.mean[i % size]!;
    });
    const { unit, shared } = identity(meanOfRows(away, size));
    state.set(unit, k * size);
    for (let t = 0; t < together; t++) {
      const rest = shared.map((x, i) => away[t * size + i]! - x);
      rows.set(unwhitened(statistics, rest), (k * together + t) * size);
    }
  }
  state.set(form.controlsOf(rows, size), identities * size);
  return state;
}
