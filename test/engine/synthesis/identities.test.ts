/** What must be the same whichever way it is asked for. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { gradients } from '../../../src/engine/autodiff/gradients.js';
import { GraphBuilder } from '../../../src/engine/graph/graph.js';
import { Random } from '../../../src/engine/random.js';
import { evaluate } from '../../../src/engine/runtimes/reference/reference.js';
import { stateOfCodes, stateShape } from '../../../src/engine/synthesis/codes.js';
import { passOf } from '../../../src/engine/synthesis/pass.js';
import type { Settings } from '../../../src/engine/synthesis/presets.js';
import type { Task } from '../../../src/engine/synthesis/scene.js';
import { sequenceForm } from '../../../src/engine/synthesis/sequences.js';
import type { SynthesisOptions } from '../../../src/engine/synthesis/synthesise.js';
import type { SynthesisCheckpoint } from '../../../src/engine/synthesis/types.js';
import type { SynthesisOverrides } from '../../../src/protocol/synthesis.js';
import { CODE, relativeError } from '../small-models.js';
import { CLASSIFIER, finished, passInputs, smallRuns, type SmallRuns } from './small-runs.js';

const T = 7;
let runs: SmallRuns;
beforeAll(async () => {
  runs = await smallRuns();
});
afterAll(() => runs.close());

/** Codes, objective and gradient of a state. */
function readState(task: Task, settings: Settings, state: Float32Array) {
  const b = new GraphBuilder();
  const value = b.input('state', stateShape(task, settings));
  const { codes, objective } = passOf(b, task, settings, value);
  b.output('codes', codes);
  b.output('value', objective);
  b.output('slope', gradients(b, objective, [value])[0]!);
  return evaluate(b.build(), { state, ...passInputs(task, settings) });
}

const FREE: SynthesisOverrides = { bounds: { kind: 'none' }, penalties: { smoothness: 0.3, acceleration: 0.2 } };

describe('all coefficients of a cosine transform', () => {
  it.each(['raw', 'whitened'] as const)(
    'are free codes: the same codes and objective, the gradient turned (%s)',
    (codes) => {
      const sequences = [{ form: 'free' }, { form: 'dct', coefficients: T }] as const;
      const [free, dct] = sequences.map((sequence) =>
        runs.task({ frames: T, settings: { ...FREE, codes, sequence } }),
      ) as [ReturnType<SmallRuns['task']>, ReturnType<SmallRuns['task']>];
      const { matrix } = sequenceForm(dct.settings.sequence, T);
      const [rows] = stateShape(free.task, free.settings);
      const state = new Random('dct').normals(rows * CODE, 0.5);
      const shared = codes === 'raw' ? 0 : CODE;
      // Coefficients of the same controls: the transform is orthonormal.
      const turned = (x: ArrayLike<number>): Float32Array =>
        Float32Array.from({ length: x.length }, (_, at) => {
          if (at < shared) return x[at]!;
          const [k, d] = [Math.floor((at - shared) / CODE), (at - shared) % CODE];
          return Array.from({ length: T }, (_t, t) => matrix![t * T + k]! * x[shared + t * CODE + d]!).reduce(
            (a, b) => a + b,
          );
        });
      const one = readState(free.task, free.settings, state);
      const two = readState(dct.task, dct.settings, turned(state));
      expect(relativeError(two['codes']!, one['codes']!)).toBeLessThan(1e-5);
      expect(two['value']![0]).toBeCloseTo(one['value']![0]!, 5);
      expect(relativeError(two['slope']!, turned(one['slope']!))).toBeLessThan(1e-5);
    },
  );

  it('and more than there are frames make no more than that', async () => {
    const sequence = { form: 'dct', coefficients: 4096 } as const;
    const run = await runs.open({ frames: T, settings: { sequence } });
    expect(run.checkpoint().arrays['code']).toHaveLength(T * CODE);
    await run.close();
  });
});

describe('keyframes at every frame', () => {
  it('are free codes, to the byte', async () => {
    const optimiser = { rule: 'adam', rate: 0.1 } as const;
    const sequence = { form: 'keyframes', every: 1, interpolation: 'cubic' } as const;
    const own = await finished(await runs.open({ frames: T, settings: { optimiser, sequence } }));
    const free = await finished(await runs.open({ frames: T, settings: { optimiser, sequence: { form: 'free' } } }));
    expect(own).toEqual(free);
  });
});

