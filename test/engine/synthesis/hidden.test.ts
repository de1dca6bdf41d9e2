/** Hidden units: the part of a picture that each sees is exactly what is shown, and all that can change its activation. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { placeOf, unitsOf, type ClassifierPackage } from '../../../src/engine/models/classifier.js';
import { GraphBuilder } from '../../../src/engine/graph/graph.js';
import { evaluate } from '../../../src/engine/runtimes/reference/reference.js';
import { INPUT } from '../small-models.js';
import { CLASSIFIER, finished, smallRuns, type SmallRuns } from './small-runs.js';

let runs: SmallRuns;
beforeAll(async () => {
  runs = await smallRuns();
});
afterAll(() => runs.close());

describe('a unit of maps', () => {
  // A kernel of 3 with stride 2 and a border of 1: row r sees rows 2r - 1 to 2r + 1.
  it.each([
    [[1, 2], { offset: [1, 3], size: [3, 3] }],
    [[0, 0], { offset: [0, 0], size: [2, 2] }],
    [[2, 3], { offset: [3, 5], size: [3, 3] }],
  ] as const)('at %o sees %o of a picture', async (position, crop) => {
    for (const model of [CLASSIFIER, 'small']) {
      const run = await runs.open({ model, layer: 'conv', unit: 1, position, frames: 2, iterations: 2 });
      expect(run.crop()).toEqual(crop);
      expect(run.report().crop).toEqual(crop);
      expect((await finished(run)).crop).toEqual(crop);
    }
  });

  it('depends on nothing outside of its crop', () => {
    const model = runs.models.registry.loadClassifier(CLASSIFIER);
    const at = (changed: (y: number, x: number) => boolean): number => unitValue(model, changed);
    const inside = (y: number, x: number): boolean => y >= 1 && y < 4 && x >= 3 && x < 6;
    const plain = at(() => false);
    expect(at((y, x) => !inside(y, x))).toBe(plain);
    expect(at((y, x) => y === 1 && x === 3)).not.toBe(plain);
    expect(at((y, x) => y === 3 && x === 5)).not.toBe(plain);
  });

  /** Unit 1 at 1, 2 of a grey picture, with other numbers at some places. */
  function unitValue(model: ClassifierPackage, changed: (y: number, x: number) => boolean): number {
    const b = new GraphBuilder();
    const { height, width } = INPUT;
    const x = b.input('x', [1, 3, height, width]);
    b.output('u', unitsOf(b, model, x, placeOf(model, 'conv', 1, [1, 2])));
    const picture = Float64Array.from({ length: 3 * height * width }, (_, i) =>
      changed(Math.floor(i / width) % height, i % width) ? 0.7 : 0.1,
    );
    return evaluate(b.build(), { x: picture })['u']![1]!;
  }
});

describe('a unit that a ReLU keeps from firing', () => {
  it('rises all the same: its value is taken before the ReLU', async () => {
    const settings = { optimiser: { rule: 'paper', start: 0.3 }, start: { from: 'mean' } } as const;
    const of = { model: 'small', layer: 'conv' };
    const rises: number[] = [];
    for (const position of [
      [0, 0],
      [1, 2],
      [2, 3],
    ] as const) {
      for (let unit = 0; unit < 4; unit++) {
        const run = await runs.open({ ...of, unit, position, frames: 2, iterations: 8, settings });
        const first = (await run.step())!.activation;
        const last = (await finished(run)).activation;
        if (first < 0) rises.push(last - first);
      }
    }
    expect(rises.length).toBeGreaterThan(0);
    expect(Math.min(...rises)).toBeGreaterThan(0);
  });

  it('counts as nothing in the mean of its channel', async () => {
    const settings = { objective: { kind: 'channel' } } as const;
    for (let unit = 0; unit < 4; unit++) {
      const run = await runs.open({ model: 'small', layer: 'conv', unit, frames: 2, iterations: 1, settings });
      expect((await finished(run)).activation).toBeGreaterThanOrEqual(0);
    }
  });
});

describe('a unit that sees all of a picture', () => {
  it.each([
    ['hidden', 1, undefined],
    ['conv', 1, { objective: { kind: 'channel' } }],
  ] as const)('has no crop: %s', async (layer, unit, settings) => {
    const run = await runs.open({ model: CLASSIFIER, layer, unit, frames: 1, ...(settings && { settings }) });
    expect(run.crop()).toBeNull();
    expect(run.report()).not.toHaveProperty('crop');
    await run.close();
  });

  it.each(['lstm', 'cell', 'gates'])('has none in a recogniser: %s', async (layer) => {
    const run = await runs.open({ layer, unit: 2 });
    expect(run.crop()).toBeNull();
    expect(run.report()).toMatchObject({ place: { layer }, unit: { index: 2, label: `${layer} unit 2` } });
    const result = await finished(run);
    expect(Math.max(...result.activations)).toBeGreaterThan(result.activations[0]!);
  });
});
