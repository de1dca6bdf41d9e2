/** Every objective with every prior: what is maximised rises within three steps. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { SynthesisOptions } from '../../../src/engine/synthesis/synthesise.js';
import { SYNTHESIS_PARTS, type SynthesisObjective, type SynthesisOverrides } from '../../../src/protocol/synthesis.js';
import { CLASSIFIER, reached, RECOGNISER, smallRuns, type SmallRuns } from './small-runs.js';

let runs: SmallRuns;
beforeAll(async () => {
  runs = await smallRuns();
});
afterAll(() => runs.close());

type Kind = SynthesisObjective['kind'];
type Case = readonly [string, Partial<SynthesisOptions>, SynthesisOverrides['objective']];

const OTHER = { unit: 'one' };

/** Each kind of objective, of a classifier. */
const OF_PICTURES: Record<Kind, readonly Case[]> = {
  logit: [
    ['logit of a label', {}, { kind: 'logit' }],
    ['logit of a hidden unit', { layer: 'hidden', unit: 1 }, { kind: 'logit' }],
    ['logit of a unit of maps', { layer: 'conv', unit: 2, position: [0, 3] }, { kind: 'logit' }],
  ],
  log_softmax: [['log_softmax', {}, { kind: 'log_softmax' }]],
  truncated_softmax: [['truncated_softmax', {}, { kind: 'truncated_softmax' }]],
  logit_difference: [
    ['logit_difference, of all others', {}, { kind: 'logit_difference' }],
    ['logit_difference, of one', {}, { kind: 'logit_difference', rivals: ['one'] }],
  ],
  channel: [['channel', { layer: 'conv', unit: 1 }, { kind: 'channel' }]],
  direction: [['direction', {}, { kind: 'direction', vector: [-0.3, 0.8, 0.1] }]],
  weighted: [
    ['weighted, of layers', {}, { kind: 'weighted', weight: 1, with: [{ unit: 0, layer: 'hidden', weight: -0.5 }] }],
  ],
  joint: [['joint', {}, { kind: 'joint', with: [OTHER], lambda: 0.01, gamma: 1 }]],
};

/** Each kind of objective, of a recogniser: on windows, frames, and hidden and cell units of its recurrent part. */
const OF_VIDEOS: Record<Kind, readonly Case[]> = {
  logit: [
    ['logit of a label', {}, { kind: 'logit' }],
    ['logit in one window', {}, { kind: 'logit', window: 1 }],
    ['hidden unit of the LSTM', { layer: 'lstm', unit: 1 }, { kind: 'logit' }],
    ['cell of the LSTM in one window', { layer: 'cell', unit: 2 }, { kind: 'logit', window: 0 }],
    ['unit of maps in the frames of a window', { layer: 'conv', unit: 3 }, { kind: 'logit', window: 1 }],
  ],
  log_softmax: [['log_softmax in one window', {}, { kind: 'log_softmax', window: 1 }]],
  truncated_softmax: [['truncated_softmax', {}, { kind: 'truncated_softmax' }]],
  logit_difference: [['logit_difference in one window', {}, { kind: 'logit_difference', window: 0 }]],
  channel: [['channel', { layer: 'conv', unit: 3 }, { kind: 'channel' }]],
  direction: [['direction of cells', { layer: 'cell', unit: 0 }, { kind: 'direction', vector: [0.5, -1, 0.5] }]],
  weighted: [
    [
      'weighted, of layers, in one window',
      {},
      {
        kind: 'weighted',
        weight: 1,
        with: [
          { unit: 1, layer: 'cell', weight: 0.5 },
          { unit: 0, layer: 'conv', weight: 0.1 },
        ],
        window: 1,
      },
    ],
  ],
  joint: [['joint with a cell', {}, { kind: 'joint', with: [{ unit: 0, layer: 'cell' }], lambda: 0.01, gamma: 1 }]],
};

