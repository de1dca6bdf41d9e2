import { describe, expect, it } from 'vitest';
import { describeLayers, describeModel } from '../../../src/engine/analysis/layers.js';
import { GraphBuilder } from '../../../src/engine/graph/graph.js';
import { relu } from '../../../src/engine/ops/activation.js';
import { conv2d } from '../../../src/engine/ops/conv.js';
import { add, tanh } from '../../../src/engine/ops/elementwise.js';
import { reshape } from '../../../src/engine/ops/layout.js';
import { dense } from '../../../src/engine/ops/matmul.js';
import { lstm } from '../../../src/engine/ops/lstm.js';
import { macsOf } from '../../../src/engine/models/cost.js';
import { smallPrior, smallRecogniser } from '../small-models.js';

const zeros = (n: number): Float32Array => new Float32Array(n);

describe('the layers of a graph', () => {
  const b = new GraphBuilder();
  const x = b.input('image', [1, 3, 8, 6]);
  const w = b.constant(zeros(2 * 3 * 9), [2, 3, 3, 3], 'conv.weight');
  const conv = conv2d(b, x, w, b.constant(zeros(2), [2], 'conv.bias'), { pads: [1, 1, 1, 1] });
  const rectified = relu(b, conv);
  b.output('conv', conv);
  b.output('relu', rectified);
  const flat = reshape(b, rectified, [0, -1]);
  const fc = b.constant(zeros(96 * 96), [96, 96], 'fc');
  const hidden = dense(b, flat, fc, null);
  b.output('twice', tanh(b, dense(b, hidden, fc, b.constant([1], [1]))));
  b.output('again', add(b, hidden, hidden));
  const graph = b.build();
  const { layers, ...totals } = describeLayers(graph);

  it('take the nodes that they need first, and count each node and each weight once', () => {
    expect(layers.map(({ name, ops }) => [name, ops])).toEqual([
      ['conv', ['Conv2d']],
      ['relu', ['Relu']],
      ['twice', ['Reshape', 'MatMul', 'Add', 'Tanh']],
      ['again', ['Add']],
    ]);
    expect(layers.map(({ weights }) => weights)).toEqual([54 + 2, 0, 96 * 96, 0]);
    expect(layers.map(({ macs }) => macs)).toEqual([96 * 27, 0, 2 * 96 * 96, 0]);
    expect(layers.map(({ activationBytes }) => activationBytes)).toEqual([384, 384, 5 * 384, 384]);
  });

  it('have totals that are those of the graph', () => {
    expect(totals).toEqual({
      name: 'network',
      inputs: [{ name: 'image', shape: [1, 3, 8, 6] }],
      weights: 56 + 96 * 96,
      macs: macsOf(graph),
      activationBytes: 8 * 384,
    });
  });

  it('have shapes and receptive fields', () => {
    expect(layers.map(({ shape }) => shape)).toEqual([
      [1, 2, 8, 6],
      [1, 2, 8, 6],
      [1, 96],
      [1, 96],
    ]);
    expect(layers[1]!.receptiveField).toMatchObject({ size: [3, 3], offset: [3, 2] });
    expect(layers[3]!.receptiveField).toMatchObject({ size: [10, 8], clipped: { size: [8, 6], offset: [0, 0] } });
  });

  it('may be many: then receptive fields are left out, not waited for', () => {
    const long = new GraphBuilder();
    let y = long.input('image', [1, 1, 2, 2]);
    for (let i = 0; i < 5000; i++) long.output(`layer${i}`, (y = relu(long, y)));
    const described = describeLayers(long.build()).layers;
    expect(described[0]!.receptiveField).toMatchObject({ size: [1, 1] });
    expect(described.at(-1)).toMatchObject({ ops: ['Relu'], receptiveField: null });
  });
});

describe('the layers of a model', () => {
  it('of a recogniser cost what one frame costs', () => {
    const { graphs } = smallRecogniser();
    const { graphs: described, ...totals } = describeModel(graphs);
    expect(described.map(({ name }) => name)).toEqual(['frames', 'sequence']);
    // Three gates' worth of a step: the recurrent weights and the scores.
    expect(described[1]).toMatchObject({ weights: 12 * 3 + 9, macs: 12 * 3 + 9 });
    expect(totals.macs).toBe(macsOf(graphs['frames']!) + 45);
    expect(totals.weights).toBe(4 * 27 + 4 + 48 * 12 + 12 + 45);
  });

  it('of a prior see no picture, those of its encoder do', () => {
    const { graphs } = describeModel(smallPrior().graphs);
    expect(graphs.map(({ layers }) => layers.map(({ receptiveField }) => receptiveField?.size ?? null))).toEqual([
      [null],
      [[9, 13]],
    ]);
  });

  it('count weights that several graphs share in the first', () => {
    const one = (steps: number): GraphBuilder => {
      const b = new GraphBuilder();
      const { hidden, cell } = lstm(b, b.input('gates', [steps, 1, 8]), b.constant(zeros(16), [8, 2], 'recurrent'));
      b.output('hidden', hidden);
      b.output('cell', cell);
      return b;
    };
    const { graphs, weights, macs } = describeModel({ first: one(2).build(), second: one(5).build() });
    expect(graphs.map((graph) => graph.layers.map((layer) => layer.weights))).toEqual([
      [16, 0],
      [0, 0],
    ]);
    expect([weights, macs]).toEqual([16, 32]);
  });
});
