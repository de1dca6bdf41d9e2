/** Preferred pictures for units of a classifier: every picture of a batch is on its own. */
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { GraphBuilder } from '../../src/engine/graph/graph.js';
import { placeOf, scorePictures, unitsOf, type ClassifierPackage } from '../../src/engine/models/classifier.js';
import { writePackage } from '../../src/engine/models/package.js';
import { softmax } from '../../src/engine/ops/softmax.js';
import { Random } from '../../src/engine/random.js';
import { openOnnxRuntime } from '../../src/engine/runtimes/onnxruntime/onnxruntime.js';
import { evaluate, referenceRuntime } from '../../src/engine/runtimes/reference/reference.js';
import type { Runtime } from '../../src/engine/runtimes/runtime.js';
import { PIXELS } from '../../src/protocol/priors.js';
import { openSynthesis, type Synthesis, type SynthesisOptions } from '../../src/engine/synthesis/synthesise.js';
import type { PresetName } from '../../src/engine/synthesis/presets.js';
import type { SynthesisOverrides } from '../../src/protocol/synthesis.js';
import type { SynthesisCheckpoint, SynthesisResult } from '../../src/engine/synthesis/types.js';
import { CODE, failure, INPUT, LABELS, relativeError, smallClassifier, smallModels } from './small-models.js';

const N = 3;
let models: ReturnType<typeof smallModels>;
let model: ClassifierPackage;
let onnx: Runtime;
beforeAll(async () => {
  models = smallModels();
  writePackage(join(models.folder, 'small-classifier'), smallClassifier());
  model = models.registry.loadClassifier('small-classifier');
  onnx = await openOnnxRuntime();
});
afterAll(() => models.remove());

const open = (changes: Partial<SynthesisOptions> = {}): Promise<Synthesis> =>
  openSynthesis({
    ...{
      registry: models.registry,
      model: 'small-classifier',
      preset: 'paper-2016',
      frames: N,
      seed: 1,
      iterations: 6,
    },
    ...{ runtime: onnx, threads: 1, settings: { optimiser: { rule: 'paper', start: 0.5 } } },
    ...changes,
  });
async function finished(run: Synthesis): Promise<SynthesisResult> {
  while (await run.step());
  const result = await run.finish();
  await run.close();
  return result;
}

/** Units of a layer for pictures of bytes [N, 6, 8, 3], in float64. */
function unitsByHand(pixels: Uint8Array, layer: string, position: [number, number] | null): Float64Array {
  const count = pixels.length / (3 * INPUT.width * INPUT.height);
  const b = new GraphBuilder();
  const x = b.input('x', [count, 3, INPUT.height, INPUT.width]);
  b.output('units', unitsOf(b, model, x, { layer, position }));
  const plane = INPUT.width * INPUT.height;
  const numbers = Float64Array.from({ length: pixels.length }, (_, i) => {
    const [picture, channel, place] = [Math.floor(i / (3 * plane)), Math.floor(i / plane) % 3, i % plane];
    return (pixels[(picture * plane + place) * 3 + channel]! - INPUT.mean[channel]!) * INPUT.scale[channel]!;
  });
  return evaluate(b.build(), { x: numbers })['units']!;
}

