/**
 * Steps of small random networks of every kind that matters - strided, grouped and transposed convolutions, poolings, local
 * response normalisation, leaky rectifiers, LSTM - and how what a runtime computes is held against float64.
 */
import { join } from 'node:path';
import { expect } from 'vitest';
import { GraphBuilder, typeOf, type Graph, type Value } from '../../src/engine/graph/graph.js';
import { sizeOf } from '../../src/engine/graph/shape.js';
import { writePackage, type NewPackage } from '../../src/engine/models/package.js';
import { ModelRegistry } from '../../src/engine/models/registry.js';
import { clip, relu } from '../../src/engine/ops/activation.js';
import { conv2d, convTranspose2d } from '../../src/engine/ops/conv.js';
import { reshape } from '../../src/engine/ops/layout.js';
import { lstm } from '../../src/engine/ops/lstm.js';
import { dense } from '../../src/engine/ops/matmul.js';
import { averagePool2d, maxPool2d } from '../../src/engine/ops/pool.js';
import { localResponseNorm } from '../../src/engine/ops/power.js';
import { Random } from '../../src/engine/random.js';
import { evaluate } from '../../src/engine/runtimes/reference/reference.js';
import type { Runtime, Tensors } from '../../src/engine/runtimes/runtime.js';
import { adamStepGraph } from '../../src/engine/synthesis/adam-step.js';
import { stateShape } from '../../src/engine/synthesis/codes.js';
import { controlInputs } from '../../src/engine/synthesis/controls.js';
import { openTask } from '../../src/engine/synthesis/open-task.js';
import { paperStepGraph } from '../../src/engine/synthesis/paper-step.js';
import { PRESETS, type AdamSettings, type PaperSettings } from '../../src/engine/synthesis/presets.js';
import type { Task } from '../../src/engine/synthesis/scene.js';
import { viewInputs } from '../../src/engine/synthesis/views.js';
import { removeFolder, temporaryFolder } from './small-models.js';

export interface AgreementCase {
  readonly name: string;
  readonly graph: Graph;
  readonly inputs: Tensors;
  /** What it computes in float64. */
  readonly wanted: Readonly<Record<string, Float64Array>>;
  /** The same for inputs that differ by a rounding. */
  readonly moved: Readonly<Record<string, Float64Array>>;
}

const agreementCase = (name: string, graph: Graph, inputs: Tensors): AgreementCase => ({
  ...{ name, graph, inputs, wanted: evaluate(graph, inputs), moved: evaluate(graph, rounded(inputs)) },
});

const SIDE = 12;
const CODE = 6;
const HIDDEN = 5;
const WINDOW = 4;
const FRAMES = 6;
const LABELS = ['one', 'two', 'three'];
const RGB = { width: SIDE, height: SIDE, order: 'rgb' } as const;
const PIXELS = { ...RGB, mean: [120, 125, 130], scale: [1 / 64, 1 / 64, 1 / 64] };
const ABOUT = { title: 'A random network', licence: 'MIT', source: 'random numbers' };

type Weight = (name: string, shape: readonly number[], spread: number) => Value;

const weightsOf =
  (b: GraphBuilder, seed: string): Weight =>
  (name, shape, spread) =>
    b.constant(new Random(`${seed}:${name}`).normals(sizeOf(shape), spread), shape, name);

/** Convolutions with everything that the paper's networks have between them, to [N, 4 * HIDDEN]. */
function convnet(b: GraphBuilder, x: Value, seed: string): Value {
  const w = weightsOf(b, seed);
  const [first, second] = [w('conv1', [8, 3, 3, 3], 0.4), w('conv2', [6, 4, 3, 3], 0.3)];
  const one = relu(b, conv2d(b, x, first, w('bias1', [8], 0.3), { pads: [1, 1, 1, 1] }));
  const pooled = maxPool2d(b, one, { kernel: [3, 3], strides: [2, 2], ceil: true });
  const normal = localResponseNorm(b, pooled, { size: 5, alpha: 0.5, beta: 0.75, k: 1 });
  const two = conv2d(b, normal, second, w('bias2', [6], 0.3), { groups: 2, strides: [2, 2], pads: [1, 1, 1, 1] });
  const average = averagePool2d(b, relu(b, two, 0.1), { kernel: [2, 2], strides: [1, 1] });
  const flat = reshape(b, average, [0, -1]);
  return dense(b, flat, w('dense', [4 * HIDDEN, flat.shape[1]!], 0.4), w('bias', [4 * HIDDEN], 0.3));
}

