import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { GraphBuilder, prune, typeOf, type Graph } from '../../src/engine/graph/graph.js';
import { generatorPrior, pixelPrior, type Prior } from '../../src/engine/models/prior.js';
import { Random } from '../../src/engine/random.js';
import { openOnnxRuntime } from '../../src/engine/runtimes/onnxruntime/onnxruntime.js';
import { evaluate, referenceRuntime } from '../../src/engine/runtimes/reference/reference.js';
import type { Runtime, Tensors } from '../../src/engine/runtimes/runtime.js';
import { openTfjsRuntime } from '../../src/engine/runtimes/tfjs/tfjs.js';
import { adamStepGraph, renderGraph } from '../../src/engine/synthesis/adam-step.js';
import { stateShape } from '../../src/engine/synthesis/codes.js';
import { controlInputs } from '../../src/engine/synthesis/controls.js';
import { paperStepGraph } from '../../src/engine/synthesis/paper-step.js';
import { hasViews, PLAIN_VIEW, viewInputs } from '../../src/engine/synthesis/views.js';
import {
  PRESETS,
  presetSettings,
  type AdamSettings,
  type PaperSettings,
  type PresetName,
} from '../../src/engine/synthesis/presets.js';
import type { Task } from '../../src/engine/synthesis/scene.js';
import { sequenceForm } from '../../src/engine/synthesis/sequences.js';
import { PIXELS } from '../../src/protocol/priors.js';
import { openSynthesis, type Synthesis, type SynthesisOptions } from '../../src/engine/synthesis/synthesise.js';
import type { SynthesisCheckpoint, SynthesisResult } from '../../src/engine/synthesis/types.js';
import { ADAM } from '../../src/engine/training/adam.js';
import { CODE, failure, INPUT, relativeError, smallModels } from './small-models.js';

const T = 7;
let models: ReturnType<typeof smallModels>;
let onnx: Runtime;
let prior: Prior;
let task: Task;
beforeAll(async () => {
  models = smallModels();
  onnx = await openOnnxRuntime();
  prior = generatorPrior(models.registry.loadPrior('small-prior'));
  task = { model: models.registry.loadRecogniser('small'), prior, unit: 1, frames: T };
});
afterAll(() => models.remove());

/** For presets that start from a picture. */
const PICTURE = {
  pixels: Uint8Array.from({ length: 3 * 10 * 12 }, (_, i) => (i * 37) % 256),
  ...{ count: 1, width: 12, height: 10 },
};
const open = (changes: Partial<SynthesisOptions> = {}): Promise<Synthesis> =>
  openSynthesis({
    ...{ registry: models.registry, model: 'small', preset: 'default', frames: T, seed: 1, iterations: 8 },
    ...{ runtime: onnx, threads: 1, pictures: PICTURE },
    ...changes,
  });
async function finished(run: Synthesis): Promise<SynthesisResult> {
  while (await run.step());
  const result = await run.finish();
  await run.close();
  return result;
}

const none = PRESETS['paper-2016'].generator.penalties;
const PLAIN: AdamSettings = {
  ...(PRESETS.default.videos as AdamSettings),
  ...{ penalties: none, noise: 0, jitter: 0 },
};
const PAPER = PRESETS['paper-2016'].generator as PaperSettings;
const random = new Random('synthesis');
/** Inputs of a step in the midst of a run: with moments that are not zero, Adam's step hangs on no sign. */
function adamInputs(of: Task, settings: AdamSettings): Record<string, Float32Array> {
  const [rows, size] = stateShape(of, settings);
  return {
    state: random.normals(rows * size, 0.5),
    m: random.normals(rows * size, 0.1),
    v: random.normals(rows * size, 0.1).map((x) => x * x + 0.01),
    rate: Float32Array.of(0.1),
    'correct.m': Float32Array.of(1 / (1 - ADAM.beta1 ** 3)),
    'correct.v': Float32Array.of(1 / (1 - ADAM.beta2 ** 3)),
    ...controlInputs(of, settings),
    ...(settings.noise > 0 && { noise: random.normals(of.frames * size, settings.noise) }),
    ...(hasViews(settings) && viewInputs(of, { down: 1, right: -1, scale: 1 + settings.zoom })),
  };
}

type Matrix = number[][];
const rowsOf = (x: ArrayLike<number>, width: number): Matrix =>
  Array.from({ length: x.length / width }, (_, r) => Array.from({ length: width }, (_unused, c) => x[r * width + c]!));
const times = (x: Matrix, y: Matrix): Matrix =>
  x.map((row) => y[0]!.map((_, c) => row.reduce((s, v, k) => s + v * y[k]![c]!, 0)));
