/** Models written to folders, and imported models run, for the tests of this folder. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type * as tfjs from '@tensorflow/tfjs';
import { afterAll, expect } from 'vitest';
import { GraphBuilder, type Graph, type Value } from '../../../src/engine/graph/graph.js';
import { inline } from '../../../src/engine/models/serialise.js';
import type { ImportedModel } from '../../../src/engine/formats/format.js';
import { reshape } from '../../../src/engine/ops/layout.js';
import type { Random } from '../../../src/engine/random.js';
import type { CompiledGraph, Runtime, TensorData } from '../../../src/engine/runtimes/runtime.js';

/** A folder of the calling test file's own; removed when its tests have run. */
export function temporaryFolder(): string {
  const folder = mkdtempSync(join(tmpdir(), 'neuroreel-formats-'));
  afterAll(() => rmSync(folder, { recursive: true, force: true }));
  return folder;
}

export interface Saved {
  readonly json: Record<string, unknown>;
  readonly bytes: Uint8Array;
}

/** Gives every weight of a model random numbers; variances stay positive. */
export function randomise(tf: typeof tfjs, model: tfjs.LayersModel, random: Random): void {
  const names = model.weights.map((weight) => weight.originalName);
  model.setWeights(
    model.getWeights().map((weight, i) => {
      const numbers = random.normals(weight.size).map((x) => 0.4 * x);
      const data = names[i]!.includes('variance') ? numbers.map((x) => 0.5 + Math.abs(x)) : numbers;
      return tf.tensor(data, weight.shape);
    }),
  );
}

/** What TensorFlow.js saves of a model. */
export async function saved(tf: typeof tfjs, model: tfjs.LayersModel): Promise<Saved> {
  let result: Saved | undefined;
  await model.save(
    tf.io.withSaveHandler(async (artifacts) => {
      const json = {
        format: 'layers-model',
        generatedBy: 'test',
        modelTopology: artifacts.modelTopology as Record<string, unknown>,
        weightsManifest: [{ paths: ['group1-shard1of1.bin'], weights: artifacts.weightSpecs }],
      };
      result = { json, bytes: new Uint8Array(artifacts.weightData as ArrayBuffer) };
      return { modelArtifactsInfo: { dateSaved: new Date(0), modelTopologyType: 'JSON' } };
    }),
  );
  return result!;
}

/** Writes a model's files to a folder and gives its path. */
export function writeModel(folder: string, json: unknown, bytes: Uint8Array = new Uint8Array()): string {
  writeFileSync(join(folder, 'model.json'), typeof json === 'string' ? json : JSON.stringify(json));
  writeFileSync(join(folder, 'group1-shard1of1.bin'), bytes);
  return folder;
}

export interface NamedNumbers {
  readonly name: string;
  readonly shape: readonly number[];
  readonly data: readonly number[];
}

/** A Sequential model as Keras for Python writes it: class names and configurations, and float32 weights. */
export function kerasModel(
  inputShape: readonly (number | null)[],
  layers: readonly (readonly [className: string, config: Record<string, unknown>])[],
  weights: readonly NamedNumbers[] = [],
): Saved {
  const [first, ...rest] = layers.map(([class_name, config]) => ({ class_name, config: { ...config } }));
  first!.config['batch_input_shape'] = [null, ...inputShape];
  const json = {
    format: 'layers-model',
    modelTopology: { model_config: { class_name: 'Sequential', config: { name: 'model', layers: [first, ...rest] } } },
    weightsManifest: [
      {
        paths: ['group1-shard1of1.bin'],
        weights: weights.map(({ name, shape }) => ({ name, shape, dtype: 'float32' })),
      },
    ],
  };
  return { json, bytes: new Uint8Array(Float32Array.from(weights.flatMap(({ data }) => data)).buffer) };
}

/** All layer classes that stand in a saved model. */
export function classesIn(json: unknown): string[] {
  if (typeof json !== 'object' || json === null) return [];
  const own = (json as { class_name?: unknown }).class_name;
  return [...(typeof own === 'string' ? [own] : []), ...Object.values(json).flatMap(classesIn)];
}

/** [N, ...rest, C] to [N, C, ...rest] and back, on plain arrays. */
export function channelsFirst(data: ArrayLike<number>, places: number, channels: number): Float32Array {
  const size = places * channels;
  return Float32Array.from({ length: data.length }, (_, i) => {
    const [n, rest] = [Math.floor(i / size), i % size];
    return data[n * size + (rest % places) * channels + Math.floor(rest / places)]!;
  });
}

/** The graph that scores `count` videos of `steps` frames (or pictures): input `x`, output `logits`. */
export function scoring(model: ImportedModel, count: number, steps: number): { b: GraphBuilder; x: Value; y: Value } {
  const b = new GraphBuilder();
  if (model.kind === 'network') {
    const { shape } = inputOf(model.graphs.network);
    const x = b.input('x', [count, ...shape.slice(1)]);
    return { b, x, y: inline(b, model.graphs.network, { image: x })['logits']! };
  }
  if (model.kind === 'generator') throw new Error('A generator scores nothing.');
  const { frames, sequence } = model.graphs;
  const { shape } = inputOf(frames);
  const x = b.input('x', [steps * count, ...shape.slice(1)]);
  const boundary = sequence.inputs[0]!.name;
  const layers = inline(b, frames, { frames: x });
  const joined = reshape(b, layers[boundary]!, [steps, count, -1]);
  return { b, x, y: inline(b, sequence, { [boundary]: joined })['logits']! };
}

function inputOf(graph: Graph): { shape: readonly number[] } {
  return graph.values[graph.inputs[0]!.value]!;
}

/** Runs a graph once. */
export async function runOnce(
  runtime: Runtime,
  graph: Graph,
  inputs: Record<string, TensorData>,
): Promise<Record<string, TensorData>> {
  let compiled: CompiledGraph | undefined;
  try {
    compiled = await runtime.compile(graph, { threads: 1 });
    return await compiled.run(inputs);
  } finally {
    await compiled?.close();
  }
}

/** Largest difference, relative to the largest number that is wanted. */
export function worst(actual: ArrayLike<number>, wanted: ArrayLike<number>): number {
  expect(actual.length).toBe(wanted.length);
  let scale = 1e-3;
  let difference = 0;
  for (let i = 0; i < wanted.length; i++) {
    scale = Math.max(scale, Math.abs(wanted[i]!));
    difference = Math.max(difference, Math.abs(wanted[i]! - actual[i]!));
  }
  return Number.isFinite(difference) ? difference / scale : Infinity;
}
