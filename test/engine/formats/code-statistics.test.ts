import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { codeStatistics, readNumbers } from '../../../src/engine/formats/code-statistics.js';
import { sharedPart, sharedPath } from '../../shared-data.js';
import { failure } from '../small-models.js';
import { temporaryFolder } from './helpers.js';

const root = temporaryFolder();
const file = (name: string, text: string): string => {
  writeFileSync(join(root, name), text);
  return join(root, name);
};
const numbers = async (...args: Parameters<typeof codeStatistics>): Promise<Record<string, number[]>> =>
  Object.fromEntries([...(await codeStatistics(...args))].map(([name, { data }]) => [name, [...data]]));

describe('the statistics of an imported code', () => {
  it('have their mean at a tenth of the upper bound where only that is known', async () => {
    expect(await numbers(2, { bounds: file('two.txt', '10 20\n') })).toEqual({
      'code.mean': [1, 2],
      'code.lower': [0, 0],
      'code.upper': [10, 20],
    });
  });

  it('between two bounds have their mean in the middle', async () => {
    expect(await numbers(2, { bounds: 3, lower: file('lower.txt', '-3,-1') })).toEqual({
      'code.mean': [0, 1],
      'code.lower': [-3, -1],
      'code.upper': [3, 3],
    });
  });

  it('are those that are given', async () => {
    expect(await numbers(2, { bounds: 3, lower: -3, codeMean: file('mean.txt', '0.5\t\n 1.5') })).toMatchObject({
      'code.mean': [0.5, 1.5],
    });
  });

  it.each([
    ['bounds below zero without lower ones', { bounds: -1 }],
    ['a lower bound above the upper one', { bounds: 1, lower: 2 }],
    ['a mean outside of the bounds', { bounds: 1, codeMean: 2 }],
    ['bounds that are the same everywhere', { bounds: 0 }],
  ])('%s are refused', async (_, facts) => {
    await expect(codeStatistics(3, facts)).rejects.toEqual(failure('REQUEST_INVALID'));
  });

  it.each([
    ['too few', '1 2', /holds 2 numbers; the code has 3/],
    ['too many', '1 2 3 4', /holds 4 numbers/],
    ['what is no number', '1 two 3', /"two" is no number/],
    ['what float32 cannot hold', '1 1e39 3', /"1e39" is no number, or too large/],
    ['a whole prototxt', 'layer { name: "x" }', /numbers/],
  ])('a file with %s is refused', async (name, text, message) => {
    await expect(readNumbers(file(`${name}.txt`, text), 3)).rejects.toEqual(failure('MODEL_INVALID', message));
  });

  it('a file that is missing or a folder is refused', async () => {
    for (const path of [join(root, 'nothing'), root]) {
      await expect(readNumbers(path, 3)).rejects.toEqual(failure('MODEL_INVALID', /missing/));
    }
  });

  const { missing, note } = sharedPart('prototxts', 'act_range', '3x');
  it.skipIf(missing)(`reads the bounds of the paper's fc6 codes${note}`, async () => {
    const bounds = await readNumbers(sharedPath('prototxts', 'act_range', '3x', 'fc6.txt'), 4096);
    expect(bounds.reduce((sum, x) => sum + x, 0) / 4096).toBeCloseTo(11.85, 2);
  });
});
