/**
 * What a step graph is given anew at each call and may be changed while a run goes on: which units are picked, and the weights
 * of penalties. A graph is thus the same for all units of a layer.
 */
import { NeuroreelError } from '../../protocol/errors.js';
import type { SynthesisPenalties } from '../../protocol/synthesis.js';
import type { GraphBuilder, Value } from '../graph/graph.js';
import { layerShape, SCORES, type LayerPlace } from '../models/classifier.js';
import type { Tensors } from '../runtimes/runtime.js';
import type { Settings } from './presets.js';
import { isOfPictures, placeOfTask, type Task } from './scene.js';

/** Far below any score: a unit that is no rival. */
const NEVER = -1e9;

const widthOf = (task: Task, { layer }: LayerPlace): number => layerShape(task.model, layer)[1]!;

/** Rows that units of a layer are picked with: one for a video, one for each picture. */
const rowsOf = (task: Task): number => (isOfPictures(task) ? task.frames : 1);

function oneHot(width: number, units: readonly number[]): Float32Array {
  const rows = new Float32Array(width * units.length);
  units.forEach((unit, i) => (rows[i * width + unit] = 1));
  return rows;
}

const unitsOfTask = (task: Task): readonly number[] =>
  task.units ?? Array.from({ length: rowsOf(task) }, () => task.unit);

function pickingRows(task: Task, { objective }: Settings): Float32Array {
  const width = widthOf(task, placeOfTask(task));
  if (objective.kind !== 'direction') return oneHot(width, unitsOfTask(task));
  if (objective.vector.length !== width) {
    const message = `The direction has ${objective.vector.length} numbers; the layer "${placeOfTask(task).layer}" has ${width} units.`;
    throw new NeuroreelError('REQUEST_INVALID', message);
  }
  return Float32Array.from({ length: rowsOf(task) * width }, (_, i) => objective.vector[i % width]!);
}

/** 0 for the rivals of each row's unit, far below any score for all others; `rivals` are indices. */
function rivalsMask(task: Task, rivals: readonly number[]): Float32Array {
  const width = widthOf(task, placeOfTask(task));
  const named = new Set(rivals);
  const units = unitsOfTask(task);
  return Float32Array.from({ length: units.length * width }, (_, i) => {
    const unit = i % width;
    const isRival = unit !== units[Math.floor(i / width)] && (named.size === 0 || named.has(unit));
    return isRival ? 0 : NEVER;
  });
}

/** The values of the inputs that pick the units of a task: one-hot rows, or the direction. */
export function pickingInputs(task: Task, settings: Settings): Record<string, Float32Array> {
  const inputs = { 'unit.0': pickingRows(task, settings) };
  const others = (task.others ?? []).map(({ unit, place }, k): [string, Float32Array] => {
    const units = Array.from({ length: rowsOf(task) }, () => unit);
    return [`unit.${k + 1}`, oneHot(widthOf(task, place), units)];
  });
  return { ...inputs, ...Object.fromEntries(others) };
}

/** How much neighbouring frames of real clips of the unit's label differ, where the model's package says it; else null. */
export function paceOf(task: Task): number | null {
  if (isOfPictures(task) || placeOfTask(task).layer !== SCORES) return null;
  const { reference, manifest } = task.model;
  const smoothness = reference?.smoothness ?? {};
  const label = manifest.labels[task.unit]!;
  // A unit that a run is steered to may have no clips; it is to move as much as those that have some.
  const known = Object.values(smoothness).filter((x) => x > 0);
  if (known.length === 0) return null;
  const own = Object.hasOwn(smoothness, label) ? smoothness[label]! : 0;
  return own > 0 ? own : known.reduce((sum, x) => sum + x, 0) / known.length;
}

/** The values of all inputs that `passOf` declares, but for noise and jitter. */
export function controlInputs(task: Task, settings: Settings): Tensors {
  const { objective, penalties } = settings;
  const inputs = pickingInputs(task, settings);
  if (objective.kind === 'logit_difference') inputs['rivals'] = rivalsMask(task, objective.rivals as number[]);
  if (objective.kind === 'joint') {
    inputs['lambda'] = Float32Array.of(objective.lambda);
    inputs['gamma'] = Float32Array.of(objective.gamma);
  }
  for (const name of activePenalties(settings)) inputs[`weight.${name}`] = Float32Array.of(penalties[name]);
  const pace = paceOf(task);
  if (penalties.pace > 0 && pace !== null && task.frames > 1) inputs['pace'] = Float32Array.of(1 / pace);
  return inputs;
}

/** Names of the penalties with a weight. */
export const activePenalties = ({ penalties }: Settings): (keyof SynthesisPenalties)[] =>
  (Object.keys(penalties) as (keyof SynthesisPenalties)[]).filter((name) => penalties[name] > 0);

/** Declares the inputs of a graph that `controlInputs` gives, when asked for one. */
export interface Declared {
  /** The rows that pick the unit (0), or another (k), [R, 1, C]. */
  rows(k: number): Value;
  rivals(): Value;
  number(name: string): Value;
}

/** Declares inputs as they are asked for; picking rows are declared at once. */
export function declareControls(b: GraphBuilder, task: Task): Declared {
  const rows = [placeOfTask(task), ...(task.others ?? []).map(({ place }) => place)].map((place, k) =>
    b.input(`unit.${k}`, [rowsOf(task), 1, widthOf(task, place)]),
  );
  return {
    rows: (k) => rows[k]!,
    rivals: () => b.input('rivals', rows[0]!.shape),
    number: (name) => b.input(name, []),
  };
}