describe('a run for a unit of a classifier', () => {
  it('raises the score of each picture, and tells it for each', async () => {
    const run = await open({ iterations: 12 });
    expect(run).toMatchObject({ frames: N, width: 8, height: 6, unit: { index: 1, label: 'two' } });
    const first = (await run.step())!;
    const result = await finished(run);
    expect(first.frameActivations).toHaveLength(N);
    expect(first.activation).toBeCloseTo(first.frameActivations.reduce((sum, a) => sum + a, 0) / N, 5);
    expect(first.smoothness).toBe(0);
    result.pictures!.activations.forEach((activation, i) => {
      expect(activation).toBeGreaterThan(first.frameActivations[i]! + 0.1);
    });
  });

  it('ends with pictures that are scored as any picture would be', async () => {
    const result = await finished(await open());
    const logits = unitsByHand(result.pixels, 'logits', null);
    const { activations, probabilities } = result.pictures!;
    expect(
      relativeError(
        activations,
        [0, 1, 2].map((i) => logits[3 * i + 1]!),
      ),
    ).toBeLessThan(1e-5);
    const b = new GraphBuilder();
    b.output('p', softmax(b, b.input('x', [N, 3])));
    expect(relativeError(probabilities, evaluate(b.build(), { x: logits })['p']!)).toBeLessThan(1e-5);
    expect(result.activation).toBeCloseTo(activations.reduce((sum, a) => sum + a, 0) / N, 5);
    const means = LABELS.map((_, c) => [0, 1, 2].reduce((sum, i) => sum + probabilities[3 * i + c]!, 0) / N);
    expect(relativeError(result.probabilities, means)).toBeLessThan(1e-5);
    const again = await scorePictures(model, result.pixels, placeOf(model, 'logits', 0), referenceRuntime);
    expect(relativeError(again.units, logits)).toBeLessThan(1e-5);
  });

  it('says what it was, with the place of the unit', async () => {
    const run = await open({ layer: 'conv', unit: 2 });
    expect(run.report()).toMatchObject({
      model: { name: 'small-classifier', sha256: model.sha256 },
      unit: { index: 2, label: 'conv unit 2 at 1, 2' },
      place: { layer: 'conv', position: [1, 2] },
      settings: { optimiser: { rule: 'paper', normalise: 'each' } },
      windows: 1,
    });
    expect(run.report()).not.toHaveProperty('sequence');
    await run.close();
  });

  it('goes on from a checkpoint to the same bytes', async () => {
    for (const preset of ['paper-2016', 'default'] as const) {
      const settings: SynthesisOverrides =
        preset === 'default' ? { noise: 0.2, jitter: 1 } : { optimiser: { rule: 'paper', start: 0.5 } };
      const whole = await finished(await open({ preset, settings }));
      const begun = await open({ preset, settings });
      for (let i = 0; i < 3; i++) await begun.step();
      const resumed = await finished(await open({ preset, settings, resume: begun.checkpoint() }));
      await begun.close();
      expect(resumed.pixels).toEqual(whole.pixels);
      expect(resumed.activations).toEqual(whole.activations);
    }
  });

  it('needs no generator', async () => {
    const run = await open({ prior: PIXELS, settings: { optimiser: { rule: 'paper', start: 0.05 } }, iterations: 10 });
    const first = (await run.step())!;
    expect((await finished(run)).activation).toBeGreaterThan(first.activation);
  });
});

describe('a unit of a hidden layer', () => {
  it.each<[string, number, readonly [number, number] | undefined, [number, number] | null]>([
    ['hidden', 2, undefined, null],
    ['conv', 3, undefined, [1, 2]],
    ['conv', 0, [2, 0], [2, 0]],
  ])('of %s, number %d at %o is what is raised', async (layer, unit, position, place) => {
    const run = await open({ layer, unit, position, iterations: 8 });
    const first = (await run.step())!;
    const result = await finished(run);
    const units = unitsByHand(result.pixels, layer, place);
    const width = units.length / N;
    const wanted = [0, 1, 2].map((i) => units[i * width + unit]!);
    expect(relativeError(result.pictures!.activations, wanted)).toBeLessThan(1e-5);
    expect(result.activation).toBeGreaterThan(first.activation);
    // The probabilities are those of the labels all the same.
    expect(result.probabilities).toHaveLength(LABELS.length);
  });

  it('that there is not is refused', async () => {
    const cases: [Partial<SynthesisOptions>, string, RegExp][] = [
      [{ layer: 'nothing' }, 'UNIT_UNKNOWN', /there are: conv, hidden, logits/],
      [{ layer: 'hidden', unit: 3 }, 'UNIT_UNKNOWN', /no unit 3/],
      [{ layer: 'conv', unit: 0, position: [3, 0] }, 'UNIT_UNKNOWN', /no position 3, 0/],
      [{ layer: 'hidden', position: [0, 0] }, 'UNIT_UNKNOWN', /no rows and columns/],
      [{ unit: 0, position: [0, 0] }, 'UNIT_UNKNOWN', /no rows and columns/],
      [{ layer: 'hidden', unit: 'two' }, 'REQUEST_INVALID', /by its index/],
      [{ unit: 3 }, 'UNIT_UNKNOWN', /no unit 3/],
      [{ layer: 'hidden', settings: { objective: { kind: 'log_softmax' } } }, 'REQUEST_INVALID', /log_softmax/],
      [{ model: 'small', layer: 'nothing' }, 'UNIT_UNKNOWN', /there are: lstm, cell, logits, conv, gates/],
      [{ model: 'small', units: [0, 1, 0] }, 'REQUEST_INVALID', /small is a recogniser/],
      [{ model: 'small-prior' }, 'MODEL_UNKNOWN', /is a prior/],
    ];
    for (const [changes, code, message] of cases) {
      await expect(open(changes), JSON.stringify(changes)).rejects.toEqual(failure(code, message));
    }
  });

  it('is not of a network whose logits are not scores of its labels', () => {
    const wrong = { ...model, manifest: { ...model.manifest, labels: ['one', 'two'] } };
    expect(() => placeOf(wrong, 'hidden', 0)).toThrow(failure('MODEL_INVALID', /scores of 2 labels/));
    expect(() => placeOf({ ...model, graphs: {} }, 'hidden', 0)).toThrow(
      failure('MODEL_INVALID', /no graph "network"/),
    );
  });
});

