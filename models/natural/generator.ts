/**
 * Generators of natural images: upconvolutional networks from a code to an image (Dosovitskiy and Brox 2016). The code is
 * a layer of the trained classifier: its fc6, or its last maps.
 */
import type { GraphBuilder, Value } from '../../src/engine/graph/graph.js';
import { relu } from '../../src/engine/ops/activation.js';
import { conv2d } from '../../src/engine/ops/conv.js';
import { tanh } from '../../src/engine/ops/elementwise.js';
import { pixelShuffle, reshape } from '../../src/engine/ops/layout.js';
import { dense } from '../../src/engine/ops/matmul.js';
import { heSpread, type Parameters } from '../../src/engine/training/parameters.js';
import { OBJECTS, classifierNetwork } from './classifier.js';

/** What a generator inverts: a layer of the classifier. */
export interface CodeKind {
  readonly layer: 'fc6' | 'pool5';
  readonly size: number;
  /** Shape of a code without the batch, where it is no vector. */
  readonly shape?: readonly number[];
  /** Codes [N, size] to where the upsampling begins, [N, 192, 4, 4]. */
  begin(b: GraphBuilder, codes: Value, p: Parameters): Value;
}

const LEAK = 0.3;
const BEGIN = { channels: 192, size: 4 } as const;
const MAPS = { channels: 128, size: 4 } as const;

/** The fc6 of the classifier, a vector. */
export const VECTOR_CODE: CodeKind = {
  layer: 'fc6',
  size: OBJECTS.fc6,
  begin(b, codes, p) {
    const volume = BEGIN.channels * BEGIN.size * BEGIN.size;
    const weights = p('fc.weight', [volume, OBJECTS.fc6], heSpread(OBJECTS.fc6));
    const start = relu(b, dense(b, codes, weights, p('fc.bias', [volume], 0)), LEAK);
    return reshape(b, start, [0, BEGIN.channels, BEGIN.size, BEGIN.size]);
  },
};

/** The last maps of the classifier. */
export const MAPS_CODE: CodeKind = {
  layer: 'pool5',
  size: MAPS.channels * MAPS.size * MAPS.size,
  shape: [MAPS.channels, MAPS.size, MAPS.size],
  begin(b, codes, p) {
    const maps = reshape(b, codes, [0, MAPS.channels, MAPS.size, MAPS.size]);
    return relu(b, convolution(b, maps, { out: BEGIN.channels, kernel: 3, name: 'begin' }, p), LEAK);
  },
};

interface ConvolutionOptions {
  readonly out: number;
  readonly kernel: number;
  readonly name: string;
  readonly stride?: number;
}

/** A convolution that keeps the size, or, with a stride of 2 and a kernel of 4, halves it. */
export function convolution(b: GraphBuilder, x: Value, options: ConvolutionOptions, p: Parameters): Value {
  const { out, kernel, name, stride = 1 } = options;
  const weights = p(`${name}.weight`, [out, x.shape[1]!, kernel, kernel], heSpread(x.shape[1]! * kernel * kernel));
  const before = Math.floor((kernel - 1) / 2);
  const pads = stride === 1 ? [before, before, before, before] : [1, 1, 1, 1];
  return conv2d(b, x, weights, p(`${name}.bias`, [out], 0), { strides: [stride, stride], pads });
}

/** Channels after each doubling of the size, from 4x4 on. */
const UPSAMPLINGS = [128, 80, 48, 24] as const;

/** Codes [N, size] to images [N, 3, 64, 64], -1..1. */
export function generatorNetwork(b: GraphBuilder, codes: Value, kind: CodeKind, p: Parameters): Value {
  let y = kind.begin(b, codes, p);
  UPSAMPLINGS.forEach((out, i) => {
    y = relu(b, pixelShuffle(b, convolution(b, y, { out: 4 * out, kernel: 3, name: `up${i + 1}` }, p), 2), LEAK);
  });
  return tanh(b, convolution(b, y, { out: 3, kernel: 3, name: 'out' }, p));
}

/** The code [N, size] among the layers of the classifier. */
export const codeOf = (b: GraphBuilder, layers: Readonly<Record<string, Value>>, { layer }: CodeKind): Value =>
  reshape(b, layers[layer]!, [0, -1]);

/** Images [N, 3, 64, 64] to codes [N, size], through the classifier. */
export const encoderNetwork = (b: GraphBuilder, x: Value, kind: CodeKind, classifier: Parameters): Value =>
  codeOf(b, classifierNetwork(b, x, classifier, OBJECTS), kind);