const transposed = (x: Matrix): Matrix => x[0]!.map((_, c) => x.map((row) => row[c]!));
const minus = (x: Matrix, y: Matrix): Matrix => x.map((row, r) => row.map((v, c) => v - y[r]![c]!));
const meanSquare = (x: Matrix): number => x.flat().reduce((s, v) => s + v * v, 0) / x.flat().length;
const steps = (x: Matrix): Matrix => minus(x.slice(1), x.slice(0, -1));

/** Identity, movement and codes of a state by their definition. */
function readByHand(state: ArrayLike<number>, settings: AdamSettings) {
  const [identity, ...controls] = rowsOf(state, CODE) as [number[], ...Matrix];
  const form = sequenceForm(settings.sequence, T);
  const movement = form.matrix ? times(rowsOf(form.matrix, form.controls), controls) : controls;
  const { mean, lower, upper, factors, spread } = prior.statistics;
  const [between, within] = [factors!.between, factors!.within].map((f) => transposed(rowsOf(f, CODE))) as [
    Matrix,
    Matrix,
  ];
  const shared = times([identity], between)[0]!;
  const moved = times(movement, within);
  const codes = moved.map((row) =>
    row.map((v, d) => Math.min(Math.max(mean[d]! + shared[d]! + v, lower[d]!), upper[d]!)),
  );
  return { identity, movement, moved, codes, spread };
}
/** What the generator draws of codes, and what the encoder makes of that. */
function drawn(codes: Matrix): { image: Float64Array; again: Matrix } {
  const b = new GraphBuilder();
  const image = prior.build(b, b.input('code', [codes.length, CODE]));
  b.output('image', image);
  b.output('again', prior.encode!(b, image));
  const results = evaluate(b.build(), { code: codes.flat() });
  return { image: results['image']!, again: rowsOf(results['again']!, CODE) };
}

describe('the codes of a state', () => {
  it('are mean + B u + W v, kept within the bounds', () => {
    const inputs = adamInputs(task, PLAIN);
    const { codes } = readByHand(inputs['state']!, PLAIN);
    const { lower, upper } = prior.statistics;
    const bounds = codes.map((row) => row.filter((v, d) => v === lower[d] || v === upper[d]).length);
    expect(bounds.some((n) => n > 0) && bounds.some((n) => n < CODE)).toBe(true);
    const results = evaluate(renderGraph(task, PLAIN), { state: inputs['state']! });
    // The pictures are those of the codes: as the paper's step shows them for the same codes.
    const paper = evaluate(paperStepGraph(task, PAPER), {
      ...{ code: codes.flat(), step: [1] },
      ...controlInputs(task, PAPER),
    });
    expect(relativeError(results['codes']!, codes.flat())).toBeLessThan(1e-6);
    expect(relativeError(results['pixels']!, paper['pixels']!)).toBeLessThan(0.01);
  });
});

describe('a penalty', () => {
  const PENALTIES: Record<string, (by: ReturnType<typeof readByHand>, pixels: Matrix[]) => number> = {
    smoothness: ({ movement }) => meanSquare(steps(movement)),
    acceleration: ({ movement }) => meanSquare(steps(steps(movement))),
    naturalness: ({ movement }) => meanSquare(movement),
    identity: ({ identity }) => (meanSquare([identity]) - 1) ** 2,
    energy: ({ moved, spread }) => meanSquare([moved.map((row) => meanSquare([row]) / spread ** 2 - 1)]),
    manifold: ({ codes, spread }) => meanSquare(minus(drawn(codes).again, codes)) / spread ** 2,
    totalVariation: (_, planes) =>
      meanSquare(planes.flatMap((plane) => steps(plane))) +
      meanSquare(planes.flatMap((plane) => steps(transposed(plane)))),
  };

  it.each(Object.keys(PENALTIES))('for %s is its weight times its definition', (name) => {
    const settings = { ...PLAIN, penalties: { ...none, [name]: 3 } };
    const inputs = adamInputs(task, settings);
    const results = evaluate(adamStepGraph(task, settings), inputs);
    // Planes of the recogniser's pictures on the scale 0..1, from their bytes: good to half a byte.
    const [rows, width] = [INPUT.height, INPUT.width];
    const planes = Array.from({ length: 3 * T }, (_, p) =>
      Array.from({ length: rows }, (_r, y) =>
        Array.from(
          { length: width },
          (_c, x) => results['pixels']![((Math.floor(p / 3) * rows + y) * width + x) * 3 + (p % 3)]! / 255,
        ),
      ),
    );
    const value = PENALTIES[name]!(readByHand(inputs['state']!, settings), planes);
    expect(value).toBeGreaterThan(1e-4);
    const found = (results['activation']![0]! - results['objective']![0]!) / 3;
    expect(Math.abs(found - value) / value).toBeLessThan(name === 'totalVariation' ? 0.05 : 1e-5);
  });

  it('of no weight costs nothing', () => {
    const results = evaluate(adamStepGraph(task, PLAIN), adamInputs(task, PLAIN));
    expect(results['objective']![0]).toBeCloseTo(results['activation']![0]!, 12);
  });
});

