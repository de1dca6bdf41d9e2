import { describe, expect, it } from 'vitest';
import { History } from '../../src/jobs/history.js';
import { Pace } from '../../src/jobs/pace.js';

describe('history', () => {
  it('keeps every point of a short run', () => {
    const history = new History(10);
    for (let i = 1; i <= 5; i++) history.add(i, i * i);
    expect(history.snapshot()).toEqual({ iterations: [1, 2, 3, 4, 5], activations: [1, 4, 9, 16, 25] });
  });

  it('stays within its capacity, evenly spaced, with the first and the newest point', () => {
    const history = new History(10);
    for (let i = 1; i <= 1000; i++) {
      history.add(i, -i);
      const { iterations, activations } = history.snapshot();
      expect(iterations.length).toBeLessThanOrEqual(10);
      expect(iterations[0]).toBe(1);
      expect(iterations.at(-1)).toBe(i);
      expect(activations).toEqual(iterations.map((n) => -n));
      const steps = new Set(iterations.slice(1, -1).map((n, k) => n - iterations[k]!));
      expect(steps.size).toBeLessThanOrEqual(1);
    }
  });
});

describe('pace', () => {
  it('knows nothing before the first iteration', () => {
    expect(new Pace().eta(10)).toBe(0);
  });

  it('follows the last 20 iterations', () => {
    const pace = new Pace();
    pace.add(100);
    for (let i = 0; i < 20; i++) pace.add(0.5);
    expect(pace.secondsPerIteration).toBe(0.5);
    expect(pace.eta(10)).toBe(5);
  });
});
