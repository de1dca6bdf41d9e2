import { describe, expect, it } from 'vitest';
import { encoderGraph } from '../../../src/engine/formats/encoder.js';
import type { ImportedGenerator, ImportedNetwork } from '../../../src/engine/formats/format.js';
import { GraphBuilder } from '../../../src/engine/graph/graph.js';
import { reshape } from '../../../src/engine/ops/layout.js';
import { dense } from '../../../src/engine/ops/matmul.js';
import { Random } from '../../../src/engine/random.js';
import { evaluate } from '../../../src/engine/runtimes/reference/reference.js';
import { failure } from '../small-models.js';

/** A generator of pictures of 6x5 from codes of 2x2 numbers. */
const generator: ImportedGenerator = (() => {
  const b = new GraphBuilder();
  const code = b.input('code', [1, 4]);
  const weight = b.constant(new Random('g').normals(4 * 90), [90, 4], 'fc.weight');
  b.output('image', reshape(b, dense(b, code, weight, null), [0, 3, 6, 5]));
  return { kind: 'generator', graphs: { generator: b.build() }, height: 6, width: 5, code: [1, 2, 2], origin: 'test' };
})();

/** A network of one matrix. */
function network(height: number, width: number, units: number): ImportedNetwork {
  const b = new GraphBuilder();
  const inputs = 3 * height * width;
  const image = b.input('image', [1, 3, height, width]);
  const weight = b.constant(new Random('e').normals(units * inputs), [units, inputs], 'fc.weight');
  b.output('logits', dense(b, reshape(b, image, [0, -1]), weight, null));
  return { kind: 'network', graphs: { network: b.build() }, height, width, units, origin: 'test' };
}

describe('an imported encoder', () => {
  it('gives the code of the middle of a picture, and has names of weights of its own', () => {
    const graph = encoderGraph(network(4, 4, 4), generator, 'encoder');
    expect(graph.constants.map(({ name }) => name)).toEqual(['encoder.fc.weight']);
    expect(graph.outputs.map(({ name }) => name)).toEqual(['code']);
    const image = new Random('image').normals(90);
    const weight = new Random('e').normals(4 * 48);
    // floor((6 - 4) / 2) rows and floor((5 - 4) / 2) columns are cut off before the middle.
    const middle = Array.from({ length: 48 }, (_, i) => {
      const [channel, row, column] = [Math.floor(i / 16), Math.floor(i / 4) % 4, i % 4];
      return image[channel * 30 + (row + 1) * 5 + column]!;
    });
    const { code } = evaluate(graph, { image });
    code!.forEach((x, unit) => {
      expect(x).toBeCloseTo(
        middle.reduce((sum, pixel, i) => sum + pixel * weight[unit * 48 + i]!, 0),
        6,
      );
    });
  });

  it('must be a network that gives as many numbers as the code has, for pictures that are no larger', () => {
    const wrong =
      (units: number, side = 4): (() => unknown) =>
      () =>
        encoderGraph(network(side, side, units), generator, 'that');
    expect(wrong(5)).toThrow(failure('MODEL_INVALID', /that gives 5 numbers; the generator takes codes of 4/));
    expect(wrong(4, 6)).toThrow(failure('REQUEST_INVALID', /smaller than the 6x6/));
    expect(() => encoderGraph(generator, generator, 'that')).toThrow(failure('MODEL_INVALID', /is a generator/));
  });
});
