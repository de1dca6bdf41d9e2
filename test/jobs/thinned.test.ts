import { describe, expect, it } from 'vitest';
import { thinned } from '../../src/jobs/thinned.js';

describe('a row of numbers for viewers', () => {
  it('is as it was when it is short, in four digits', () => {
    expect(thinned([1.23456, -2, 0], 4)).toEqual([1.235, -2, 0]);
  });

  it('holds means of neighbours when it is long', () => {
    expect(thinned([1, 3, 5, 7, 9], 3)).toEqual([2, 6, 9]);
  });

  it('says where there is no number', () => {
    expect(thinned([NaN, NaN, 4, NaN], 2)).toEqual([null, 4]);
    expect(thinned([], 2)).toEqual([]);
  });
});
