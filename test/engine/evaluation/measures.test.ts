/** Distances to real examples, and what judges call things. */
import { describe, expect, it } from 'vitest';
import {
  cosineDistance,
  distance,
  exampleDistance,
  meanOverPairs,
  median,
  nearest,
  usualDistance,
  type Example,
} from '../../../src/engine/evaluation/neighbours.js';
import { ranking, rankOf, sameLabel, wordOfJudge } from '../../../src/engine/evaluation/recognition.js';

const at = (...places: number[]): Example => ({ points: places.map((x) => Float32Array.of(x, x)) });

describe('distances', () => {
  it('are 0 for a copy, however many frames it has, and the mean over frames otherwise', () => {
    const real = [at(0, 1), at(10, 12), at(30)];
    expect(exampleDistance(at(12, 10, 10), real[1]!)).toBe(0);
    expect(exampleDistance(at(10, 14), real[1]!)).toBe(1);
    expect(nearest(at(29), real, 2)).toEqual([
      { index: 2, distance: 1 },
      { index: 1, distance: 17 },
    ]);
  });

  it('of real examples to their nearest have a median, which copies fall short of', () => {
    expect(usualDistance([at(0), at(2), at(5)])).toBe(2);
    expect(usualDistance([at(0)])).toBeNaN();
    expect(median([3, 1, 2])).toBe(2);
    expect(median([4, 1, 2, 3])).toBe(2.5);
    expect(median([])).toBeNaN();
  });

  it('are root mean squares, or of directions', () => {
    expect(distance(Float32Array.of(0, 0), Float32Array.of(3, 4))).toBeCloseTo(Math.sqrt(12.5), 6);
    expect(cosineDistance(Float32Array.of(1, 0), Float32Array.of(0, 2))).toBe(1);
    expect(cosineDistance(Float32Array.of(1, 1), Float32Array.of(-2, -2))).toBeCloseTo(2, 12);
    expect(cosineDistance(Float32Array.of(0, 0), Float32Array.of(1, 2))).toBe(1);
    expect(meanOverPairs([1, 2, 4], (a, b) => b - a)).toBe(2);
    expect(meanOverPairs([1], () => 1)).toBeNull();
  });
});

describe('a judge', () => {
  it('ranks the highest score first, and of equal ones the first', () => {
    expect(ranking([1, 3, 3, 0])).toEqual([1, 2, 0, 3]);
    expect([0, 1, 2, 3].map((i) => rankOf([1, 3, 3, 0], i))).toEqual([3, 1, 2, 4]);
  });

  it('means the same by an id, or by one of several words', () => {
    expect(sameLabel('goldfish', 'n01443537 goldfish, Carassius auratus')).toBe(true);
    expect(sameLabel('n01443537', 'n01443537 goldfish, Carassius auratus')).toBe(true);
    expect(sameLabel('n01443537 goldfish', 'n01443538 goldfish')).toBe(false);
    expect(sameLabel('walk_left', 'Walk left')).toBe(true);
    expect(sameLabel('walk_left', 'walk_right')).toBe(false);
  });

  it('is asked for its own label, else for what it calls most real examples', () => {
    const labels = ['walk', 'wave', 'squat'];
    expect(wordOfJudge('wave', labels, [0, 0, 0])).toBe(1);
    expect(wordOfJudge('walk_left', labels, [0, 0, 2])).toBe(0);
    expect(wordOfJudge('walk_left', labels, [0, 2])).toBeNull();
    expect(wordOfJudge('walk_left', labels, [])).toBeNull();
  });
});
