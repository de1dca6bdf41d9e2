import { describe, expect, it } from 'vitest';
import { GraphBuilder, type Graph } from '../../src/engine/graph/graph.js';
import { GRAPH_FORMAT, inline, readGraphs, writeGraphs } from '../../src/engine/models/serialise.js';
import { relu } from '../../src/engine/ops/activation.js';
import { conv2d } from '../../src/engine/ops/conv.js';
import { add, mul } from '../../src/engine/ops/elementwise.js';
import { reshape, sliceAxis } from '../../src/engine/ops/layout.js';
import { lstm } from '../../src/engine/ops/lstm.js';
import { dense } from '../../src/engine/ops/matmul.js';
import { Random } from '../../src/engine/random.js';
import { evaluate } from '../../src/engine/runtimes/reference/reference.js';
import { failure, relativeError } from './small-models.js';

const random = new Random('serialise');
const weights = new Map([
  ['conv', { shape: [2, 3, 3, 3], data: random.normals(54, 0.3) }],
  ['gates', { shape: [8, 24], data: random.normals(192, 0.3) }],
  ['recurrent', { shape: [8, 2], data: random.normals(16, 0.5) }],
]);

/** A frame network for one frame, and a sequence network for three steps of one clip. */
function graphs(): Record<'frames' | 'sequence', Graph> {
  const weight = (b: GraphBuilder, name: string) => b.constant(weights.get(name)!.data, weights.get(name)!.shape, name);
  const f = new GraphBuilder();
  const y = relu(f, conv2d(f, f.input('frames', [1, 3, 3, 4]), weight(f, 'conv'), null, { pads: [1, 1, 1, 1] }), 0.1);
  f.output('gates', mul(f, dense(f, reshape(f, y, [0, -1]), weight(f, 'gates'), null), f.scalar(0.7)));
  const s = new GraphBuilder();
  const { hidden, cell } = lstm(s, s.input('gates', [3, 1, 8]), weight(s, 'recurrent'));
  s.output('logits', hidden);
  s.output('cell', cell);
  return { frames: f.build(), sequence: s.build() };
}

describe('a graph that is written and read', () => {
  const { frames, sequence } = graphs();
  const written = writeGraphs({ frames, sequence });
  const read = readGraphs(written.json, written.weights);

  it('computes the same, to the bit', () => {
    const x = random.normals(36);
    expect(evaluate(read['frames']!, { frames: x })).toEqual(evaluate(frames, { frames: x }));
    const gates = random.normals(24);
    expect(evaluate(read['sequence']!, { gates })).toEqual(evaluate(sequence, { gates }));
  });

  it('is written the same again, once its values are numbered as the reader numbers them', () => {
    const again = writeGraphs(read);
    expect(writeGraphs(readGraphs(again.json, again.weights))).toEqual(again);
    expect(again.weights).toEqual(written.weights);
  });

  it('has its named weights beside it and its small constants inside', () => {
    expect([...written.weights.keys()]).toEqual(['conv', 'gates', 'recurrent']);
    expect(written.json).not.toContain(String(weights.get('conv')!.data[0]));
    expect(JSON.parse(written.json).format).toBe(GRAPH_FORMAT);
  });

  it('is not written where it could not be read: two tensors of one name, endless constants without a name', () => {
    const other = new GraphBuilder();
    other.output('y', add(other, other.input('x', [2]), other.constant([1, 2], [2], 'conv')));
    expect(() => writeGraphs({ frames, other: other.build() })).toThrow(failure('GRAPH_INVALID', /"conv"/));
    const endless = new GraphBuilder();
    endless.output('y', add(endless, endless.input('x', [2]), endless.scalar(Infinity)));
    expect(() => writeGraphs({ endless: endless.build() })).toThrow(failure('GRAPH_INVALID'));
  });

  it('may use one tensor in two graphs', () => {
    const again = writeGraphs({ first: frames, second: graphs().frames });
    const both = readGraphs(again.json, again.weights);
    const x = random.normals(36);
    expect(evaluate(both['first']!, { frames: x })).toEqual(evaluate(both['second']!, { frames: x }));
  });
});

describe('a graph put into another', () => {
  const { frames, sequence } = graphs();

  it('runs on another number of frames as on each alone', () => {
    const count = 5;
    const b = new GraphBuilder();
    b.output('gates', inline(b, frames, { frames: b.input('x', [count, 3, 3, 4]) })['gates']!);
    const x = random.normals(count * 36);
    const together = evaluate(b.build(), { x })['gates']!;
    const alone = Array.from({ length: count }, (_, n) => [
      ...evaluate(frames, { frames: x.subarray(n * 36, (n + 1) * 36) })['gates']!,
    ]);
    expect(relativeError(together, alone.flat())).toBeLessThan(1e-12);
  });

  it('runs on another number of steps and of clips', () => {
    const [steps, clips] = [7, 2];
    const b = new GraphBuilder();
    const x = b.input('x', [steps, clips, 8]);
    b.output('both', inline(b, sequence, { gates: x })['logits']!);
    for (let n = 0; n < clips; n++) {
      b.output(`clip${n}`, inline(b, sequence, { gates: sliceAxis(b, x, 1, n, n + 1) })['logits']!);
    }
    const results = evaluate(b.build(), { x: random.normals(steps * clips * 8) });
    const wanted = Array.from(
      results['both']!,
      (_, i) => results[`clip${Math.floor(i / 2) % clips}`]![Math.floor(i / 4) * 2 + (i % 2)]!,
    );
    expect(results['both']!.length).toBe(steps * clips * 2);
    expect(relativeError(results['both']!, wanted)).toBeLessThan(1e-12);
  });

  it('must have all its inputs connected, with shapes that fit', () => {
    const b = new GraphBuilder();
    expect(() => inline(b, frames, {})).toThrow(failure('GRAPH_INVALID', /"frames" is not connected/));
    expect(() => inline(b, frames, { frames: b.input('x', [1, 4, 3, 4]) })).toThrow(failure('GRAPH_INVALID'));
    expect(() => inline(b, frames, { frames: b.input('y', [1, 3, 9, 9]) })).toThrow(failure('GRAPH_INVALID'));
  });
});