function recogniser(): NewPackage {
  const frames = new GraphBuilder();
  frames.output('gates', convnet(frames, frames.input('frames', [1, 3, SIDE, SIDE]), 'recogniser'));
  const b = new GraphBuilder();
  const w = weightsOf(b, 'sequence');
  const gates = b.input('gates', [WINDOW, 1, 4 * HIDDEN]);
  const { hidden } = lstm(b, gates, w('recurrent', [4 * HIDDEN, HIDDEN], 0.5));
  b.output('logits', dense(b, hidden, w('scores', [LABELS.length, HIDDEN], 2), null));
  return {
    facts: {
      ...ABOUT,
      ...{ kind: 'recogniser', input: PIXELS, labels: LABELS },
      ...{ sequence: { rule: 'windows', length: WINDOW, stride: 2 }, defaults: { unit: 'two', prior: 'prior' } },
    },
    graphs: { frames: frames.build(), sequence: b.build() },
    precision: 'F32',
  };
}

function classifier(): NewPackage {
  const b = new GraphBuilder();
  const features = relu(b, convnet(b, b.input('image', [1, 3, SIDE, SIDE]), 'classifier'));
  const w = weightsOf(b, 'scores');
  b.output('logits', dense(b, features, w('scores', [LABELS.length, 4 * HIDDEN], 0.5), null));
  return {
    facts: { ...ABOUT, kind: 'classifier', input: PIXELS, labels: LABELS, defaults: { unit: 'two', prior: 'prior' } },
    graphs: { network: b.build() },
    precision: 'F32',
  };
}

/** Transposed convolutions, as the paper's generators have them. */
function prior(): NewPackage {
  const b = new GraphBuilder();
  const w = weightsOf(b, 'prior');
  const double = { strides: [2, 2], pads: [1, 1, 1, 1] } as const;
  const start = relu(
    b,
    dense(b, b.input('code', [1, CODE]), w('fc', [8 * 9, CODE], 0.5), w('bias', [8 * 9], 0.3)),
    0.3,
  );
  const small = reshape(b, start, [0, 8, 3, 3]);
  const large = relu(b, convTranspose2d(b, small, w('up1', [8, 5, 4, 4], 0.3), double), 0.3);
  const image = convTranspose2d(b, large, w('up2', [5, 3, 4, 4], 0.2), double);
  b.output('image', clip(b, image, -2, 2));
  const unit = new Float32Array(CODE * CODE).map((_, i) => (i % (CODE + 1) === 0 ? 0.8 : 0));
  const each = (x: number) => ({ shape: [CODE], data: new Float32Array(CODE).fill(x) });
  return {
    facts: {
      ...{ ...ABOUT, kind: 'prior', code: { size: CODE, layer: 'none' } },
      output: { ...RGB, mean: [127, 127, 127], scale: [1 / 64, 1 / 64, 1 / 64] },
    },
    graphs: { generator: b.build() },
    extra: new Map([
      ['code.mean', each(0.8)],
      ['code.upper', each(2.5)],
      ['code.factor', { shape: [CODE, CODE], data: unit }],
    ]),
    precision: 'F32',
  };
}