describe('a step of Adam', () => {
  it.each(['logit', 'log_softmax'] as const)(
    'on %s moves the state along the gradient of the objective',
    (objective) => {
      const penalties = { ...none, naturalness: 0.2, energy: 0.1, acceleration: 0.3 };
      const settings: AdamSettings = { ...PLAIN, objective: { kind: objective }, penalties };
      const graph = adamStepGraph(task, settings);
      const inputs = adamInputs(task, settings);
      const results = evaluate(graph, inputs);
      const alone = prune({ ...graph, outputs: graph.outputs.filter(({ name }) => name === 'objective') });
      const at = (i: number, h: number): number => {
        const state = Float64Array.from(inputs['state']!, (x, k) => (k === i ? x + h : x));
        return evaluate(alone, { ...inputs, state })['objective']![0]!;
      };
      const wanted = Array.from(inputs['state']!, (x, i) => {
        const g = (at(i, 1e-6) - at(i, -1e-6)) / 2e-6;
        const m = ADAM.beta1 * inputs['m']![i]! + (1 - ADAM.beta1) * g;
        const v = ADAM.beta2 * inputs['v']![i]! + (1 - ADAM.beta2) * g * g;
        const [mh, vh] = [m * inputs['correct.m']![0]!, v * inputs['correct.v']![0]!];
        return { state: x + (0.1 * mh) / (Math.sqrt(vh) + ADAM.epsilon), m, v };
      });
      for (const name of ['state', 'm', 'v'] as const) {
        expect(
          relativeError(
            results[name]!,
            wanted.map((w) => w[name]),
          ),
          name,
        ).toBeLessThan(1e-5);
      }
    },
  );

  it('shifts what the recogniser sees, not what people see', () => {
    const settings = { ...PLAIN, jitter: 2 };
    const graph = adamStepGraph(task, settings);
    const inputs = adamInputs(task, settings);
    const [still, moved] = [PLAIN_VIEW, { down: 2, right: -1, scale: 1 }].map((view) =>
      evaluate(graph, { ...inputs, ...viewInputs(task, view) }),
    );
    expect(moved!['pixels']).toEqual(still!['pixels']);
    expect(moved!['activation']).not.toEqual(still!['activation']);
    expect(still!['activation']).toEqual(evaluate(adamStepGraph(task, PLAIN), inputs)['activation']);
  });
});

describe('a whole step', () => {
  const opened: [string, () => Promise<Runtime>][] = [
    ['onnxruntime', openOnnxRuntime],
    ['tfjs cpu', () => openTfjsRuntime('cpu')],
    ['tfjs wasm', () => openTfjsRuntime('wasm')],
  ];
  /** Both rules, with the prior and with pixels. */
  function cases(): [string, Graph, Tensors][] {
    const pixels: Task = { ...task, prior: pixelPrior(INPUT.width, INPUT.height) };
    const generator = PRESETS.default.videos as AdamSettings;
    const penalties = { ...generator.penalties, smoothness: 0.1, totalVariation: 1 };
    const all: AdamSettings = { ...generator, penalties, jitter: 1 };
    const own: AdamSettings = { ...(PRESETS.default.pixels as AdamSettings), objective: { kind: 'log_softmax' } };
    const paperPixels = PRESETS['paper-2016'].pixels as PaperSettings;
    const code = random.normals(T * CODE);
    const image = Float32Array.from({ length: T * pixels.prior.size }, () => random.uniform(0.1, 0.9));
    return [
      ['paper', paperStepGraph(task, PAPER), { code, step: Float32Array.of(0.5), ...controlInputs(task, PAPER) }],
      [
        'paper, pixels',
        paperStepGraph(pixels, paperPixels),
        { code: image, step: Float32Array.of(0.05), ...controlInputs(pixels, paperPixels) },
      ],
      ['adam', adamStepGraph(task, all), adamInputs(task, all)],
      ['adam, pixels', adamStepGraph(pixels, own), adamInputs(pixels, own)],
    ];
  }

  it.each(opened)('gives on %s what it means in float64, for both rules', async (_name, openRuntime) => {
    const runtime = await openRuntime();
    for (const [name, graph, inputs] of cases()) {
      const wanted = evaluate(graph, inputs);
      const compiled = await runtime.compile(graph, { threads: 1 });
      const actual = await compiled.run(inputs);
      expect(Object.keys(actual).sort()).toEqual(graph.outputs.map((port) => port.name).sort());
      for (const port of graph.outputs) {
        const tolerance = typeOf(graph, port.value).dtype === 'uint8' ? 1.01 / 255 : 1e-4;
        expect(relativeError(actual[port.name]!, wanted[port.name]!), `${name}, ${port.name}`).toBeLessThan(tolerance);
      }
      await compiled.close();
    }
  });
});