describe('pictures of one batch', () => {
  /** A checkpoint of a run with only one of the pictures of another. */
  function alone(checkpoint: SynthesisCheckpoint, picture: number): SynthesisCheckpoint {
    const rows = (array: Float32Array, at: readonly number[]): Float32Array =>
      Float32Array.from(at.flatMap((row) => [...array.subarray(row * CODE, (row + 1) * CODE)]));
    const arrays = Object.entries(checkpoint.arrays).map(([name, array]): [string, Float32Array] => {
      if (name === 'activations') return [name, new Float32Array()];
      // The state of Adam holds identities, then movements.
      return [name, rows(array, array.length === N * CODE ? [picture] : [picture, N + picture])];
    });
    return { ...checkpoint, arrays: Object.fromEntries(arrays) };
  }

  it.each<[PresetName, SynthesisOverrides]>([
    ['paper-2016', { optimiser: { rule: 'paper', start: 0.5 } }],
    ['default', { noise: 0, jitter: 0 }],
  ])('come out as they would alone, with the preset %s', async (preset, settings) => {
    const together = await open({ preset, settings });
    const start = together.checkpoint();
    const result = await finished(together);
    const size = result.pixels.length / N;
    for (let picture = 0; picture < N; picture++) {
      const single = await finished(await open({ preset, settings, frames: 1, resume: alone(start, picture) }));
      const [ours, theirs] = [result.pixels.subarray(picture * size, (picture + 1) * size), single.pixels];
      expect(Math.max(...ours.map((x, i) => Math.abs(x - theirs[i]!)))).toBeLessThanOrEqual(1);
      expect(single.activation).toBeCloseTo(result.pictures!.activations[picture]!, 2);
    }
  });

  it('share one step size only when asked to', async () => {
    const moves = async (normalise: 'all' | 'each'): Promise<number[]> => {
      const run = await open({ settings: { optimiser: { rule: 'paper', start: 0.1, normalise } } });
      // Within the bounds, so that the update is the whole difference.
      const code = Float32Array.from({ length: N * CODE }, (_, i) => 0.4 + 0.1 * new Random(i).uniform());
      const checkpoint = run.checkpoint();
      const begun = await open({
        settings: { optimiser: { rule: 'paper', start: 0.1, normalise } },
        resume: { ...checkpoint, arrays: { ...checkpoint.arrays, code, shown: code } },
      });
      await begun.step();
      const after = begun.checkpoint().arrays['code']!;
      return [0, 1, 2].map((i) => {
        const own = Array.from({ length: CODE }, (_, k) => Math.abs(after[i * CODE + k]! / 0.99 - code[i * CODE + k]!));
        return own.reduce((sum, x) => sum + x, 0) / CODE;
      });
    };
    for (const size of await moves('each')) expect(size).toBeCloseTo(0.1, 4);
    const sizes = await moves('all');
    expect(sizes.reduce((sum, x) => sum + x, 0) / N).toBeCloseTo(0.1, 4);
    expect(Math.max(...sizes) / Math.min(...sizes)).toBeGreaterThan(1.05);
  });

  it('stop by themselves: one without a gradient stays as it is, and the others go on', async () => {
    let calls = 0;
    const stalled: Runtime = {
      ...referenceRuntime,
      async compile(graph) {
        const compiled = await referenceRuntime.compile(graph);
        return {
          close: () => compiled.close(),
          run: async (inputs) => {
            const outputs = await compiled.run(inputs);
            if (!outputs['codeGradient']) return outputs;
            calls++;
            // The first has no gradient, the second one that is no number.
            return {
              ...outputs,
              codeGradient: Float32Array.of(0, NaN, outputs['codeGradient'][2]!),
              code: (outputs['code'] as Float32Array).map((x, i) => (i < 2 * CODE ? NaN : x)),
            };
          },
        };
      },
    };
    const run = await open({ runtime: stalled });
    const before = run.checkpoint().arrays['code']!;
    for (let i = 0; i < 3; i++) expect(await run.step()).not.toBeNull();
    const after = run.checkpoint().arrays['code']!;
    expect(calls).toBe(3);
    expect(after.subarray(0, 2 * CODE)).toEqual(before.subarray(0, 2 * CODE));
    expect(after.subarray(2 * CODE)).not.toEqual(before.subarray(2 * CODE));
    expect(after.every(Number.isFinite)).toBe(true);
  });

  it('end the run when none has a gradient', async () => {
    const run = await open({ unit: 'dead' });
    await run.step();
    expect(await run.step()).toBeNull();
    expect((await run.finish()).ended).toBe('zero-gradient');
  });
});
