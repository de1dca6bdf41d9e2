/**
 * Trains a network: one compiled graph computes loss, gradients, clipping and the Adam update, and is called once a
 * step. A run is a function of its seed; it can be interrupted and goes on where its last checkpoint was.
 */
import { mkdirSync, readFileSync, existsSync, renameSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { gradients } from '../autodiff/gradients.js';
import { GraphBuilder, type Value } from '../graph/graph.js';
import { add, div, mul, sqrt, sub, min } from '../ops/elementwise.js';
import { sum } from '../ops/reduce.js';
import { readSafetensors, writeSafetensors, type NamedTensor, type Weights } from '../models/safetensors.js';
import { NeuroreelError } from '../../protocol/errors.js';
import type { CompiledGraph, Runtime, Tensors } from '../runtimes/runtime.js';
import { ADAM, adamMove, biasCorrections, declareCorrections, type AdamOptions } from './adam.js';
import { trainable, type Parameters } from './parameters.js';

export interface OptimiserOptions extends AdamOptions {
  /** Largest norm of all gradients together; longer ones are scaled down to it. */
  readonly clipNorm: number;
  /** Share of a weight matrix (not of biases) that each step takes away, times the rate (Loshchilov and Hutter 2019). */
  readonly weightDecay: number;
}
export const OPTIMISER: OptimiserOptions = { ...ADAM, clipNorm: 2, weightDecay: 0 };

/** Weights that have a loss of their own, such as those of a discriminator. */
export interface Rival {
  /** What the names of its weights begin with. */
  readonly prefix: string;
  readonly loss: Value;
}

export interface TrainingTask {
  readonly seed: number;
  readonly steps: number;
  readonly adam?: Partial<OptimiserOptions>;
  /** Starting weights that replace the random ones of the same name. */
  readonly start?: ReadonlyMap<string, NamedTensor>;
  /** Steps after which the weights are kept beside the checkpoint, as `snapshot-STEP.safetensors`. */
  readonly snapshots?: readonly number[];
  learningRate(step: number): number;
  /**
   * Declares the data's inputs on the builder, builds the network, returns the loss and what else is to be watched. The
   * weights of a rival follow its loss, all others `loss`; both are moved at once, each by its own gradients.
   */
  build(
    b: GraphBuilder,
    parameters: Parameters,
  ): { loss: Value; rival?: Rival; watch?: Readonly<Record<string, Value>> };
  /** The data of a step: a function of the step and the seed alone. */
  batch(step: number): Tensors | Promise<Tensors>;
}

export interface TrainingProgress {
  readonly step: number;
  readonly steps: number;
  readonly loss: number;
  /** Norm of the gradients before clipping. */
  readonly gradientNorm: number;
  readonly seconds: number;
  readonly batch: Tensors;
  readonly watch: Tensors;
}

export interface TrainingOptions {
  readonly runtime: Runtime;
  readonly threads?: number;
  /** Folder for checkpoints; a run found there is continued. Absent: none are written. */
  readonly folder?: string;
  readonly checkpointSeconds?: number;
  readonly onProgress?: (progress: TrainingProgress) => void | Promise<void>;
  readonly signal?: AbortSignal;
}

const MOMENTS = ['m', 'v'] as const;

interface Update {
  readonly rate: Value;
  readonly corrections: ReturnType<typeof declareCorrections>;
  readonly adam: OptimiserOptions;
  readonly values: ReadonlyMap<string, Value>;
}

/** Declares the weights of these names after a step down a loss as outputs; returns the norm of its gradient. */
function moveWeights(
  b: GraphBuilder,
  loss: Value,
  names: readonly string[],
  { rate, corrections, adam, values }: Update,
): Value {
  const grads = gradients(
    b,
    loss,
    names.map((name) => values.get(name)!),
  );
  const missing = names.filter((_, i) => !grads[i]);
  if (missing.length > 0)
    throw new NeuroreelError('GRAPH_INVALID', `The loss does not depend on ${missing.join(', ')}.`);
  const squares = grads.map((g) => sum(b, mul(b, g!, g!), undefined, false));
  const norm = sqrt(
    b,
    squares.reduce((x, y) => add(b, x, y)),
  );
  const scale = min(b, b.scalar(1), div(b, b.scalar(adam.clipNorm), add(b, norm, b.scalar(1e-12))));
  names.forEach((name, i) => {
    const w = values.get(name)!;
    const move = adamMove(b, mul(b, grads[i]!, scale), { m: `m.${name}`, v: `v.${name}` }, corrections, adam);
    const decays = adam.weightDecay > 0 && w.shape.length > 1;
    const step = decays ? add(b, move, mul(b, w, b.scalar(adam.weightDecay))) : move;
    b.output(name, sub(b, w, mul(b, step, rate)));
  });
  return norm;
}

/** The graph of one step; returns the starting weights too. */
function stepGraph(task: TrainingTask): { builder: GraphBuilder; initial: Map<string, NamedTensor> } {
  const b = new GraphBuilder();
  const initial = new Map<string, NamedTensor>();
  const values = new Map<string, Value>();
  const declare = trainable(b, initial, task.seed);
  const parameters: Parameters = (name, shape, spread) => {
    const known = values.get(name);
    const value = known ?? declare(name, shape, spread);
    values.set(name, value);
    return value;
  };
  const { loss, rival, watch } = task.build(b, parameters);
  const isRival = (name: string): boolean => rival !== undefined && name.startsWith(rival.prefix);
  const names = [...values.keys()];
  const update: Update = {
    ...{ rate: b.input('rate', []), corrections: declareCorrections(b), adam: { ...OPTIMISER, ...task.adam } },
    values,
  };
  const own = names.filter((name) => !isRival(name));
  const norm = moveWeights(b, loss, own, update);
  if (rival) {
    const theirs = names.filter(isRival);
    b.output('watch.rivalNorm', moveWeights(b, rival.loss, theirs, update));
    b.output('watch.rivalLoss', rival.loss);
  }
  b.output('loss', loss);
  b.output('norm', norm);
  for (const [name, value] of Object.entries(watch ?? {})) b.output(`watch.${name}`, value);
  return { builder: b, initial };
}

interface State {
  step: number;
  tensors: Record<string, Float32Array>;
}

const checkpointFile = (folder: string): string => join(folder, 'checkpoint.safetensors');

function readCheckpoint(folder: string, shapes: ReadonlyMap<string, NamedTensor>): State | null {
  const path = checkpointFile(folder);
  if (!existsSync(path)) return null;
  const stored = readSafetensors(readFileSync(path), path);
  const step = stored.get('step')?.data[0];
  const tensors: Record<string, Float32Array> = {};
  for (const [name, { shape }] of shapes) {
    for (const key of [name, ...MOMENTS.map((m) => `${m}.${name}`)]) {
      const tensor = stored.get(key);
      if (step === undefined || tensor?.shape.join() !== shape.join()) {
        throw new NeuroreelError('MODEL_INVALID', `${path} belongs to another network: remove it to start anew.`);
      }
      tensors[key] = tensor.data;
    }
  }
  return { step: step!, tensors };
}

function writeCheckpoint(folder: string, { step, tensors }: State, shapes: ReadonlyMap<string, NamedTensor>): void {
  const all = new Map<string, NamedTensor>([['step', { shape: [1], data: Float32Array.of(step) }]]);
  for (const [name, { shape }] of shapes) {
    for (const key of [name, ...MOMENTS.map((m) => `${m}.${name}`)]) all.set(key, { shape, data: tensors[key]! });
  }
  mkdirSync(folder, { recursive: true });
  writeFileSync(`${checkpointFile(folder)}.tmp`, writeSafetensors(all, 'F32'));
  renameSync(`${checkpointFile(folder)}.tmp`, checkpointFile(folder));
}

/** Where the weights after a step are kept. */
export const snapshotFile = (folder: string, step: number): string => join(folder, `snapshot-${step}.safetensors`);

function writeSnapshot(folder: string, { step, tensors }: State, shapes: ReadonlyMap<string, NamedTensor>): void {
  const weights = new Map([...shapes].map(([name, { shape }]) => [name, { shape, data: tensors[name]! }]));
  mkdirSync(folder, { recursive: true });
  writeFileSync(snapshotFile(folder, step), writeSafetensors(weights, 'F16'));
}

/** The snapshots of a run that are there, by their steps. */
export function readSnapshots(folder: string, steps: readonly number[]): Map<number, Weights> {
  const found = steps.map((step) => [step, snapshotFile(folder, step)] as const).filter(([, path]) => existsSync(path));
  return new Map(found.map(([step, path]) => [step, readSafetensors(readFileSync(path), path)]));
}

/**
 * Runs a training task to its end.
 * @returns the trained weights by name.
 * @throws NeuroreelError TRAINING_DIVERGED when the loss or its gradient is no longer a number; the last checkpoint is
 *   then that of a step before.
 */
export async function train(task: TrainingTask, options: TrainingOptions): Promise<Map<string, NamedTensor>> {
  const { builder, initial } = stepGraph(task);
  const state = (options.folder ? readCheckpoint(options.folder, initial) : null) ?? fresh(initial, task);
  const compiled = await options.runtime.compile(builder.build(), { threads: options.threads });
  const save = (): void => {
    if (options.folder) writeCheckpoint(options.folder, state, initial);
  };
  try {
    let saved = performance.now();
    while (state.step < task.steps && !options.signal?.aborted) {
      const progress = await advance(task, compiled, state);
      if (options.folder && task.snapshots?.includes(state.step)) writeSnapshot(options.folder, state, initial);
      await options.onProgress?.(progress);
      const now = performance.now();
      if (now - saved > (options.checkpointSeconds ?? 60) * 1000) {
        save();
        saved = now;
      }
    }
    save();
  } finally {
    await compiled.close();
  }
  return new Map([...initial].map(([name, { shape }]) => [name, { shape, data: state.tensors[name]! }]));
}

/** Takes one step, of which the state is changed only if all went well. */
async function advance(task: TrainingTask, compiled: CompiledGraph, state: State): Promise<TrainingProgress> {
  const started = performance.now();
  const t = state.step + 1;
  const batch = await task.batch(state.step);
  const results = await compiled.run({
    ...batch,
    ...state.tensors,
    rate: Float32Array.of(task.learningRate(state.step)),
    ...biasCorrections(t, { ...OPTIMISER, ...task.adam }),
  });
  const [loss, gradientNorm] = [results['loss']![0]!, results['norm']![0]!];
  if (!Number.isFinite(loss) || !Number.isFinite(gradientNorm)) {
    throw new NeuroreelError(
      'TRAINING_DIVERGED',
      `The loss of step ${t} is ${loss}, the norm of its gradient ${gradientNorm}.`,
    );
  }
  for (const name of Object.keys(state.tensors)) state.tensors[name] = results[name] as Float32Array;
  state.step = t;
  return {
    step: t,
    steps: task.steps,
    loss,
    gradientNorm,
    seconds: (performance.now() - started) / 1000,
    batch,
    watch: Object.fromEntries(
      Object.entries(results).flatMap(([key, data]) => (key.startsWith('watch.') ? [[key.slice(6), data]] : [])),
    ),
  };
}

function fresh(initial: ReadonlyMap<string, NamedTensor>, task: TrainingTask): State {
  const tensors: Record<string, Float32Array> = {};
  for (const [name, { data }] of initial) {
    tensors[name] = (task.start?.get(name)?.data ?? data).slice();
    for (const moment of MOMENTS) tensors[`${moment}.${name}`] = new Float32Array(data.length);
  }
  return { step: 0, tensors };
}