/** Presets whose whole behaviour is tested here; `synthesis/presets.test.ts` has a run of each. */
const TESTED = ['default', 'paper-2016', 'paper-2016-from-image'] as const satisfies readonly PresetName[];

describe.each(TESTED)('a run of %s', (preset: PresetName) => {
  it('gives the same bytes for the same seed, and others for another', async () => {
    const first = await finished(await open({ preset }));
    expect(await finished(await open({ preset }))).toEqual(first);
    if (PRESETS[preset].generator.start.from !== 'noise') return;
    expect((await finished(await open({ preset, seed: 2 }))).pixels).not.toEqual(first.pixels);
  });

  it.each([0, 3, 7, 8])(
    'continued from a checkpoint at iteration %i gives the bytes of one that was not interrupted',
    async (k) => {
      const whole = await finished(await open({ preset }));
      const part = await open({ preset });
      for (let i = 0; i < k; i++) await part.step();
      const stored = JSON.stringify(part.checkpoint(), (_key, value: unknown) =>
        value instanceof Float32Array ? [...value] : value,
      );
      await part.step();
      await part.close();
      const { arrays, ...rest } = JSON.parse(stored) as Omit<SynthesisCheckpoint, 'arrays'> & {
        arrays: Record<string, number[]>;
      };
      const resume = {
        ...rest,
        arrays: Object.fromEntries(Object.entries(arrays).map(([name, numbers]) => [name, Float32Array.from(numbers)])),
      };
      expect(resume.iteration).toBe(k);
      const continued = await open({ preset, resume });
      expect(await finished(continued)).toEqual(whole);
    },
  );

  it('does not change a checkpoint that was taken, nor one that it was given', async () => {
    const run = await open({ preset });
    await run.step();
    const taken = run.checkpoint();
    const copy = structuredClone(taken);
    await run.step();
    expect(taken).toEqual(copy);
    const resumed = await open({ preset, resume: taken });
    await resumed.step();
    expect(taken).toEqual(copy);
  });

  it('refuses the checkpoint of another run', async () => {
    const { arrays, ...rest } = (await open({ preset })).checkpoint();
    const refused = failure('REQUEST_INVALID', /checkpoint is of another run/);
    await expect(open({ preset, resume: { ...rest, arrays: {} } })).rejects.toThrow(refused);
    await expect(open({ preset, frames: T + 2, resume: { ...rest, arrays } })).rejects.toThrow(refused);
    const other = PRESETS[preset].generator.optimiser.rule === 'paper' ? 'default' : 'paper-2016';
    await expect(open({ preset: other, resume: { ...rest, arrays } })).rejects.toThrow(refused);
  });

  it('tells each iteration, and what it made, and ends', async () => {
    const run = await open({ preset, iterations: 3, unit: 'one' });
    expect(run).toMatchObject({ width: 8, height: 6, frames: T, iterations: 3, unit: { index: 0, label: 'one' } });
    expect(run.runtime).toMatch(/^onnxruntime-node/);
    const first = (await run.step())!;
    expect(first).toMatchObject({ iteration: 1, iterations: 3 });
    expect(first.pixels).toHaveLength(T * 8 * 6 * 3);
    expect(first.frameActivations).toHaveLength(T);
    expect(first.frameActivations.every(Number.isFinite)).toBe(true);
    const second = (await run.step({ pixels: false }))!;
    expect(second).not.toHaveProperty('pixels');
    expect((await run.finish()).ended).toBe('cancelled');
    await run.step();
    expect(await run.step()).toBeNull();
    const result = await run.finish();
    expect(result).toMatchObject({ frames: T, width: 8, height: 6, ended: 'completed' });
    expect(result.activations).toHaveLength(3);
    expect(result.activations[0]).toBe(first.activation);
    expect(result.probabilities.reduce((s, p) => s + p, 0)).toBeCloseTo(1, 5);
    expect(run.report()).toMatchObject({
      ...{
        model: { name: 'small' },
        prior: { name: 'small-prior' },
        unit: { index: 0, label: 'one' },
        preset,
        seed: 1,
      },
      ...{
        frames: T,
        windows: 3,
        settings: { ...presetSettings(PRESETS[preset], { generator: true, pictures: false }), iterations: 3 },
        realClips: null,
      },
    });
    await run.close();
  });

  it.each([1, 2, 3])('makes a video of %i frames', async (frames) => {
    const result = await finished(await open({ preset, frames, iterations: 2 }));
    expect(result.pixels).toHaveLength(frames * 8 * 6 * 3);
    expect(result.ended).toBe('completed');
  });

  it('has the pixels themselves as code where no prior is wanted', async () => {
    const run = await open({ preset, prior: PIXELS, iterations: 2 });
    expect(run.report()).toMatchObject({ prior: null, settings: { ...PRESETS[preset].pixels, iterations: 2 } });
    expect((await finished(run)).ended).toBe('completed');
  });
});