describe('a graph file that breaks a rule is refused', () => {
  type Json = Record<string, any>;
  const port = (value: number, name = `p${value}`): Json => ({ name, value });
  const input = (value: number, shape: unknown = [2]): Json => ({ ...port(value), shape, dtype: 'float32' });
  const node = (op: string, inputs: unknown, outputs: unknown, attributes: Json = {}): Json => ({
    op,
    inputs,
    outputs,
    attributes,
  });
  const graph = (parts: Json = {}): Json => ({
    inputs: [input(0)],
    constants: [],
    nodes: [node('Neg', [0], [1])],
    outputs: [port(1)],
    ...parts,
  });
  const read = (g: unknown, file: Json = {}): unknown =>
    readGraphs(JSON.stringify({ format: GRAPH_FORMAT, graphs: { g }, ...file }), weights, 'graph.json');

  it('unlike one that breaks none', () => expect(() => read(graph())).not.toThrow());

  it.each<[string, Json]>([
    ['a node that uses its own output', graph({ nodes: [node('Add', [0, 1], [1])] })],
    ['two nodes that use each other', graph({ nodes: [node('Neg', [2], [1]), node('Neg', [1], [2])] })],
    ['a value used before it is made', graph({ nodes: [node('Neg', [2], [1]), node('Neg', [0], [2])] })],
    ['an output that nobody makes', graph({ outputs: [port(7)] })],
    ['a value made twice', graph({ nodes: [node('Neg', [0], [1]), node('Exp', [0], [1])] })],
    ['a node that makes an input', graph({ nodes: [node('Neg', [0], [0])], outputs: [port(0)] })],
    ['two inputs of one id', graph({ inputs: [input(0), { ...input(0), name: 'other' }] })],
    ['two inputs of one name', graph({ inputs: [input(0), { ...input(5), name: 'p0' }] })],
    ['two outputs of one name', graph({ outputs: [port(1), port(1)] })],
    ['an op that does not exist', graph({ nodes: [node('Explode', [0], [1])] })],
    ['an op named as what every object has', graph({ nodes: [node('constructor', [0], [1])] })],
    ['too many outputs of an op', graph({ nodes: [node('Neg', [0], [1, 2])] })],
    ['too few inputs of an op', graph({ nodes: [node('Add', [0], [1])] })],
    ['no inputs of an op', graph({ nodes: [node('Concat', [], [1], { axis: 0 })] })],
    ['a missing attribute', graph({ nodes: [node('Transpose', [0], [1])] })],
    ['an attribute of another kind', graph({ nodes: [node('Reshape', [0], [1], { shape: 'two' })] })],
    ['an axis counted from the end', graph({ nodes: [node('Reverse', [0], [1], { axis: -1 })] })],
    ['an axis that there is not', graph({ nodes: [node('Sum', [0], [1], { axes: [1] })] })],
    ['half an element', graph({ nodes: [node('Slice', [0], [1], { axis: 0, start: 0, end: 0.5 })] })],
    ['shapes that do not fit', graph({ inputs: [input(0), input(2, [3])], nodes: [node('Add', [0, 2], [1])] })],
    ['a tensor beyond every memory', graph({ nodes: [node('Pad', [0], [1], { before: [2 ** 40], after: [0] })] })],
    ['an input beyond every memory', graph({ inputs: [input(0, [2 ** 20, 2 ** 20])] })],
  ])('%s', (_what, json) => expect(() => read(json)).toThrow(failure('GRAPH_INVALID')));

  it.each<[string, unknown, Json?]>([
    ['another format', graph(), { format: 'neuroreel.graph/2' }],
    ['an unknown field', graph({ comment: 'hello' })],
    ['a missing field', { inputs: [], constants: [], nodes: [] }],
    ['a negative id', graph({ inputs: [input(-1)] })],
    ['a size of zero', graph({ inputs: [input(0, [0])] })],
    ['an attribute that is an object', graph({ nodes: [node('Neg', [0], [1], { a: {} })] })],
    ['too many nodes', graph({ nodes: new Array(100_001).fill(null) })],
    ['too many inputs of a node', graph({ nodes: [node('Concat', new Array(1025).fill(0), [1], { axis: 0 })] })],
    ['weights that are not there', graph({ constants: [{ value: 9, shape: [2], name: 'nowhere' }] })],
    ['weights of another size', graph({ constants: [{ value: 9, shape: [3], name: 'recurrent' }] })],
    ['weights of another shape', graph({ constants: [{ value: 9, shape: [2, 8], name: 'recurrent' }] })],
    ['a constant without numbers', graph({ constants: [{ value: 9, shape: [2] }] })],
    ['a constant with too few numbers', graph({ constants: [{ value: 9, shape: [2], data: [1] }] })],
  ])('%s', (_what, json, file) => expect(() => read(json, file)).toThrow(failure('MODEL_INVALID', /^graph\.json/)));

  it('text that is not JSON', () => {
    expect(() => readGraphs('{"format"', weights)).toThrow(failure('MODEL_INVALID', /is not JSON/));
  });
});
