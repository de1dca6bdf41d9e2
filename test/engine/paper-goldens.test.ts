/**
 * The preset `paper-2016` against trajectories that another program computed in float64: a generator and two networks in
 * Caffe's format, imported, and run iteration by iteration. In float32 the longest steps let rounding grow until it moves
 * a unit over the kink of a rectifier or a maximum; from there on two float32 programs go ways of their own. So each step
 * is taken from the reference's codes, whole runs are followed up to such a kink, and one is run in float64.
 */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { importModel, type ImportOptions } from '../../src/engine/formats/import.js';
import { GraphBuilder, type Value } from '../../src/engine/graph/graph.js';
import { placeOf } from '../../src/engine/models/classifier.js';
import { generatorPrior } from '../../src/engine/models/prior.js';
import { ModelRegistry } from '../../src/engine/models/registry.js';
import { softmax } from '../../src/engine/ops/softmax.js';
import { openOnnxRuntime } from '../../src/engine/runtimes/onnxruntime/onnxruntime.js';
import { referenceRuntime } from '../../src/engine/runtimes/reference/reference.js';
import type { Runtime, Tensors } from '../../src/engine/runtimes/runtime.js';
import { paperPass, paperStepGraph } from '../../src/engine/synthesis/paper-step.js';
import { PRESETS, type PaperSettings } from '../../src/engine/synthesis/presets.js';
import { controlInputs } from '../../src/engine/synthesis/controls.js';
import { scoresOf, seenPictures, type Task } from '../../src/engine/synthesis/scene.js';
import { openSynthesis, type Synthesis, type SynthesisOptions } from '../../src/engine/synthesis/synthesise.js';
import { sharedJson, sharedNpy, sharedPart, sharedPath } from '../shared-data.js';
import { relativeError, removeFolder, temporaryFolder } from './small-models.js';

/** The mean that the networks' numbers lack; any would do here, since generator and networks count alike. */
const MEAN = [104, 117, 123] as const;
const CODE = 32;

interface Run {
  readonly name: string;
  readonly layer?: string;
  readonly unit?: number;
  readonly xy?: number;
  readonly start: number;
  readonly end: number;
  readonly n: number;
  readonly max_abs_diff_activation_f32_f64_per_iteration?: readonly number[];
}

const { missing, note } = sharedPart('goldens', 'tiny-dgn', 'index.json');
const dgn = (file: string): Float64Array => sharedNpy('goldens', 'tiny-dgn', file).data as Float64Array;
const video = (file: string): ArrayLike<number> => sharedNpy('goldens', 'tiny-video', file).data;

const largest = (actual: ArrayLike<number>, wanted: ArrayLike<number>): number => {
  expect(actual.length).toBe(wanted.length);
  return Array.from(wanted).reduce((worst, x, i) => Math.max(worst, Math.abs(x - actual[i]!)), 0);
};

/** RGB bytes [T, h, w, 3] of a network's numbers [T, 3, h, w], BGR minus the mean. */
function bytesOf(numbers: ArrayLike<number>, plane: number): number[] {
  return Array.from({ length: numbers.length }, (_, at) => {
    const [frame, place, rgb] = [Math.floor(at / (3 * plane)), Math.floor(at / 3) % plane, at % 3];
    const channel = 2 - rgb;
    const byte = numbers[(frame * 3 + channel) * plane + place]! + MEAN[channel]!;
    return Math.min(Math.max(Math.round(byte), 0), 255);
  });
}

