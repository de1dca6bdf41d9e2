/** A run that goes on from a checkpoint ends with the bytes of one that was not interrupted, whatever it is made of. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { SynthesisOptions } from '../../../src/engine/synthesis/synthesise.js';
import type { SynthesisCheckpoint } from '../../../src/engine/synthesis/types.js';
import type { SynthesisOverrides } from '../../../src/protocol/synthesis.js';
import { CLASSIFIER, finished, PICTURE, smallRuns, type SmallRuns } from './small-runs.js';

let runs: SmallRuns;
beforeAll(async () => {
  runs = await smallRuns();
});
afterAll(() => runs.close());

const OPTIMISERS: readonly NonNullable<SynthesisOverrides['optimiser']>[] = [
  { rule: 'paper', start: 0.5 },
  { rule: 'adam', rate: 0.1, schedule: 'cosine' },
];
const SEQUENCES: readonly NonNullable<SynthesisOverrides['sequence']>[] = [
  { form: 'free' },
  { form: 'keyframes', every: 3, interpolation: 'linear' },
  { form: 'keyframes', every: 2, interpolation: 'cubic' },
  { form: 'dct', coefficients: 3 },
];
const CHANCE: SynthesisOverrides = { noise: 0.2, jitter: 1 };

type Case = readonly [string, Partial<SynthesisOptions>];
const PAIRS: Case[] = OPTIMISERS.flatMap((optimiser) =>
  SEQUENCES.map((sequence): Case => {
    const codes = sequence.form === 'dct' ? 'raw' : 'whitened';
    const settings = { ...CHANCE, optimiser, sequence, codes } as const;
    return [`${optimiser.rule}, ${Object.values(sequence).join(' ')}`, { settings }];
  }),
);

const PPGN = { rule: 'ppgn', eps1: 0.05, eps2: 0.1, eps3: 0.1 } as const;
const OTHERS: readonly Case[] = [
  ['the sampler', { settings: { optimiser: PPGN } }],
  ['the sampler with resets', { settings: { optimiser: { ...PPGN, resetEvery: 4 } } }],
  [
    'the sampler from a picture with resets',
    { settings: { optimiser: { ...PPGN, resetEvery: 2 }, start: { from: 'picture', noise: 0.1 } } },
  ],
  ['pixels with blurs', { prior: 'pixels', settings: { blur: { every: 2, sigma: 0.7 } } }],
  ['waves with blurs', { prior: 'fourier', settings: { optimiser: { rule: 'adam' }, blur: { every: 3, sigma: 0.7 } } }],
  ['pictures of a classifier', { model: CLASSIFIER, settings: { ...CHANCE, optimiser: { rule: 'adam' } } }],
  ['waves on top', { model: CLASSIFIER, preset: 'olah-2017', settings: { jitter: 1 } }],
  ['a sphere', { settings: { bounds: { kind: 'sphere' }, optimiser: { rule: 'adam' } } }],
  ['an inversion', { settings: { start: { from: 'picture', by: 'inversion', iterations: 5 } } }],
  ['pace and other penalties', { settings: { penalties: { pace: 1, energy: 1, smoothness: 1, patch: 0.01 } } }],
];

/** As it comes back from a file. */
function stored({ arrays, ...rest }: SynthesisCheckpoint): SynthesisCheckpoint {
  const lists = Object.entries(arrays).map(([name, data]) => [name, JSON.stringify([...data])] as const);
  return {
    ...(JSON.parse(JSON.stringify(rest)) as typeof rest),
    arrays: Object.fromEntries(lists.map(([name, text]) => [name, Float32Array.from(JSON.parse(text) as number[])])),
  };
}

describe('a resumed run', () => {
  it.each([...PAIRS, ...OTHERS])('gives the bytes of a whole one: %s', async (_name, options) => {
    const common = { pictures: PICTURE, iterations: 7, ...options };
    const whole = await finished(await runs.open(common));
    for (const done of [1, 4]) {
      const part = await runs.open(common);
      for (let i = 0; i < done; i++) await part.step();
      const resume = stored(part.checkpoint());
      await part.step();
      await part.close();
      expect(await finished(await runs.open({ ...common, resume }))).toEqual(whole);
    }
  });

  it.each([
    ['paper', { rule: 'paper', start: 0.5 }],
    ['adam', { rule: 'adam' }],
    ['ppgn', PPGN],
  ] as const)('that was steered goes on as it was steered: %s', async (_name, optimiser) => {
    const common = { settings: { optimiser }, iterations: 8 };
    const steered = async (interrupted: boolean) => {
      let run = await runs.open(common);
      const change = { rate: 0.2, unit: 'one', penalties: { naturalness: 0.5 } };
      for (let i = 0; i < 8; i++) {
        if (i === 2) await run.steer(change);
        if (i === 5) await run.steer({ penalties: { naturalness: 0, code: 0.1 } });
        if (interrupted && (i === 3 || i === 6)) {
          const resume = stored(run.checkpoint());
          await run.close();
          run = await runs.open({ ...common, resume });
        }
        await run.step();
      }
      expect(run.unit.label).toBe('one');
      expect(run.report().steering.map(({ iteration }) => iteration)).toEqual([2, 5]);
      return finished(run);
    };
    const whole = await steered(false);
    expect(await steered(true)).toEqual(whole);
    expect((await finished(await runs.open(common))).pixels).not.toEqual(whole.pixels);
  });
});
