import { describe, expect, it } from 'vitest';
import { receptiveField, type ReceptiveField } from '../../../src/engine/analysis/receptive-field.js';
import { GraphBuilder, typeOf, type Graph, type Value } from '../../../src/engine/graph/graph.js';
import { sizeOf } from '../../../src/engine/graph/shape.js';
import { relu } from '../../../src/engine/ops/activation.js';
import { conv2d, convTranspose2d, type ConvAttributes } from '../../../src/engine/ops/conv.js';
import { add, mul } from '../../../src/engine/ops/elementwise.js';
import { concat, pad, pixelShuffle, reshape, sliceAxis, transpose } from '../../../src/engine/ops/layout.js';
import { dense } from '../../../src/engine/ops/matmul.js';
import { averagePool2d, maxPool2d } from '../../../src/engine/ops/pool.js';
import { localResponseNorm } from '../../../src/engine/ops/power.js';
import { mean } from '../../../src/engine/ops/reduce.js';
import { Random } from '../../../src/engine/random.js';
import { evaluate } from '../../../src/engine/runtimes/reference/reference.js';
import { failure } from '../small-models.js';

/** A field as the tables write it, for square ones. */
const written = (field: ReceptiveField | null): string => {
  const [box, clipped] = [field, field?.clipped].map((part) => {
    expect(part?.size[0]).toBe(part?.size[1]);
    expect(part?.offset[0]).toBe(part?.offset[1]);
    return part ? `${part.size[0]}@${part.offset[0]}` : 'none';
  });
  return box === clipped ? box! : `${box} in picture ${clipped}`;
};
const fields = (graph: Graph): Record<string, string> =>
  Object.fromEntries(graph.outputs.map(({ name }) => [name, written(receptiveField(graph, name))]));

type Step = readonly [kind: 'conv', kernel: number, stride: number, pad: number, groups?: number] | 'pool' | 'norm';

/** A stack of two-channel layers; every convolution is an output. */
function stack(side: number, steps: readonly Step[]): { b: GraphBuilder; x: Value } {
  const b = new GraphBuilder();
  let x = b.input('image', [1, 2, side, side]);
  let convs = 0;
  for (const step of steps) {
    if (step === 'pool') x = maxPool2d(b, x, { kernel: [3, 3], strides: [2, 2], ceil: true });
    else if (step === 'norm') x = localResponseNorm(b, x, { size: 5, alpha: 1e-4, beta: 0.75 });
    else {
      const [, kernel, stride, p, groups = 1] = step;
      const shape = [2, 2 / groups, kernel, kernel];
      const w = b.constant(new Float32Array(sizeOf(shape)), shape, `conv${++convs}`);
      x = relu(b, conv2d(b, x, w, null, { strides: [stride, stride], pads: [p, p, p, p], groups }));
      b.output(`conv${convs}`, x);
    }
  }
  return { b, x };
}

