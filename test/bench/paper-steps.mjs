// One optimisation step of each of the paper's networks, as the product makes it: the preset `paper-2016` on models with the
// full-size networks and drawn weights.
import { GraphBuilder } from '../../dist/src/engine/graph/graph.js';
import { reshape } from '../../dist/src/engine/ops/layout.js';
import { dense } from '../../dist/src/engine/ops/matmul.js';
import { lstm } from '../../dist/src/engine/ops/lstm.js';
import { generatorPrior, pixelPrior } from '../../dist/src/engine/models/prior.js';
import { gradients } from '../../dist/src/engine/autodiff/gradients.js';
import { mul } from '../../dist/src/engine/ops/elementwise.js';
import { sum } from '../../dist/src/engine/ops/reduce.js';
import { Random } from '../../dist/src/engine/random.js';
import { paperStepGraph } from '../../dist/src/engine/synthesis/paper-step.js';
import { PRESETS } from '../../dist/src/engine/synthesis/presets.js';
import { CAFFENET, GENERATOR_FC6, GOOGLENET, LRCN, build, drawWeights } from './paper-networks.mjs';

export const UNIT = 3;
export const CODE = 4096;
const BGR = { order: 'bgr', mean: [103.939, 116.779, 128.68], scale: [1, 1, 1] };

function network(layers, weights, input, [from, to], rest = () => {}) {
  const b = new GraphBuilder();
  const x = b.input(from, [1, ...input]);
  const y = build(b, layers, weights, x);
  b.output(to, y);
  rest(b, y);
  return b.build();
}

const pack = (manifest, graphs, weights = new Map()) => ({
  directory: '',
  sha256: '',
  reference: null,
  manifest,
  graphs,
  weights,
});
const numbers = (shape, data) => ({ shape, data });

/** Weights of the generator and of a network, by the name of a work, as both sides of a comparison take them. */
export const drawGenerator = () => drawWeights(GENERATOR_FC6, [CODE], 1);
export const drawCaffenet = () => drawWeights(CAFFENET, [3, 227, 227], 2);

function generator() {
  const output = { width: 256, height: 256, ...BGR };
  const graph = network(GENERATOR_FC6, drawGenerator(), [CODE], ['code', 'image']);
  const weights = new Map([
    ['code.mean', numbers([CODE], new Float32Array(CODE).fill(1))],
    ['code.upper', numbers([CODE], new Float32Array(CODE).fill(12))],
  ]);
  return generatorPrior(
    pack(
      { kind: 'prior', name: 'generator-fc6', code: { size: CODE, layer: 'fc6' }, output },
      { generator: graph },
      weights,
    ),
  );
}

function classifier(name, layers, weights, side) {
  const graph = network(layers, weights, [3, side, side], ['image', 'logits']);
  const labels = Array.from({ length: 1000 }, (_, i) => `unit ${i}`);
  const input = { width: side, height: side, ...BGR };
  return pack({ kind: 'classifier', name, labels, input, defaults: {} }, { network: graph });
}

function lrcn() {
  const random = new Random('lstm');
  const frames = network(LRCN, drawWeights(LRCN, [3, 227, 227], 3), [3, 227, 227], ['frames', 'gates']);
  const b = new GraphBuilder();
  const gates = b.input('gates', [16, 1, 1024]);
  const { hidden } = lstm(b, gates, b.constant(random.normals(1024 * 256, 0.05), [1024, 256], 'lstm.weight'));
  const scores = b.constant(random.normals(101 * 256, 0.1), [101, 256], 'fc8.weight');
  b.output('logits', dense(b, hidden, scores, null));
  const labels = Array.from({ length: 101 }, (_, i) => `unit ${i}`);
  const manifest = {
    kind: 'recogniser',
    name: 'lrcn',
    labels,
    input: { width: 227, height: 227, ...BGR },
    sequence: { rule: 'windows', length: 16, stride: 8 },
    partners: {},
    defaults: {},
  };
  return pack(manifest, { frames, sequence: b.build() });
}

const PAPER = PRESETS['paper-2016'].generator;
const logits = { layer: 'logits', position: null };

/** Generator fc6 and CaffeNet for a batch of codes, each picture a run of its own. */
export function caffenetStep(batch) {
  const model = classifier('caffenet', CAFFENET, drawCaffenet(), 227);
  const task = { model, prior: generator(), unit: UNIT, frames: batch, place: logits };
  return paperStepGraph(task, { ...PAPER, normalise: 'each' });
}

/** Generator fc6 and the LRCN for a video of so many frames, in windows of 16 frames that start every 8. */
export function lrcnStep(frames) {
  return paperStepGraph({ model: lrcn(), prior: generator(), unit: UNIT, frames }, { ...PAPER, normalise: 'all' });
}

/** GoogLeNet on a picture's own pixels. */
export function googlenetStep(unit = UNIT) {
  const model = classifier('googlenet', GOOGLENET, drawWeights(GOOGLENET, [3, 224, 224], 4), 224);
  const task = { model, prior: pixelPrior(224, 224), unit, frames: 1, place: logits };
  return paperStepGraph(task, { ...PAPER, normalise: 'each' });
}

/** An LSTM layer over time steps, with the gradient of its hidden states to what it is given. */
export function lstmLayer(steps, inputs, units) {
  const random = new Random('lstm layer');
  const b = new GraphBuilder();
  const x = b.input('x', [steps, inputs]);
  const projected = dense(b, x, b.constant(random.normals(4 * units * inputs, 0.02), [4 * units, inputs], 'in'), null);
  const { hidden } = lstm(
    b,
    reshape(b, projected, [steps, 1, 4 * units]),
    b.constant(random.normals(4 * units * units, 0.05), [4 * units, units], 'w'),
  );
  const loss = sum(b, mul(b, hidden, hidden));
  b.output('dx', gradients(b, loss, [x])[0]);
  b.output('hidden', hidden);
  return b.build();
}
