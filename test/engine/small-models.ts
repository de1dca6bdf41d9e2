/**
 * Networks small enough for float64 arithmetic in plain loops: a recogniser `small` (8x6 frames, three labels, windows of
 * four frames, the score of `dead` is always zero), a classifier `small-classifier` for the same pictures, and a prior `small-prior` of larger pictures (13x9), in another order
 * of colours and on another scale, so that every conversion and the crop count.
 */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect } from 'vitest';
import { GraphBuilder, type Graph, type Value } from '../../src/engine/graph/graph.js';
import { sizeOf } from '../../src/engine/graph/shape.js';
import { writePackage, type NewPackage } from '../../src/engine/models/package.js';
import { ModelRegistry } from '../../src/engine/models/registry.js';
import type { NamedTensor } from '../../src/engine/models/safetensors.js';
import { relu } from '../../src/engine/ops/activation.js';
import { conv2d } from '../../src/engine/ops/conv.js';
import { mul, tanh } from '../../src/engine/ops/elementwise.js';
import { reshape } from '../../src/engine/ops/layout.js';
import { lstm } from '../../src/engine/ops/lstm.js';
import { dense } from '../../src/engine/ops/matmul.js';
import { Random } from '../../src/engine/random.js';
import type { PixelFormat, SequenceRule } from '../../src/protocol/manifest.js';

export const LABELS = ['one', 'two', 'dead'];
export const CODE = 5;
export const INPUT: PixelFormat = {
  width: 8,
  height: 6,
  order: 'rgb',
  mean: [120, 125, 130],
  scale: [1 / 128, 1 / 128, 1 / 128],
};
export const OUTPUT: PixelFormat = { width: 13, height: 9, order: 'bgr', mean: [90, 100, 110], scale: [1, 1, 1] };
/** Where the recogniser's part of the prior's picture begins: floor((9 - 6) / 2), floor((13 - 8) / 2). */
export const CROP = { top: 1, left: 2 };
const HIDDEN = 3;
const WINDOW = 4;

type Weight = (name: string, shape: readonly number[], spread: number) => Value;

function weightsOf(b: GraphBuilder, seed: string): Weight {
  return (name, shape, spread) => b.constant(new Random(`${seed}:${name}`).normals(sizeOf(shape), spread), shape, name);
}

function framesGraph(): Graph {
  const b = new GraphBuilder();
  const w = weightsOf(b, 'frames');
  const x = b.input('frames', [1, 3, INPUT.height, INPUT.width]);
  const options = { strides: [2, 2], pads: [1, 1, 1, 1] } as const;
  const conv = relu(b, conv2d(b, x, w('conv.weight', [4, 3, 3, 3], 0.5), w('conv.bias', [4], 0.2), options));
  const flat = reshape(b, conv, [0, -1]);
  const gates = dense(
    b,
    flat,
    w('gates.weight', [4 * HIDDEN, flat.shape[1]!], 0.2),
    w('gates.bias', [4 * HIDDEN], 0.2),
  );
  b.output('conv', conv);
  b.output('gates', gates);
  return b.build();
}

function sequenceGraph(): Graph {
  const b = new GraphBuilder();
  const w = weightsOf(b, 'sequence');
  const { hidden, cell } = lstm(
    b,
    b.input('gates', [WINDOW, 1, 4 * HIDDEN]),
    w('recurrent', [4 * HIDDEN, HIDDEN], 0.5),
  );
  const scores = new Random('scores').normals(LABELS.length * HIDDEN, 2).fill(0, LABELS.indexOf('dead') * HIDDEN);
  b.output('lstm', hidden);
  b.output('cell', cell);
  b.output('logits', dense(b, hidden, b.constant(scores, [LABELS.length, HIDDEN], 'scores'), null));
  return b.build();
}

export function smallRecogniser(sequence: SequenceRule = { rule: 'windows', length: WINDOW, stride: 2 }): NewPackage {
  return {
    facts: {
      kind: 'recogniser',
      title: 'A small recogniser',
      licence: 'MIT',
      source: 'random numbers',
      input: INPUT,
      labels: LABELS,
      sequence,
      defaults: { unit: 'two', prior: 'small-prior' },
    },
    graphs: { frames: framesGraph(), sequence: sequenceGraph() },
    precision: 'F32',
  };
}