describe('receptive fields of known networks', () => {
  it('are those of the paper for CaffeNet at 227 pixels, centre unit', () => {
    const { b, x } = stack(227, [
      ['conv', 11, 4, 0],
      ...(['pool', 'norm'] as const),
      ['conv', 5, 1, 2, 2],
      ...(['pool', 'norm'] as const),
      ['conv', 3, 1, 1],
      ['conv', 3, 1, 1, 2],
      ['conv', 3, 1, 1, 2],
      'pool',
    ]);
    b.output('pool5', x);
    b.output(
      'fc6',
      dense(b, reshape(b, x, [0, -1]), b.constant(new Float32Array(3 * sizeOf(x.shape)), [3, sizeOf(x.shape)]), null),
    );
    expect(fields(b.build())).toEqual({
      ...{ conv1: '11@108', conv2: '51@88', conv3: '99@64', conv4: '131@48', conv5: '163@32', pool5: '195@32' },
      fc6: '355@-64 in picture 227@0',
    });
  });

  it('are those of the paper for the LRCN', () => {
    const { b } = stack(227, [
      ['conv', 7, 2, 0],
      ...(['pool', 'norm'] as const),
      ['conv', 5, 2, 0, 2],
      ...(['pool', 'norm'] as const),
      ['conv', 3, 1, 1],
      ['conv', 3, 1, 1, 2],
      ['conv', 3, 1, 1, 2],
      'pool',
    ]);
    const graph = b.build();
    expect(graph.outputs.map(({ name }) => receptiveField(graph, name)!.size[0])).toEqual([7, 27, 75, 107, 139]);
  });

  it('are asked for by position; at a border they hang over it, and the crop is what lies in the picture', () => {
    const graph = stack(227, [['conv', 11, 4, 0], 'pool', ['conv', 5, 1, 2]]).b.build();
    expect(written(receptiveField(graph, 'conv2', { position: [0, 0] }))).toBe('51@-16 in picture 35@0');
    const field = receptiveField(graph, 'conv2', { position: [0, 26] })!;
    expect(field).toMatchObject({ size: [51, 51], offset: [-16, 192], clipped: { size: [35, 35], offset: [0, 192] } });
  });

  it('end where the network stops looking: rows that no window fits on are no part of the crop', () => {
    const b = new GraphBuilder();
    const x = b.input('image', [1, 1, 10, 10]);
    const kernel = b.constant(new Float32Array(9), [1, 1, 3, 3]);
    const y = conv2d(b, x, kernel, null, { strides: [4, 4] });
    b.output('all', mean(b, y, [2, 3]));
    expect(written(receptiveField(b.build(), 'all'))).toBe('7@0');
  });

  it('of a channel are those of its branch', () => {
    const b = new GraphBuilder();
    const x = b.input('image', [1, 1, 9, 9]);
    const branch = (k: number): Value =>
      conv2d(b, x, b.constant(new Float32Array(2 * k * k), [2, 1, k, k]), null, {
        pads: [k >> 1, k >> 1, k >> 1, k >> 1],
      });
    b.output('mixed', concat(b, [branch(1), branch(5)], 1));
    const graph = b.build();
    expect(written(receptiveField(graph, 'mixed', { channel: 1 }))).toBe('1@4');
    expect(written(receptiveField(graph, 'mixed', { channel: 2 }))).toBe('5@2');
    expect(written(receptiveField(graph, 'mixed'))).toBe('5@2');
  });

  it('are none where there is no picture or no way to it, and an error where there is no such unit', () => {
    const b = new GraphBuilder();
    const code = b.input('code', [1, 5]);
    const image = b.input('image', [1, 1, 3, 3]);
    b.output('doubled', add(b, code, code));
    b.output('picture', image);
    const graph = b.build();
    expect(receptiveField(graph, 'doubled')).toBeNull();
    expect(receptiveField(graph, 'doubled', {}, 'image')).toBeNull();
    expect(written(receptiveField(graph, 'picture', {}, 'image'))).toBe('1@1');
    const wrong =
      (layer: string, unit: object): (() => unknown) =>
      () =>
        receptiveField(graph, layer, unit, 'image');
    expect(wrong('nothing', {})).toThrow(failure('UNIT_UNKNOWN', /there are: doubled, picture/));
    expect(wrong('picture', { channel: 1 })).toThrow(failure('UNIT_UNKNOWN', /no unit 1/));
    expect(wrong('picture', { position: [0, 3] })).toThrow(failure('UNIT_UNKNOWN', /no position 3/));
    expect(wrong('doubled', { position: [0, 0] })).toThrow(failure('UNIT_UNKNOWN', /no positions/));
  });
});

/**
 * Random networks of positive weights: whatever is raised raises all that depends on it, past every rectifier and
 * maximum, so that raising one pixel after the other shows what a unit sees.
 */
class RandomNetwork {
  readonly b = new GraphBuilder();
  readonly #random: Random;

  constructor(seed: string) {
    this.#random = new Random(seed);
  }

  #weights(shape: readonly number[]): Value {
    return this.b.constant(
      Float32Array.from({ length: sizeOf(shape) }, () => this.#random.uniform(0.5, 1.5)),
      shape,
    );
  }

