/**
 * The preset `paper-2016` held against a plain float64 implementation of the rule: the gradient to the crop, the paste into
 * the generator's output, the way back to the code, and the update are written out here step by step.
 */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { gradients } from '../../src/engine/autodiff/gradients.js';
import { GraphBuilder, type Graph } from '../../src/engine/graph/graph.js';
import { generatorPrior } from '../../src/engine/models/prior.js';
import type { RecogniserPackage } from '../../src/engine/models/recogniser.js';
import { inline } from '../../src/engine/models/serialise.js';
import { add, mul } from '../../src/engine/ops/elementwise.js';
import { gather, reshape, sliceAxis } from '../../src/engine/ops/layout.js';
import { mean } from '../../src/engine/ops/reduce.js';
import { Random } from '../../src/engine/random.js';
import { evaluate, referenceRuntime } from '../../src/engine/runtimes/reference/reference.js';
import type { Runtime, TensorData } from '../../src/engine/runtimes/runtime.js';
import { PRESETS } from '../../src/engine/synthesis/presets.js';
import { penaltyWeights, type SynthesisOverrides } from '../../src/protocol/synthesis.js';
import { openSynthesis, type Synthesis, type SynthesisOptions } from '../../src/engine/synthesis/synthesise.js';
import { CODE, CROP, INPUT, OUTPUT, relativeError, smallModels } from './small-models.js';

const T = 7;
/** Windows of four frames every two of seven. */
const STARTS = [0, 2, 3];
const UNIT = 1;
const SEED = 4;
const N = 6;
const UPPER = [1.1, 1.3, 1.5, 1.7, 1.9];
const DECAY = 0.99;

let models: ReturnType<typeof smallModels>;
let model: RecogniserPackage;
let generator: Graph;
beforeAll(() => {
  models = smallModels();
  model = models.registry.loadRecogniser('small');
  generator = generatorGraph();
  toCrop = cropGradientGraph();
});
afterAll(() => models.remove());

const open = (changes: Partial<SynthesisOptions> = {}): Promise<Synthesis> =>
  openSynthesis({
    ...{ registry: models.registry, model: 'small', preset: 'paper-2016', frames: T, seed: SEED, iterations: N },
    runtime: referenceRuntime,
    ...changes,
  });

/** G on all frames: `code` [T, D] in, `image` [T, 3, 9, 13] out. */
function generatorGraph(): Graph {
  const prior = generatorPrior(models.registry.loadPrior('small-prior'));
  const b = new GraphBuilder();
  b.output('image', prior.build(b, b.input('code', [T, CODE])));
  return b.build();
}

/** The unit's score over the windows of a clip [T, 3, 6, 8], window by window, and its gradient to the clip. */
let toCrop: Graph;
function cropGradientGraph(): Graph {
  const b = new GraphBuilder();
  const x = b.input('x', [T, 3, INPUT.height, INPUT.width]);
  const gates = inline(b, model.graphs['frames']!, { frames: x })['gates']!;
  const scores = STARTS.map((start) => {
    const window = reshape(
      b,
      gather(
        b,
        gates,
        [0, 1, 2, 3].map((s) => start + s),
      ),
      [4, 1, -1],
    );
    const { logits } = inline(b, model.graphs['sequence']!, { gates: window });
    return mean(b, sliceAxis(b, logits!, 2, UNIT, UNIT + 1), undefined, false);
  });
  const activation = mul(
    b,
    scores.reduce((p, q) => add(b, p, q)),
    b.scalar(1 / STARTS.length),
  );
  b.output('activation', activation);
  b.output('gradient', gradients(b, activation, [x])[0]!);
  return b.build();
}

const meanAbs = (x: ArrayLike<number>): number => Array.from(x).reduce((s, v) => s + Math.abs(v), 0) / x.length;
const [IN_PLANE, OUT_PLANE] = [INPUT.width * INPUT.height, OUTPUT.width * OUTPUT.height];
/** For each number of the crop, in the recogniser's order of colours, its place in the generator's output. */
const PLACES = Array.from({ length: T * 3 * IN_PLANE }, (_, i) => {
  const [frame, channel, place] = [Math.floor(i / (3 * IN_PLANE)), Math.floor(i / IN_PLANE) % 3, i % IN_PLANE];
  const [row, column] = [Math.floor(place / INPUT.width) + CROP.top, (place % INPUT.width) + CROP.left];
  return (frame * 3 + (2 - channel)) * OUT_PLANE + row * OUTPUT.width + column;
});