export function smallClassifier(): NewPackage {
  const b = new GraphBuilder();
  const w = weightsOf(b, 'classifier');
  const x = b.input('image', [1, 3, INPUT.height, INPUT.width]);
  const options = { strides: [2, 2], pads: [1, 1, 1, 1] } as const;
  const conv = conv2d(b, x, w('conv.weight', [4, 3, 3, 3], 0.5), w('conv.bias', [4], 0.2), options);
  const flat = tanh(b, reshape(b, conv, [0, -1]));
  const hidden = dense(b, flat, w('hidden.weight', [HIDDEN, flat.shape[1]!], 0.5), w('hidden.bias', [HIDDEN], 0.2));
  const scores = new Random('units').normals(LABELS.length * HIDDEN, 2).fill(0, LABELS.indexOf('dead') * HIDDEN);
  b.output('conv', conv);
  b.output('hidden', hidden);
  b.output('logits', dense(b, tanh(b, hidden), b.constant(scores, [LABELS.length, HIDDEN], 'units'), null));
  return {
    facts: {
      kind: 'classifier',
      title: 'A small classifier',
      licence: 'MIT',
      source: 'random numbers',
      input: INPUT,
      labels: LABELS,
      defaults: { unit: 'two', prior: 'small-prior' },
    },
    graphs: { network: b.build() },
    precision: 'F32',
  };
}

export function smallPrior(): NewPackage {
  const b = new GraphBuilder();
  const w = weightsOf(b, 'generator');
  const code = b.input('code', [1, CODE]);
  const volume = 2 * OUTPUT.height * OUTPUT.width;
  const start = tanh(b, dense(b, code, w('fc.weight', [volume, CODE], 0.5), w('fc.bias', [volume], 0.2)));
  const picture = reshape(b, start, [0, 2, OUTPUT.height, OUTPUT.width]);
  const out = tanh(
    b,
    conv2d(b, picture, w('out.weight', [3, 2, 3, 3], 0.3), w('out.bias', [3], 0.1), { pads: [1, 1, 1, 1] }),
  );
  b.output('image', mul(b, out, b.scalar(100)));
  const e = new GraphBuilder();
  const image = reshape(e, e.input('image', [1, 3, OUTPUT.height, OUTPUT.width]), [0, -1]);
  e.output('code', dense(e, image, weightsOf(e, 'encoder')('encoder', [CODE, image.shape[1]!], 0.001), null));
  const random = new Random('statistics');
  const tensor = (data: Float32Array, shape = [data.length]): NamedTensor => ({ shape, data });
  const factor = (diagonal: number): Float32Array =>
    random.normals(CODE * CODE, 0.2).map((x, i) => {
      const [row, column] = [Math.floor(i / CODE), i % CODE];
      return row === column ? diagonal : row > column ? x : 0;
    });
  return {
    facts: {
      kind: 'prior',
      title: 'A small prior',
      licence: 'MIT',
      source: 'random numbers',
      code: { size: CODE, layer: 'none' },
      output: OUTPUT,
    },
    graphs: { generator: b.build(), encoder: e.build() },
    extra: new Map([
      ['code.mean', tensor(Float32Array.of(0.6, 0.7, 0.8, 0.9, 1))],
      ['code.upper', tensor(Float32Array.of(1.1, 1.3, 1.5, 1.7, 1.9))],
      ['code.factor', tensor(factor(0.8), [CODE, CODE])],
      ['code.between', tensor(factor(0.5), [CODE, CODE])],
    ]),
    precision: 'F32',
  };
}

/** A temporary folder with both packages; `remove` deletes it. */
export function smallModels(): { folder: string; registry: ModelRegistry; remove: () => void } {
  const folder = temporaryFolder();
  writePackage(join(folder, 'small'), smallRecogniser());
  writePackage(join(folder, 'small-prior'), smallPrior());
  return { folder, registry: ModelRegistry.open({ folders: [folder] }), remove: () => removeFolder(folder) };
}

export const temporaryFolder = (): string => mkdtempSync(join(tmpdir(), 'neuroreel-engine-'));
export const removeFolder = (folder: string): void => rmSync(folder, { recursive: true, force: true });

/** Largest difference, relative to the largest of the wanted numbers. */
export function relativeError(actual: ArrayLike<number>, wanted: ArrayLike<number>): number {
  if (actual.length !== wanted.length) throw new Error(`${actual.length} numbers, not ${wanted.length}`);
  let [worst, scale] = [0, 1e-12];
  for (let i = 0; i < wanted.length; i++) {
    const difference = Math.abs(actual[i]! - wanted[i]!);
    if (Number.isNaN(difference)) return NaN;
    worst = Math.max(worst, difference);
    scale = Math.max(scale, Math.abs(wanted[i]!));
  }
  return worst / scale;
}

/** What an error of the catalogue looks like to vitest's matchers. */
export const failure = (name: string, message?: RegExp): unknown =>
  expect.objectContaining({ code: name, ...(message && { message: expect.stringMatching(message) }) });