describe('the default preset', () => {
  it.each(['small-prior', PIXELS])('raises the activation of each unit with %s', async (name) => {
    // The encoder here is no inverse of the generator: what it asks for would have nothing to do with the unit.
    const settings = { penalties: { manifold: 0 } };
    for (const unit of ['one', 'two']) {
      const { activation, activations } = await finished(await open({ unit, prior: name, settings, iterations: 60 }));
      expect(activation, unit).toBeGreaterThan(activations[0]! + 0.1);
    }
  });

  it('goes on from a step that is no number as if it had not been', async () => {
    const run = await open({
      runtime: {
        ...referenceRuntime,
        async compile(graph) {
          const compiled = await referenceRuntime.compile(graph);
          let calls = 0;
          return {
            async run(inputs) {
              const outputs = await compiled.run(inputs);
              return ++calls === 1 && 'state' in outputs
                ? { ...outputs, state: new Float32Array(outputs['state'].length).fill(NaN) }
                : outputs;
            },
            close: () => compiled.close(),
          };
        },
      },
    });
    const before = run.checkpoint().arrays['state'];
    await run.step();
    expect(run.checkpoint().arrays['state']).toEqual(before);
    await run.step();
    expect(run.checkpoint().arrays['state']).not.toEqual(before);
    expect(run.checkpoint().arrays['state']!.every(Number.isFinite)).toBe(true);
  });
});

describe('a request that cannot be met', () => {
  it.each<[string, string, Partial<SynthesisOptions>]>([
    ['MODEL_UNKNOWN', 'an unknown model', { model: 'nope' }],
    ['MODEL_UNKNOWN', 'a prior in place of a recogniser', { model: 'small-prior' }],
    ['MODEL_UNKNOWN', 'an unknown prior', { prior: 'nope' }],
    ['MODEL_UNKNOWN', 'a recogniser in place of a prior', { prior: 'small' }],
    ['UNIT_UNKNOWN', 'an unknown label', { unit: 'three' }],
    ['UNIT_UNKNOWN', 'an index beyond the labels', { unit: 3 }],
    ['REQUEST_INVALID', 'an unknown preset', { preset: 'best' as PresetName }],
    ['REQUEST_INVALID', 'a preset named as what every object has', { preset: 'toString' as PresetName }],
    ['REQUEST_INVALID', 'no frames', { frames: 0 }],
    ['REQUEST_INVALID', 'a negative number of frames', { frames: -1 }],
    ['REQUEST_INVALID', 'half a frame', { frames: 0.5 }],
    ['REQUEST_INVALID', 'a thousand million frames', { frames: 1e9 }],
    ['REQUEST_INVALID', 'no iterations', { iterations: 0 }],
    ['REQUEST_INVALID', 'iterations that are no number', { iterations: NaN }],
    ['REQUEST_INVALID', 'an unknown objective', { settings: { objective: { kind: 'constructor' as never } } }],
    ['REQUEST_INVALID', 'settings that there are not', { settings: { rule: 'paper' } as never }],
    [
      'REQUEST_INVALID',
      'keyframes no frames apart',
      { settings: { sequence: { form: 'keyframes', every: 0, interpolation: 'cubic' } } },
    ],
    ['REQUEST_INVALID', 'an unknown runtime', { runtime: 'abacus' }],
  ])('is refused with %s: %s', async (code, _what, changes) => {
    await expect(open(changes)).rejects.toThrow(failure(code));
  });
});