describe.skipIf(missing)(`the published algorithm${note}`, () => {
  const folder = temporaryFolder();
  const registry = ModelRegistry.open({ folders: [folder] });
  let onnx: Runtime;
  beforeAll(async () => {
    onnx = await openOnnxRuntime();
    const add = (name: string, more: Partial<ImportOptions>): Promise<unknown> =>
      importModel({
        ...{ path: sharedPath('models', name), name, out: folder, order: 'bgr', mean: MEAN, scale: 1, licence: 'free' },
        ...more,
      });
    const weights = sharedPath('models', 'tiny-alexnet', 'tiny-alexnet.caffemodel');
    await add('tiny-dgn', { bounds: sharedPath('goldens', 'tiny-dgn', 'bound.txt') });
    await add('tiny-alexnet', { path: sharedPath('models', 'tiny-alexnet', 'tiny-alexnet.prototxt'), weights });
    await add('tiny-lrcn', { sequence: { rule: 'whole' } });
  });
  afterAll(() => removeFolder(folder));

  const prior = (): ReturnType<typeof generatorPrior> => generatorPrior(registry.loadPrior('tiny-dgn'));

  /** Runs a graph of codes [T, 32] once. */
  async function once(
    codes: ArrayLike<number>,
    build: (b: GraphBuilder, code: Value) => Record<string, Value>,
    given: Tensors = {},
  ): Promise<Tensors> {
    const b = new GraphBuilder();
    const code = b.input('code', [codes.length / CODE, CODE]);
    for (const [name, value] of Object.entries(build(b, code))) b.output(name, value);
    const compiled = await onnx.compile(b.build(), { threads: 1 });
    const results = await compiled.run({ code: Float32Array.from(codes), ...given });
    await compiled.close();
    return results;
  }

  /** A run that starts from these codes. */
  async function open(codes: ArrayLike<number>, run: Run, changes: Partial<SynthesisOptions>): Promise<Synthesis> {
    const options: SynthesisOptions = {
      ...{ registry, model: 'tiny-alexnet', prior: 'tiny-dgn', preset: 'paper-2016', frames: codes.length / CODE },
      ...{
        seed: 1,
        iterations: run.n,
        settings: { optimiser: { rule: 'paper', start: run.start, end: run.end } },
        runtime: onnx,
        threads: 1,
      },
      ...changes,
    };
    const any = await openSynthesis(options);
    const code = Float32Array.from(codes);
    const resume = { ...any.checkpoint(), arrays: { code, shown: code, activations: new Float32Array() } };
    await any.close();
    return openSynthesis({ ...options, resume });
  }

  const settingsOf = ({ start, end, n }: Run): PaperSettings => ({
    ...PRESETS['paper-2016'].generator,
    optimiser: { ...(PRESETS['paper-2016'].generator as PaperSettings).optimiser, start, end },
    iterations: n,
  });

  /** The step graph of a run: from codes before an iteration to those after it, and the activation before it. */
  async function stepper(
    task: Task,
    run: Run,
    runtime: Runtime,
  ): Promise<
    (codes: ArrayLike<number>, iteration: number) => Promise<{ code: ArrayLike<number>; activation: number }>
  > {
    const compiled = await runtime.compile(paperStepGraph(task, settingsOf(run)), { threads: 1 });
    return async (codes, iteration) => {
      const step = Float32Array.of(run.start + ((run.end - run.start) * iteration) / run.n);
      const controls = controlInputs(task, settingsOf(run));
      const outputs = await compiled.run({ code: Float32Array.from(codes), step, ...controls });
      return { code: outputs['code']!, activation: outputs['activation']![0]! };
    };
  }

  /**
   * Follows a run from its first codes to the end, or to where it leaves the reference. There, float64 arithmetic must do
   * with the same codes what float32 did.
   * @param row the reference's codes before each iteration.
   * @returns the run, and how many iterations it is within `tolerance` of the reference.
   */
  async function followed(
    run: Run,
    changes: Partial<SynthesisOptions>,
    task: Task,
    row: (i: number) => ArrayLike<number>,
    tolerance: number,
  ): Promise<{ synthesis: Synthesis; iterations: number }> {
    const synthesis = await open(row(0), run, changes);
    for (let i = 0; i < run.n; i++) {
      const before = synthesis.checkpoint().arrays['code']!;
      await synthesis.step();
      const after = synthesis.checkpoint().arrays['code']!;
      if (largest(after, row(i + 1)) < tolerance) continue;
      const { code } = await (await stepper(task, run, referenceRuntime))(before, i);
      expect(largest(after, code), `codes of iteration ${i} against float64`).toBeLessThan(1e-4);
      return { synthesis, iterations: i };
    }
    return { synthesis, iterations: run.n };
  }

  describe.each([
    ['start8', 1e-3],
    ['start1', 5e-5],
    ['conv2', 5e-5],
  ])('for an image, run %s', (name, tolerance) => {
    const run = sharedRun('tiny-dgn', name);
    // The blob before its rectifier, which works in place.
    const target: Partial<SynthesisOptions> =
      run.layer === 'fc8' ? { unit: run.unit } : { unit: run.unit, layer: 'conv2@conv2', position: [run.xy!, run.xy!] };
    const codes = missing ? new Float64Array() : dgn(`${name}.codes.f64.npy`);
    const row = (i: number): Float64Array => codes.subarray(i * CODE, (i + 1) * CODE);

    const task = (): Task => {
      const model = registry.loadClassifier('tiny-alexnet');
      const place = placeOf(model, target.layer ?? 'logits', run.unit!, target.position);
      return { model, prior: prior(), unit: run.unit!, frames: 1, place };
    };

    const wantedActivations = (): Float64Array => dgn(`${name}.activations.f64.npy`);

    it('takes every step of the reference', async () => {
      const spread = Math.max(...run.max_abs_diff_activation_f32_f64_per_iteration!);
      const step = await stepper(task(), run, onnx);
      for (let i = 0; i < run.n; i++) {
        const { code, activation } = await step(row(i), i);
        expect(largest(code, row(i + 1)), `codes after iteration ${i}`).toBeLessThan(tolerance);
        expect(Math.abs(activation - wantedActivations()[i]!), `activation ${i}`).toBeLessThan(4 * spread);
      }
    });

    it('follows the reference by itself, and ends with its last crop', async () => {
      const { synthesis, iterations } = await followed(run, target, task(), row, tolerance);
      expect(iterations).toBeGreaterThanOrEqual(name === 'start8' ? 10 : run.n);
      if (iterations === run.n) await expectLastCrop(synthesis, tolerance);
      await synthesis.close();
    });

    /** The crop of the codes before the last update, as numbers and as bytes. */
    async function expectLastCrop(synthesis: Synthesis, within: number): Promise<void> {
      const crop = dgn(`${name}.last_crop.f64.npy`);
      const { pixels } = await synthesis.finish();
      expect(largest(pixels, bytesOf(crop, 28 * 28))).toBeLessThanOrEqual(1);
      const { shown } = synthesis.checkpoint().arrays;
      const { pictures } = await once(shown!, (b, code) => ({ pictures: seenPictures(b, task(), code) }));
      expect(relativeError(pictures!, crop)).toBeLessThan(within);
    }

    if (name === 'start8') {
      it('is that of the reference from beginning to end in float64', async () => {
        const synthesis = await open(row(0), run, { ...target, runtime: referenceRuntime });
        for (let i = 0; i < run.n; i++) {
          const { activation } = (await synthesis.step())!;
          expect(Math.abs(activation - wantedActivations()[i]!), `activation ${i}`).toBeLessThan(1e-5);
          const { code } = synthesis.checkpoint().arrays;
          expect(largest(code!, row(i + 1)), `codes after iteration ${i}`).toBeLessThan(1e-4);
        }
        expect(await synthesis.step()).toBeNull();
        await expectLastCrop(synthesis, 1e-5);
      });
    }

    it('ends with codes of the final image', async () => {
      const { image } = await once(row(run.n), (b, code) => ({ image: prior().build(b, code) }));
      expect(relativeError(image!, dgn(`${name}.final_image.f64.npy`))).toBeLessThan(1e-5);
    });

    it('has the arrays of the reference within its first iteration', async () => {
      const settings = settingsOf(run);
      const results = await once(
        row(0),
        (b, code) => {
          const pass = paperPass(b, task(), settings, code, b.scalar(run.start));
          const { pictures: crop, pictureGradient, change, codeGradient } = pass;
          return { image: prior().build(b, code), crop, pictureGradient, change, codeGradient };
        },
        controlInputs(task(), settings),
      );
      const wanted = (what: string): Float64Array => dgn(`${name}.iter0.${what}.f64.npy`);
      expect(relativeError(results['image']!, wanted('image'))).toBeLessThan(1e-5);
      expect(relativeError(results['crop']!, wanted('crop'))).toBeLessThan(1e-5);
      expect(relativeError(results['pictureGradient']!, wanted('grad_image'))).toBeLessThan(1e-5);
      expect(relativeError(results['codeGradient']!, wanted('grad_code'))).toBeLessThan(1e-5);
      // The change of the crop, in a picture of zeros.
      const diff = wanted('diff');
      const pasted = new Float64Array(diff.length);
      results['change']!.forEach((x, i) => {
        const [channel, y, z] = [Math.floor(i / 784), Math.floor(i / 28) % 28, i % 28];
        pasted[(channel * 32 + y + 2) * 32 + z + 2] = x;
      });
      expect(relativeError(pasted, diff)).toBeLessThan(1e-5);
    });
  });

  describe.each([
    ['start4', 1e-3],
    ['start1', 1e-4],
  ])('for a video of 16 frames, run %s', (name, tolerance) => {
    const run = sharedRun('tiny-video', name);
    const codes = missing ? [] : video(`${name}.codes.f64.npy`);
    const size = 16 * CODE;
    const rows = (i: number): number[] => Array.from(codes).slice(i * size, (i + 1) * size);
    const task = (): Task => ({
      model: registry.loadRecogniser('tiny-lrcn'),
      ...{ prior: prior(), unit: 2, frames: 16 },
    });

    const target: Partial<SynthesisOptions> = { model: 'tiny-lrcn', unit: 2 };

    it('takes every step of the reference', async () => {
      const objective = video(`${name}.objective.f64.npy`);
      const step = await stepper(task(), run, onnx);
      for (let i = 0; i < run.n; i++) {
        const { code, activation } = await step(rows(i), i);
        expect(largest(code, rows(i + 1)), `codes after iteration ${i}`).toBeLessThan(tolerance);
        expect(Math.abs(activation - objective[2 * i]!), `objective ${i}`).toBeLessThan(1e-5);
      }
    });

    it('follows the reference by itself', async () => {
      const { synthesis, iterations } = await followed(run, target, task(), rows, tolerance);
      expect(iterations).toBeGreaterThanOrEqual(name === 'start4' ? 5 : run.n);
      await synthesis.close();
    });

    it('ends with codes of the final frames, which the recogniser sees as the reference does', async () => {
      const { frames, probabilities } = await once(rows(run.n), (b, code) => {
        const seen = seenPictures(b, task(), code);
        return {
          frames: prior().build(b, code),
          probabilities: softmax(b, scoresOf(b, task(), seen).steps),
        };
      });
      expect(relativeError(frames!, video(`${name}.final_frames.f64.npy`))).toBeLessThan(1e-5);
      expect(largest(probabilities!, video(`${name}.final_probs.f64.npy`))).toBeLessThan(1e-5);
    });

    it('has the gradients of the reference in its first iteration', async () => {
      const results = await once(
        rows(0),
        (b, code) => {
          const { pictureGradient, codeGradient } = paperPass(b, task(), settingsOf(run), code, b.scalar(run.start));
          return { pictureGradient, codeGradient };
        },
        controlInputs(task(), settingsOf(run)),
      );
      const wanted = (what: string): ArrayLike<number> => video(`${name}.iter0.${what}.f64.npy`);
      expect(relativeError(results['pictureGradient']!, wanted('grad_image'))).toBeLessThan(1e-5);
      expect(relativeError(results['codeGradient']!, wanted('grad_codes'))).toBeLessThan(1e-5);
    });
  });
});

function sharedRun(folder: string, name: string): Run {
  if (missing) return { name, start: 1, end: 0, n: 1 };
  const { runs } = sharedJson<{ runs: readonly Run[] }>('goldens', folder, 'index.json');
  return runs.find((run) => run.name === name)!;
}