/** The crop of G(y) in the recogniser's numbers. */
function cropOf(image: Float64Array): Float64Array {
  return Float64Array.from(PLACES, (place, i) => {
    const channel = Math.floor(i / IN_PLANE) % 3;
    const byte = image[place]! / OUTPUT.scale[2 - channel]! + OUTPUT.mean[2 - channel]!;
    return (byte - INPUT.mean[channel]!) * INPUT.scale[channel]!;
  });
}

/** Gradient of sum(d * G(y)) to y, by central differences. */
function backThroughGenerator(y: Float64Array, d: Float64Array): Float64Array {
  const along = (moved: Float64Array): number => {
    const { image } = evaluate(generator, { code: moved });
    return image!.reduce((s, v, i) => s + v * d[i]!, 0);
  };
  return y.map((_, i) => {
    const [up, down] = [1e-5, -1e-5].map((h) => along(y.map((v, k) => (k === i ? v + h : v))));
    return (up! - down!) / 2e-5;
  });
}

/** Steps 2 to 8 of the rule; the returned crop is that of y before the update. */
function stepByHand(y: Float64Array, step: number) {
  const { image } = evaluate(generator, { code: y });
  const x0 = cropOf(image!);
  const { activation, gradient: g } = evaluate(toCrop, { x: x0 });
  const x = x0.map((v, i) => v + (step * g![i]!) / meanAbs(g!));
  const d = new Float64Array(image!.length);
  PLACES.forEach((place, i) => (d[place] = x[i]! - x0[i]!));
  const gc = backThroughGenerator(y, d);
  const next = y.map((v, i) => DECAY * Math.min(Math.max(v + (step * gc[i]!) / meanAbs(gc), 0), UPPER[i % CODE]!));
  return { next, activation: activation![0]!, crop: x0 };
}

/** The crop as bytes, RGB, frame by frame. */
function bytesOf(crop: Float64Array): number[] {
  return Array.from(crop, (_, at) => {
    const [frame, place, channel] = [Math.floor(at / (3 * IN_PLANE)), Math.floor(at / 3) % IN_PLANE, at % 3];
    const byte = crop[(frame * 3 + channel) * IN_PLANE + place]! / INPUT.scale[channel]! + INPUT.mean[channel]!;
    return Math.min(Math.max(Math.round(byte), 0), 255);
  });
}
/** Largest difference of bytes: rounding may fall either way where a number lies between two. */
const apart = (actual: Uint8Array, wanted: readonly number[]): number =>
  wanted.reduce((worst, byte, i) => Math.max(worst, Math.abs(byte - actual[i]!)), 0);