/** The paper's step and that of Adam, of a video through a recurrent recogniser and of pictures through a classifier. */
export function agreementCases(frames = FRAMES): AgreementCase[] {
  const folder = temporaryFolder();
  try {
    writePackage(join(folder, 'recogniser'), recogniser());
    writePackage(join(folder, 'classifier'), classifier());
    writePackage(join(folder, 'prior'), prior());
    const registry = ModelRegistry.open({ folders: [folder] });
    return ['recogniser', 'classifier'].flatMap((model) => {
      const { task } = openTask({ registry, model, frames, preset: 'default', seed: 1 });
      const random = new Random(`inputs of ${model}`);
      const code = random.normals(frames * CODE).map(Math.abs);
      const settings: AdamSettings = {
        ...(PRESETS.default.videos as AdamSettings),
        penalties: { ...PRESETS.default.videos.penalties, manifold: 0, totalVariation: 0.1 },
        jitter: 0,
        noise: 0,
      };
      const paperSettings = PRESETS['paper-2016'].generator as PaperSettings;
      // With moments that are not zero a step of Adam hangs on no sign.
      const adamInputs = (of: Task, own: AdamSettings): Tensors => {
        const size = sizeOf(stateShape(of, own));
        return {
          ...{ state: random.normals(size, 0.5), m: random.normals(size, 0.1) },
          ...{ v: random.normals(size, 0.1).map((x) => x * x + 0.01), rate: Float32Array.of(0.1) },
          ...{ 'correct.m': Float32Array.of(2), 'correct.v': Float32Array.of(3) },
          ...controlInputs(of, own),
        };
      };
      const about = openTask({ registry, model, frames, preset: 'olah-2017', seed: 1 });
      const aboutSettings = about.settings as AdamSettings;
      const view = viewInputs(about.task, { down: 2, right: -1, scale: 1.15 });
      const paper = { code, step: Float32Array.of(0.5), ...controlInputs(task, paperSettings) };
      return [
        agreementCase(`the paper's step, ${model}`, paperStepGraph(task, paperSettings), paper),
        agreementCase(`a step of Adam, ${model}`, adamStepGraph(task, settings), adamInputs(task, settings)),
        agreementCase(`waves on top, seen about, ${model}`, adamStepGraph(about.task, aboutSettings), {
          ...adamInputs(about.task, aboutSettings),
          ...view,
        }),
      ];
    });
  } finally {
    removeFolder(folder);
  }
}

/** Largest difference of two arrays, row by row, relative to the largest number of the row. */
export function rowErrors(actual: ArrayLike<number>, wanted: ArrayLike<number>, rows: number): number[] {
  const width = wanted.length / rows;
  return Array.from({ length: rows }, (_, row) => {
    let [worst, scale] = [0, 1e-6];
    for (let i = row * width; i < (row + 1) * width; i++) {
      const difference = Math.abs(actual[i]! - wanted[i]!);
      if (!(difference <= worst)) worst = difference;
      scale = Math.max(scale, Math.abs(wanted[i]!));
    }
    return worst / scale;
  });
}

/** The inputs as they are after a rounding more: each number moved by about half of what float32 resolves. */
function rounded(inputs: Tensors): Record<string, Float64Array> {
  const random = new Random('rounding');
  return Object.fromEntries(
    Object.entries(inputs).map(([name, data]) => [
      name,
      Float64Array.from(data, (x) => x * (1 + random.normal() * 1e-6)),
    ]),
  );
}

const AGREED = 1e-4;

/**
 * Holds a runtime to float64: 1e-4 relative for each row (a frame, a picture), bytes to one step. A row on a kink - where
 * float64 itself gives something else for inputs that differ by a rounding, as a rectifier or pooling opens elsewhere - is
 * excused.
 * @returns the largest error that was not excused, and how many rows were
 */
export async function holdToFloat64(
  runtime: Runtime,
  { name, graph, inputs, wanted, moved }: AgreementCase,
): Promise<{ worst: number; excused: number }> {
  const compiled = await runtime.compile(graph, { threads: 1 });
  const actual = await compiled.run(inputs);
  await compiled.close();
  let [worst, excused] = [0, 0];
  for (const { name: output, value } of graph.outputs) {
    const { shape, dtype } = typeOf(graph, value);
    const rows = shape.length > 1 ? shape[0]! : 1;
    const kinks = rowErrors(moved[output]!, wanted[output]!, rows);
    rowErrors(actual[output]!, wanted[output]!, rows).forEach((error, row) => {
      const allowed = dtype === 'uint8' ? 1.01 / Math.max(...wanted[output]!) : AGREED;
      if (kinks[row]! > AGREED && dtype !== 'uint8') excused++;
      else expect(error, `${name}, ${output}, row ${row}`).toBeLessThan(allowed);
      if (dtype !== 'uint8' && kinks[row]! <= AGREED) worst = Math.max(worst, error);
    });
  }
  return { worst, excused };
}
