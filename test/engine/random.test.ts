/** Seeded random numbers. */
import { expect, it } from 'vitest';
import { Random } from '../../src/engine/random.js';

it('many numbers at once are those that single calls give, and leave the same state', () => {
  const [one, many] = [new Random('seed'), new Random('seed')];
  const single = Float32Array.from({ length: 1000 }, () => one.uniform(-0.7, 2.3));
  expect(many.uniforms(1000, -0.7, 2.3)).toEqual(single);
  expect(many.state()).toEqual(one.state());
});