describe('paper-2016', () => {
  it('has the constants of the paper', () => {
    expect(PRESETS['paper-2016'].generator).toEqual({
      ...{
        iterations: 200,
        objective: { kind: 'logit' },
        sequence: { form: 'free' },
        bounds: { kind: 'box', scale: 1 },
      },
      optimiser: { rule: 'paper', start: 8, end: 1e-10, schedule: 'linear', decay: 0.99, normalise: 'all' },
      start: { from: 'noise', identity: 1, movement: 1 },
      ...{ codes: 'raw', fit: 'auto', noise: 0, jitter: 0, zoom: 0, detail: 0, blur: { every: 0, sigma: 0 } },
      penalties: Object.fromEntries(Object.keys(penaltyWeights.shape).map((name) => [name, 0])),
    });
  });

  it('starts from normal codes of the seed, one vector a frame', async () => {
    const start = (await open()).checkpoint().arrays['code']!;
    expect(start).toHaveLength(T * CODE);
    expect((await open()).checkpoint().arrays['code']).toEqual(start);
    expect((await open({ seed: 5 })).checkpoint().arrays['code']).not.toEqual(start);
    const many = (await open({ frames: 600 })).checkpoint().arrays['code']!;
    expect(many.reduce((s, v) => s + v, 0) / many.length).toBeCloseTo(0, 1);
    expect(many.reduce((s, v) => s + v * v, 0) / many.length).toBeCloseTo(1, 1);
  });

  // With the paper's steps most codes end on a bound; with small ones most lie between: both must be right.
  it.each([8, 0.4])(
    'with a first step of %d moves codes and pictures as the rule says, iteration by iteration',
    async (start) => {
      const settings: SynthesisOverrides = { optimiser: { rule: 'paper', start } };
      const run = await open({ settings });
      const codes = (): Float64Array => Float64Array.from(run.checkpoint().arrays['code']!);
      const places = { inside: 0, zero: 0, bound: 0 };
      let last: number[] = [];
      for (let i = 0; i < N; i++) {
        const wanted = stepByHand(codes(), start + ((1e-10 - start) * i) / N);
        const progress = (await run.step())!;
        expect(progress).toMatchObject({ iteration: i + 1, iterations: N });
        expect(progress.activation).toBeCloseTo(wanted.activation, 5);
        last = bytesOf(wanted.crop);
        expect(apart(progress.pixels!, last), `pixels of iteration ${i}`).toBeLessThanOrEqual(1);
        const now = codes();
        expect(relativeError(now, wanted.next), `codes after iteration ${i}`).toBeLessThan(1e-5);
        now.forEach((v, k) => places[v === 0 ? 'zero' : v > UPPER[k % CODE]! * DECAY - 1e-6 ? 'bound' : 'inside']++);
      }
      expect(await run.step()).toBeNull();
      expect(Math.min(places.inside, places.zero, places.bound)).toBeGreaterThan(5);
      const result = await run.finish();
      expect(result.ended).toBe('completed');
      // The last crop, not that of the code after the last update.
      expect(apart(result.pixels, last)).toBeLessThanOrEqual(1);
      expect(apart(result.pixels, bytesOf(cropOf(evaluate(generator, { code: codes() })['image']!)))).toBeGreaterThan(
        1,
      );
      await run.close();
    },
  );

  it('divides by the mean over the whole clip, not frame by frame', async () => {
    const run = await open({ settings: { optimiser: { rule: 'paper', start: 0.1 } } });
    // Within the bounds, so that the update is the whole difference.
    const inside = Float32Array.from({ length: T * CODE }, (_, i) => 0.3 + 0.1 * new Random(i).uniform());
    const resumed = await open({
      settings: { optimiser: { rule: 'paper', start: 0.1 } },
      resume: { ...run.checkpoint(), arrays: { ...run.checkpoint().arrays, code: inside, shown: inside } },
    });
    await resumed.step();
    const moves = resumed.checkpoint().arrays['code']!.map((v, i) => v / DECAY - inside[i]!);
    expect(meanAbs(moves)).toBeCloseTo(0.1, 4);
    const frames = Array.from({ length: T }, (_, t) => meanAbs(moves.subarray(t * CODE, (t + 1) * CODE)));
    expect(Math.max(...frames) / Math.min(...frames)).toBeGreaterThan(1.2);
  });

  it('ends at a zero gradient, with the pictures it had', async () => {
    const run = await open({ unit: 'dead' });
    const before = run.checkpoint().arrays['code']!;
    const progress = (await run.step())!;
    expect(progress).toMatchObject({ iteration: 1, activation: 0 });
    expect(await run.step()).toBeNull();
    expect(run.checkpoint().arrays['code']).toEqual(before);
    const result = await run.finish();
    expect(result).toMatchObject({ ended: 'zero-gradient', activation: 0 });
    expect([...result.activations]).toEqual([0]);
    expect(result.pixels).toEqual(progress.pixels);
  });

  it('ends when nothing of the pictures depends on the codes', async () => {
    const run = await open({ runtime: tampered((outputs) => ({ ...outputs, codeGradient: Float32Array.of(0) })) });
    await run.step();
    expect(await run.step()).toBeNull();
    expect((await run.finish()).ended).toBe('zero-gradient');
  });

  it.each(['pictureGradient', 'codeGradient'])('skips an update whose %s is no number, and goes on', async (name) => {
    let calls = 0;
    const spoilt = (outputs: Record<string, TensorData>): Record<string, TensorData> =>
      ++calls === 2
        ? { ...outputs, [name]: Float32Array.of(NaN), code: (outputs['code'] as Float32Array).map(() => NaN) }
        : outputs;
    const run = await open({ runtime: tampered(spoilt) });
    const codes: Float32Array[] = [];
    for (let i = 0; i < 3; i++) {
      expect(await run.step()).not.toBeNull();
      codes.push(run.checkpoint().arrays['code']!);
    }
    expect(codes[1]).toEqual(codes[0]);
    expect(codes[2]).not.toEqual(codes[1]);
    expect(codes[2]!.every(Number.isFinite)).toBe(true);
  });
});

/** A runtime whose results are changed before anyone sees them. */
function tampered(change: (outputs: Record<string, TensorData>) => Record<string, TensorData>): Runtime {
  return {
    ...referenceRuntime,
    async compile(graph) {
      const compiled = await referenceRuntime.compile(graph);
      const ours = graph.outputs.some(({ name }) => name === 'codeGradient');
      return {
        run: async (inputs) => (ours ? change(await compiled.run(inputs)) : compiled.run(inputs)),
        close: () => compiled.close(),
      };
    },
  };
}
