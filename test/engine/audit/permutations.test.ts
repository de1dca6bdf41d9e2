import { describe, expect, it } from 'vitest';
import { CONDITIONS, conditionNamed, QUICK_CONDITIONS } from '../../../src/engine/audit/conditions.js';
import {
  adjacencyKept,
  displacement,
  expectedDisplacement,
  inOrder,
  longestMonotoneRun,
  middleFrame,
  permuteBlocks,
  reverse,
  shuffle,
  shuffleWindows,
  spreadFrames,
  still,
  subsample,
} from '../../../src/engine/audit/permutations.js';
import { Random } from '../../../src/engine/random.js';

const sorted = (order: Int32Array): number[] => [...order].sort((a, b) => a - b);
const order = (...frames: number[]): Int32Array => Int32Array.from(frames);

describe('orders of frames', () => {
  it.each(CONDITIONS.filter((c) => c.permutation).map((c) => [c.name, c] as const))(
    '%s shows every frame exactly once',
    (_, condition) => {
      for (const frames of [condition.minFrames, 17, 160, 163]) {
        if (frames < condition.minFrames) continue;
        for (const drawn of condition.orders(frames, 3, new Random(frames), 16)) {
          expect(sorted(drawn)).toEqual([...inOrder(frames)]);
        }
      }
    },
  );

  it.each(CONDITIONS.map((c) => [c.name, c] as const))('%s keeps the length and existing frames', (_, condition) => {
    const drawn = [...condition.orders(100, 5, new Random(1), 16)];
    expect(drawn.length).toBeGreaterThan(0);
    for (const one of drawn) {
      expect(one).toHaveLength(100);
      expect(one.every((frame) => frame >= 0 && frame < 100)).toBe(true);
    }
  });

  it('with chance are R, and those of a seed', () => {
    const drawn = (seed: number) => [...conditionNamed('shuffle').orders(16, 20, new Random(seed), 16)];
    expect(drawn(1)).toHaveLength(20);
    expect(drawn(1)).toEqual(drawn(1));
    expect(drawn(1)).not.toEqual(drawn(2));
  });

  it('shuffled within windows leave no frame outside its window, the last one being shorter', () => {
    const drawn = shuffleWindows(37, 8, new Random(3));
    drawn.forEach((frame, t) => expect(Math.floor(frame / 8)).toBe(Math.floor(t / 8)));
    expect([...drawn]).not.toEqual([...inOrder(37)]);
  });

  it("shuffled within clips take the recogniser's clip length", () => {
    const [drawn] = conditionNamed('shuffle-within-clip').orders(40, 1, new Random(1), 10);
    drawn!.forEach((frame, t) => expect(Math.floor(frame / 10)).toBe(Math.floor(t / 10)));
  });

  it('of permuted blocks keep the frames of a block together and in order', () => {
    const drawn = permuteBlocks(37, 8, new Random(3));
    let starts = 0;
    drawn.forEach((frame, t) => {
      if (frame % 8 === 0) starts++;
      else expect(frame).toBe(drawn[t - 1]! + 1);
    });
    expect(starts).toBe(5);
  });

  it('reversed, still, spread and subsampled are what they say', () => {
    expect([...reverse(4)]).toEqual([3, 2, 1, 0]);
    expect([...still(3, middleFrame(3))]).toEqual([1, 1, 1]);
    expect(spreadFrames(16, 4)).toEqual([2, 6, 10, 14]);
    expect(spreadFrames(3, 20)).toEqual([0, 1, 2]);
    expect([...subsample(7, 3)]).toEqual([0, 0, 0, 3, 3, 3, 6]);
  });

  it('of a condition that would leave a clip as it is do not count: it needs longer clips', () => {
    expect(conditionNamed('permute-blocks-16').minFrames).toBe(17);
    expect(conditionNamed('shuffle-window-32').minFrames).toBe(33);
  });
});

describe('the strength of an order', () => {
  it('is zero in order and largest reversed', () => {
    expect(displacement(inOrder(9))).toBe(0);
    expect(displacement(reverse(4))).toBe(2);
    expect(adjacencyKept(inOrder(9))).toBe(1);
    expect(adjacencyKept(reverse(9))).toBe(0);
    expect(longestMonotoneRun(inOrder(9))).toBe(9);
    expect(longestMonotoneRun(reverse(9))).toBe(9);
  });

  it('counts kept neighbours and runs', () => {
    expect(displacement(order(2, 0, 1, 3))).toBe(1);
    expect(adjacencyKept(order(2, 3, 0, 1))).toBeCloseTo(2 / 3, 12);
    expect(longestMonotoneRun(order(2, 3, 0, 1, 4, 5))).toBe(4);
    expect(longestMonotoneRun(order(5, 5, 5))).toBe(1);
    expect(longestMonotoneRun(order(0))).toBe(1);
    expect(adjacencyKept(order(0))).toBe(1);
  });

  it('of shuffles has the expectation (T^2 - 1) / 3T', () => {
    const random = new Random(5);
    let sum = 0;
    for (let i = 0; i < 4000; i++) sum += displacement(shuffle(16, random));
    expect(expectedDisplacement(16)).toBe(255 / 48);
    expect(Math.abs(sum / 4000 - 255 / 48)).toBeLessThan(0.05);
  });

  it('grows with the size of the windows that are shuffled', () => {
    const random = new Random(5);
    const mean = (size: number): number => {
      let sum = 0;
      for (let i = 0; i < 200; i++) sum += displacement(shuffleWindows(64, size, random));
      return sum / 200;
    };
    const strengths = [2, 4, 8, 16, 32].map(mean);
    expect(strengths).toEqual([...strengths].sort((a, b) => a - b));
  });
});

describe('the table of conditions', () => {
  it('has each name once, and the default ones', () => {
    const names = CONDITIONS.map((c) => c.name);
    expect(new Set(names).size).toBe(names.length);
    for (const name of QUICK_CONDITIONS) expect(names).toContain(name);
    for (const size of [2, 4, 8, 16, 32, 80]) {
      expect(names).toContain(`shuffle-window-${size}`);
      expect(names).toContain(`permute-blocks-${size}`);
    }
  });

  it('names them all to who asks for another', () => {
    expect(() => conditionNamed('shufle')).toThrow(expect.objectContaining({ code: 'CONDITION_UNKNOWN' }));
    expect(() => conditionNamed('shufle')).toThrow(/"shufle"; there are: original, shuffle/);
  });
});