describe('the state of given codes', () => {
  it.each([
    ['raw', 'free', T],
    ['raw', 'dct', T],
    ['whitened', 'free', T],
    ['whitened', 'dct', T],
    ['whitened', 'free', 1],
  ] as const)('has those codes: %s, %s, %i frames', (codes, form, frames) => {
    const sequence = form === 'dct' ? ({ form, coefficients: frames } as const) : ({ form } as const);
    const { task, settings } = runs.task({ frames, settings: { codes, sequence, bounds: { kind: 'none' } } });
    const wanted = new Random('codes').normals(frames * CODE, 0.3).map((x) => x + 0.8);
    const state = stateOfCodes(task, settings, wanted);
    expect(relativeError(readState(task, settings, state)['codes']!, wanted)).toBeLessThan(1e-4);
    if (codes === 'raw') return;
    // What the frames have in common is the identity's: it is not left at nothing.
    expect(Math.max(...state.subarray(0, CODE).map(Math.abs))).toBeGreaterThan(0.01);
  });

  it('is nothing where the codes are the mean', () => {
    const { task, settings } = runs.task({ frames: T, settings: { codes: 'whitened' } });
    const { mean } = task.prior.statistics;
    const state = stateOfCodes(
      task,
      settings,
      Float32Array.from({ length: T * CODE }, (_, i) => mean[i % CODE]!),
    );
    expect(Math.max(...state.map(Math.abs))).toBe(0);
  });
});

describe('a batch of pictures', () => {
  const N = 3;

  /** The checkpoint of one picture of a batch. */
  function alone(checkpoint: SynthesisCheckpoint, picture: number, size: number): SynthesisCheckpoint {
    const arrays = Object.entries(checkpoint.arrays).map(([name, array]): [string, Float32Array] => {
      if (name === 'activations') return [name, new Float32Array()];
      const rows = array.length === N * size ? [picture] : [picture, N + picture];
      return [name, Float32Array.from(rows.flatMap((row) => [...array.subarray(row * size, (row + 1) * size)]))];
    });
    return { ...checkpoint, arrays: Object.fromEntries(arrays) };
  }

  it.each<[string, Partial<SynthesisOptions>, SynthesisOverrides]>([
    ['paper, pixels', { prior: 'pixels' }, { optimiser: { rule: 'paper', start: 0.02 } }],
    ['Adam, Fourier, whitened', { prior: 'fourier', preset: 'default' }, { jitter: 0, noise: 0 }],
    ['Adam, waves on top, whitened', { preset: 'default' }, { detail: 0.5, jitter: 0, noise: 0 }],
    ['Adam, blurred', { prior: 'pixels', preset: 'default' }, { jitter: 0, noise: 0, blur: { every: 2, sigma: 0.5 } }],
    ['PPGN', {}, { optimiser: { rule: 'ppgn', eps1: 0.05, eps2: 0.1, eps3: 0 } }],
    ['sphere', {}, { optimiser: { rule: 'adam' }, bounds: { kind: 'sphere' } }],
    ['joint', {}, { optimiser: { rule: 'adam' }, objective: { kind: 'joint', with: [{ unit: 'one' }] } }],
    ['penalties', {}, { optimiser: { rule: 'adam' }, penalties: { code: 0.1, l2: 1, manifold: 0.1, patch: 0.001 } }],
  ])('is its single runs: %s', async (_name, options, settings) => {
    const common = { model: CLASSIFIER, ...options, settings };
    const units = ['one', 'two', 'two'];
    const together = await runs.open({ ...common, units, frames: N });
    const start = together.checkpoint();
    const { size } = runs.task({ ...common, frames: 1 }).task.prior;
    const result = await finished(together);
    const bytes = result.pixels.length / N;
    for (let picture = 0; picture < N; picture++) {
      const resume = alone(start, picture, size);
      const single = await finished(await runs.open({ ...common, unit: units[picture], frames: 1, resume }));
      const own = result.pixels.subarray(picture * bytes, (picture + 1) * bytes);
      expect(Math.max(...own.map((x, i) => Math.abs(x - single.pixels[i]!)))).toBeLessThanOrEqual(1);
      expect(single.activation).toBeCloseTo(result.pictures!.activations[picture]!, 2);
    }
  });
});
