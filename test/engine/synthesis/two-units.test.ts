/** Two units in one input (equation 2 of the supplement), as the harness has it: its value and its gradient to the code. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { gradients } from '../../../src/engine/autodiff/gradients.js';
import { importModel } from '../../../src/engine/formats/import.js';
import { GraphBuilder, type Value } from '../../../src/engine/graph/graph.js';
import { ModelRegistry } from '../../../src/engine/models/registry.js';
import { min, mul, sub } from '../../../src/engine/ops/elementwise.js';
import { reshape, sliceAxis } from '../../../src/engine/ops/layout.js';
import { mean } from '../../../src/engine/ops/reduce.js';
import { Random } from '../../../src/engine/random.js';
import { evaluate } from '../../../src/engine/runtimes/reference/reference.js';
import { openOnnxRuntime } from '../../../src/engine/runtimes/onnxruntime/onnxruntime.js';
import { stateShape } from '../../../src/engine/synthesis/codes.js';
import { codeLength } from '../../../src/engine/synthesis/objectives.js';
import { openTask } from '../../../src/engine/synthesis/open-task.js';
import { passOf, type Pass } from '../../../src/engine/synthesis/pass.js';
import type { Settings } from '../../../src/engine/synthesis/presets.js';
import { isOfPictures, type Task } from '../../../src/engine/synthesis/scene.js';
import type { SynthesisOverrides } from '../../../src/protocol/synthesis.js';
import { sharedJson, sharedNpy, sharedPart, sharedPath } from '../../shared-data.js';
import { CODE, relativeError, removeFolder, temporaryFolder } from '../small-models.js';
import { CLASSIFIER, passInputs, RECOGNISER, smallRuns, type SmallRuns } from './small-runs.js';

const LAMBDA = 0.01;
let runs: SmallRuns;
beforeAll(async () => {
  runs = await smallRuns();
});
afterAll(() => runs.close());

/** 2 min(a1, a2) - lambda ||y||, built without the objective. */
function twiceTheMinimum(b: GraphBuilder, task: Task, { scores, codes }: Pass): Value {
  const axes = isOfPictures(task) ? [1] : [0, 1];
  const [one, two] = [1, 0].map((unit) => mean(b, sliceAxis(b, scores.steps, 2, unit, unit + 1), axes)) as [
    Value,
    Value,
  ];
  const least = mul(b, min(b, one, two), b.scalar(2));
  const length = mul(b, codeLength(b, codes, isOfPictures(task)), b.scalar(LAMBDA));
  return mean(b, sub(b, least, length), undefined, false);
}

const joint = (gamma: number, unit: number | string): SynthesisOverrides => ({
  objective: { kind: 'joint', with: [{ unit }], lambda: LAMBDA, gamma },
});

describe('two units with gamma 1', () => {
  it.each([
    ['pictures of a classifier', CLASSIFIER, 3],
    ['the video of a recogniser', RECOGNISER, 6],
  ])('are twice the lesser one less the penalty, value and gradient: %s', (_what, model, frames) => {
    const { task, settings } = runs.task({ model, frames, unit: 'two', settings: joint(1, 'one') });
    const b = new GraphBuilder();
    const state = b.input('state', stateShape(task, settings));
    const pass = passOf(b, task, settings, state);
    const wanted = twiceTheMinimum(b, task, pass);
    b.output('value', pass.objective);
    b.output('wanted', wanted);
    b.output('gradient', gradients(b, pass.objective, [state])[0]!);
    b.output('wantedGradient', gradients(b, wanted, [state])[0]!);
    const graph = b.build();
    for (const seed of [1, 2, 3]) {
      const codes = new Random(seed).normals(frames * CODE, 0.5).map((x) => x + 0.6);
      const results = evaluate(graph, { state: codes, ...passInputs(task, settings) });
      expect(results['value']![0]).toBeCloseTo(results['wanted']![0]!, 10);
      expect(relativeError(results['gradient']!, results['wantedGradient']!)).toBeLessThan(1e-9);
    }
  });

  it('are both told at each iteration and at the end', async () => {
    const run = await runs.open({ model: CLASSIFIER, frames: 2, unit: 'two', settings: joint(1, 'one') });
    const first = (await run.step())!;
    expect(first.unitActivations).toHaveLength(2);
    expect(first.unitActivations![0]).toBe(first.activation);
    while (await run.step());
    const result = await run.finish();
    expect(result.unitActivations).toHaveLength(2);
    expect(result.pictures!.units.map((unit) => unit.length)).toEqual([2, 2]);
    await run.close();
  });
});

interface Golden {
  units: [number, number];
  lambda: number;
  cases: { gamma: number; code: number; value: number; gradient: string }[];
}
const golden = sharedPart('goldens', 'two-units', 'index.json');

describe.skipIf(golden.missing)(`two units through an imported generator${golden.note}`, () => {
  const folder = temporaryFolder();
  afterAll(() => removeFolder(folder));

  /** Value and gradient of the objective of a run, as a function of a code. */
  async function objectiveOf(task: Task, settings: Settings) {
    const b = new GraphBuilder();
    const state = b.input('state', stateShape(task, settings));
    const { objective } = passOf(b, task, settings, state);
    b.output('value', reshape(b, objective, [1]));
    b.output('gradient', gradients(b, objective, [state])[0]!);
    const compiled = await (await openOnnxRuntime()).compile(b.build(), { threads: 1 });
    return async (code: Float32Array) => {
      const { value, gradient } = await compiled.run({ state: code, ...passInputs(task, settings) });
      return { value: value![0]!, gradient: gradient! };
    };
  }

  it('have the value and the gradient of the reference', async () => {
    const common = { out: folder, order: 'bgr', mean: [104, 117, 123], scale: 1, licence: 'free' } as const;
    const bounds = sharedPath('goldens', 'tiny-dgn', 'bound.txt');
    await importModel({ ...common, path: sharedPath('models', 'tiny-dgn'), name: 'tiny-dgn', bounds });
    const weights = sharedPath('models', 'tiny-alexnet', 'tiny-alexnet.caffemodel');
    const path = sharedPath('models', 'tiny-alexnet', 'tiny-alexnet.prototxt');
    await importModel({ ...common, path, name: 'tiny-alexnet', weights });
    const registry = ModelRegistry.open({ folders: [folder] });
    const index = sharedJson<Golden>('goldens', 'two-units', 'index.json');
    const codes = sharedNpy('goldens', 'two-units', 'codes.npy').data;
    const [unit, other] = index.units;
    for (const { gamma, code, value: wanted, gradient: file } of index.cases) {
      const { task, settings } = openTask({
        ...{ registry, model: 'tiny-alexnet', prior: 'tiny-dgn', unit, frames: 1, seed: 1, preset: 'paper-2016' },
        settings: { objective: { kind: 'joint', with: [{ unit: other }], lambda: index.lambda, gamma } },
      });
      const { value, gradient } = await (
        await objectiveOf(task, settings)
      )(Float32Array.from(codes.slice(32 * code, 32 * (code + 1))));
      expect(Math.abs(value - wanted), `gamma ${gamma}, code ${code}`).toBeLessThan(3e-5);
      expect(relativeError(gradient, sharedNpy('goldens', 'two-units', file).data)).toBeLessThan(3e-5);
    }
  });
});