  #convOptions(): Partial<ConvAttributes> & { kernel: [number, number] } {
    const integer = (n: number): number => this.#random.integer(n);
    const kernel: [number, number] = [1 + integer(3), 1 + integer(3)];
    const strides = kernel.map((k) => 1 + integer(Math.min(k, 2)));
    const pads = [0, 1, 2, 3].map((i) => integer(kernel[i % 2]!));
    return { kernel, strides, pads };
  }

  readonly #layers: readonly ((x: Value) => Value)[] = [
    (x) => {
      const { kernel, ...options } = this.#convOptions();
      return relu(this.b, conv2d(this.b, x, this.#weights([2, x.shape[1]!, ...kernel]), null, options));
    },
    (x) => {
      const options = { dilations: [2, 2], pads: [1, 2, 1, 0] };
      return conv2d(this.b, x, this.#weights([2, x.shape[1]!, 2, 2]), null, options);
    },
    (x) => {
      const { kernel, strides, pads } = this.#convOptions();
      const w = this.#weights([x.shape[1]!, 2, ...kernel]);
      const cut = pads!.map((p, i) => Math.min(p, (kernel[i % 2]! - 1) >> 1));
      return convTranspose2d(this.b, x, w, { strides: strides!, pads: cut });
    },
    (x) => maxPool2d(this.b, x, { kernel: [3, 2], strides: [2, 2], pads: [1, 0, 1, 1], ceil: true }),
    (x) => averagePool2d(this.b, x, { kernel: [2, 3], strides: [1, 2], ceil: true }),
    // So weak that more stays more.
    (x) => localResponseNorm(this.b, x, { size: 3, alpha: 1e-24, beta: 0.75 }),
    (x) => pad(this.b, x, [0, 0, 1, 0], [0, 0, 0, 2]),
    (x) => (x.shape[2]! > 3 ? sliceAxis(this.b, x, 2, 1, x.shape[2]! - 1) : x),
    (x) => concat(this.b, [x, relu(this.b, x)], 1),
    (x) => (x.shape[1]! % 4 === 0 ? pixelShuffle(this.b, x, 2) : x),
    (x) => transpose(this.b, x, [0, 1, 3, 2]),
    (x) => mul(this.b, x, this.#weights([1, x.shape[1]!, 1, 1])),
    // A skip connection over a layer of the same size.
    (x) => add(this.b, x, conv2d(this.b, x, this.#weights([x.shape[1]!, 1, 3, 3]), null, this.#depthwise(x))),
  ];

  #depthwise(x: Value): Partial<ConvAttributes> {
    return { pads: [1, 1, 1, 1], groups: x.shape[1]! };
  }

  /** Layers until there are `depth` of them; those that would leave nothing, or too much, are left out. */
  build(pictures: number, depth: number): Graph {
    const { b } = this;
    let x = b.input('image', [pictures, 2, 9, 8]);
    for (let i = 0; i < depth; i++) {
      const layer = this.#random.integer(this.#layers.length);
      const small = x.shape[2]! < 4 || x.shape[3]! < 4;
      // A dilated kernel leaves holes, of which the layers below it may cut something off that a box cannot say.
      if (small || (layer === 1 && i > 0)) continue;
      const y = this.#layers[layer]!(x);
      if (sizeOf(y.shape) / pictures < 600) x = y;
    }
    b.output('unit', x);
    return b.build();
  }
}

describe('the receptive field of a random network', () => {
  const seeds = Array.from({ length: 150 }, (_, i) => i);
  it.each(seeds)('holds all that influences the unit, and no row or column more (%i)', (seed) => {
    const random = new Random(`unit ${seed}`);
    const [channels, height, width] = [2, 9, 8];
    const places = height * width;
    // One picture a place, in which both channels of that place are raised, and one as it is.
    const graph = new RandomNetwork(`network ${seed}`).build(places + 1, 2 + (seed % 4));
    const plain = Float64Array.from({ length: channels * places }, () => random.uniform(0.5, 1.5));
    const image = Float64Array.from({ length: (places + 1) * channels * places }, (_, i) => {
      const [picture, at] = [Math.floor(i / (channels * places)), i % (channels * places)];
      return plain[at]! + (at % places === picture ? 1e4 : 0);
    });
    const { unit } = evaluate(graph, { image });
    const [, c, h, w] = typeOf(graph, graph.outputs[0]!.value).shape as [number, number, number, number];
    for (const position of [undefined, [random.integer(h), random.integer(w)] as const]) {
      const [row, column] = position ?? [Math.floor(h / 2), Math.floor(w / 2)];
      const channel = random.integer(c);
      const score = (picture: number): number => unit![((picture * c + channel) * h + row) * w + column]!;
      const seen = Array.from({ length: places }, (_, place) => place).filter((p) => score(p) !== score(places));
      const [rows, columns] = [seen.map((p) => Math.floor(p / width)), seen.map((p) => p % width)];
      const span = (of: number[]): [number, number] => [Math.min(...of), Math.max(...of) - Math.min(...of) + 1];
      const field = receptiveField(graph, 'unit', { channel, ...(position && { position }) });
      if (seen.length === 0) {
        expect(field).toBeNull();
        continue;
      }
      const [[top, tall], [left, wide]] = [span(rows), span(columns)];
      expect(field?.clipped).toEqual({ size: [tall, wide], offset: [top, left] });
      // What hangs over the border is beyond what is in the picture.
      expect(field!.offset[0]).toBeLessThanOrEqual(top);
      expect(field!.offset[1] + field!.size[1]).toBeGreaterThanOrEqual(left + wide);
    }
  });
});