/** Each prior, with steps of a size that suits its codes. */
const PRIORS: readonly (readonly [string, string, SynthesisOverrides])[] = [
  ['a generator', 'small-prior', {}],
  ['a generator with waves on top', 'small-prior', { detail: 0.5 }],
  ['pixels', 'pixels', {}],
  ['Fourier coefficients', 'fourier', {}],
  ['pixels with the patch prior', 'pixels', { penalties: { patch: 1e-4 } }],
];

/** Each rule, with small steps. */
const RULES: readonly SynthesisOverrides['optimiser'][] = [
  { rule: 'paper', start: 0.02, decay: 1 },
  { rule: 'adam', rate: 0.02, schedule: 'constant' },
  { rule: 'ppgn', eps1: 0, eps2: 0.02, eps3: 0 },
];

const RAW: SynthesisOverrides = { codes: 'raw', sequence: { form: 'free' }, bounds: { kind: 'none' } };

describe.each([
  ['a classifier', CLASSIFIER, OF_PICTURES],
  ['a recogniser', RECOGNISER, OF_VIDEOS],
] as const)('within three steps, of %s,', (_what, model, table) => {
  const cases = SYNTHESIS_PARTS.objective.members.flatMap((member) => table[member.shape.kind.value]);

  it.each(cases)('%s rises with every prior and rule', async (_name, what, objective) => {
    for (const [prior, name, extra] of PRIORS) {
      for (const optimiser of RULES) {
        const settings = { ...RAW, ...extra, objective, optimiser } as SynthesisOverrides;
        const options = { model, prior: name, unit: 'two', frames: 6, iterations: 3, ...what, settings };
        const { task, settings: complete } = runs.task(options);
        const run = await runs.open(options);
        const start = run.checkpoint().arrays;
        const before = reached(task, complete, start['state'] ?? start['code']!);
        while (await run.step({ pixels: false }));
        const end = run.checkpoint().arrays;
        const after = reached(task, complete, end['state'] ?? end['code']!);
        // The truncated softmax has the gradient of another function than its value.
        const key = objective!.kind === 'truncated_softmax' ? 'activation' : 'objective';
        expect(after[key]!, `${prior}, ${optimiser!.rule}`).toBeGreaterThan(before[key]!);
        await run.close();
      }
    }
  });
});

describe('an objective on a window', () => {
  it('is what is told and what the final video is scored by', async () => {
    const settings = { objective: { kind: 'logit', window: 1 } } as const;
    const whole = await runs.open({ frames: 8, seed: 3 });
    const [all] = [await whole.step(), await whole.close()];
    const run = await runs.open({ frames: 8, seed: 3, settings, iterations: 1 });
    const one = (await run.step())!;
    expect(one.activation).not.toBeCloseTo(all!.activation, 4);
    expect(one.frameActivations).toEqual(all!.frameActivations);
    const { activation } = await run.finish();
    expect(activation).toBeCloseTo(one.activation, 1);
    await run.close();
  });

  it('that there is not is refused, and so is one of pictures', async () => {
    const settings = { objective: { kind: 'logit', window: 9 } } as const;
    await expect(runs.open({ settings })).rejects.toThrow('there is none of number 9');
    await expect(runs.open({ layer: 'conv', unit: 0, settings })).rejects.toThrow('there is none of number 9');
    await expect(runs.open({ model: CLASSIFIER, settings })).rejects.toThrow('they have no windows');
  });
});

describe('an objective on a direction', () => {
  it('is what the final pictures are scored by', async () => {
    const vector = [-0.3, 0.8, 0.1];
    const run = await runs.open({
      ...{ model: CLASSIFIER, frames: 2, iterations: 1 },
      settings: { objective: { kind: 'direction', vector } },
    });
    const first = (await run.step())!;
    const { activation, pictures } = await run.finish();
    expect(activation).toBeCloseTo(first.activation, 1);
    expect(pictures!.activations).toHaveLength(2);
    await run.close();
  });
});
