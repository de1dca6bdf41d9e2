/** Corrupt, hostile and unsupported ONNX models: each is refused with its code, and at little cost. */
import { mkdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { readModel } from '../../../src/engine/formats/import.js';
import { Random } from '../../../src/engine/random.js';
import { NeuroreelError, type ErrorCode } from '../../../src/protocol/errors.js';
import { temporaryFolder } from './helpers.js';
import {
  ModelMaker,
  modelBytes,
  type TestAttribute,
  type TestModel,
  type TestNode,
  type TestPort,
  type TestTensor,
} from './onnx-writer.js';

const root = temporaryFolder();
let count = 0;
function folder(): string {
  const path = join(root, `model-${count++}`);
  mkdirSync(path);
  return path;
}

function written(bytes: Uint8Array, directory = folder()): string {
  const path = join(directory, 'model.onnx');
  writeFileSync(path, bytes);
  return path;
}

interface Refusal {
  readonly code: ErrorCode;
  readonly message: string;
  readonly details: unknown;
}

async function refusal(path: string): Promise<Refusal> {
  const error: unknown = await readModel(path).then(
    () => new Error('It was read.'),
    (reason: unknown) => reason,
  );
  if (!(error instanceof NeuroreelError)) throw new Error(`It is not refused as it should be: ${String(error)}`);
  return { code: error.code, message: error.message, details: error.details };
}

const picture: TestPort = { name: 'x', shape: ['N', 3, 6, 5] };
const output: TestPort = { name: 'y', shape: null };

/** A model of some nodes, the last of which gives `y`, on a picture [N, 3, 6, 5]. */
function model(
  nodes: readonly TestNode[],
  initialisers: readonly TestTensor[] = [],
  more: Partial<TestModel> = {},
): TestModel {
  return { nodes, initialisers, inputs: [picture], outputs: [output], ...more };
}
const node = (
  op: string,
  inputs: readonly string[],
  outputs: readonly string[],
  attributes: Readonly<Record<string, TestAttribute>> = {},
  more: Partial<TestNode> = {},
): TestNode => ({ op, inputs, outputs, attributes, name: `the ${op}`, ...more });
const ints = (name: string, data: readonly number[], shape: readonly number[] = [data.length]): TestTensor => ({
  name,
  shape,
  data,
  type: 'int64',
});

const codeOf = async (given: TestModel): Promise<string> => {
  const { code, message } = await refusal(written(modelBytes(given)));
  return `${code}: ${message}`;
};

describe('what cannot be imported is named', () => {
  it('all of it, in one error', async () => {
    const nodes = [
      node('NonZero', ['x'], ['a']),
      node('Relu', ['a'], ['b']),
      node('If', ['b'], ['c'], { then_branch: { graph: model([]) } }, { name: '' }),
      node('Fold', ['c'], ['d'], {}, { domain: 'com.example' }),
      node('MaxPool', ['d'], ['e'], { kernel_shape: [2, 2], dilations: [2, 2] }),
      node('Relu', ['e'], ['f'], { consumed: 1 }),
      node('Resize', ['f', '', 's'], ['g'], { mode: 'area' }),
      node('BatchNormalization', ['g', 's', 's', 's', 's'], ['h'], { training_mode: 1 }),
      node('LSTM', ['h', 's', 's', '', '', '', '', 's'], ['y'], { hidden_size: 3 }),
    ];
    const { code, message, details } = await refusal(
      written(modelBytes(model(nodes, [{ name: 's', shape: [1], data: [1] }]))),
    );
    expect(code).toBe('MODEL_FORMAT_UNSUPPORTED');
    const layers = [
      'NonZero "the NonZero"',
      'If "c"',
      'com.example.Fold "the Fold"',
      'MaxPool "the MaxPool" (dilations 2x2)',
      'Relu "the Relu" (attribute consumed)',
      'Resize "the Resize" (attribute mode)',
      'BatchNormalization "the BatchNormalization" (training_mode)',
      'LSTM "the LSTM" (peepholes)',
    ];
    expect(details).toEqual({ layers });
    for (const layer of layers) expect(message).toContain(layer);
  });

  it('but not what the output does not depend on', async () => {
    const nodes = [node('NonZero', ['x'], ['a']), node('Relu', ['x'], ['y'])];
    expect(await readModel(written(modelBytes(model(nodes))))).toMatchObject({ kind: 'network', units: 90 });
  });

  it.each<[string, TestNode[], TestTensor[], RegExp]>([
    [
      'the places of the largest',
      [node('MaxPool', ['x'], ['', 'y'], { kernel_shape: [2, 2] })],
      [],
      /MaxPool.*output 1/,
    ],
    [
      'an LSTM with other activations',
      [node('LSTM', ['x', 'x', 'x'], ['y'], { activations: { strings: ['Relu', 'Tanh', 'Tanh'] } })],
      [],
      /activations Relu,Tanh,Tanh/,
    ],
    ['a clipped GRU', [node('GRU', ['x', 'x', 'x'], ['y'], { clip: { float: 3 } })], [], /GRU.*clip/],
    ['an LRN of an even size', [node('LRN', ['x'], ['y'], { size: 4 })], [], /LRN.*even size/],
    ['weights that are computed from the input', [node('Conv', ['x', 'x'], ['y'])], [], /Conv.*weights are computed/],
    ['sizes that are computed from the input', [node('Reshape', ['x', 'x'], ['y'])], [], /Reshape.*shape are computed/],
    ['what is rounded', [node('Round', ['x'], ['y'])], [], /Round.*computed from the input/],
    ['whole numbers made of pixels', [node('Cast', ['x'], ['y'], { to: 7 })], [], /Cast.*whole numbers/],
    ['text', [node('Cast', ['x'], ['y'], { to: 8 })], [], /Cast.*data type 8/],
    [
      'training',
      [node('Dropout', ['x', '', 't'], ['y'])],
      [{ name: 't', shape: [], data: [1], type: 'bool' }],
      /Dropout.*training/,
    ],
    [
      'convolutions of four axes of places',
      [node('Unsqueeze', ['x', 'a'], ['u']), node('Conv', ['u', 'w'], ['y'])],
      [ints('a', [2, 3]), { name: 'w', shape: [1, 3, 1, 1, 1, 1], data: [1, 1, 1] }],
      /4 axes of places/,
    ],
    [
      'shrinking by what opset 10 does not define',
      [node('Upsample', ['x', 's'], ['y'])],
      [{ name: 's', shape: [4], data: [1, 1, 0.5, 1] }],
      /opset before 11/,
    ],
  ])('%s', async (_, nodes, initialisers, message) => {
    const result = await codeOf(model(nodes, initialisers, { opset: nodes[0]!.op === 'Upsample' ? 9 : 17 }));
    expect(result).toMatch(/^MODEL_FORMAT_UNSUPPORTED/);
    expect(result).toMatch(message);
  });

  it.each([8, 22, 0])('opset %d', async (opset) => {
    expect(await codeOf(model([node('Relu', ['x'], ['y'])], [], { opset }))).toMatch(
      /^MODEL_FORMAT_UNSUPPORTED: .*9 to 21/,
    );
  });

  it('several inputs or outputs, by their names', async () => {
    const nodes = [node('Add', ['x', 'z'], ['y'])];
    const second = { name: 'z', shape: [1, 3, 6, 5] };
    expect(await codeOf(model(nodes, [], { inputs: [picture, second] }))).toMatch(
      /^MODEL_FORMAT_UNSUPPORTED: .*2 inputs \("x", "z"\)/,
    );
    const two = model([node('Relu', ['x'], ['y'])], [], { outputs: [output, { name: 'x', shape: null }] });
    expect(await codeOf(two)).toMatch(/^MODEL_FORMAT_UNSUPPORTED: .*2 outputs/);
    // Old files list their weights among the inputs.
    const weights = { name: 'z', shape: [1], data: [2] };
    const listed = model(nodes, [weights], { inputs: [picture, second] });
    expect(await readModel(written(modelBytes(listed)))).toMatchObject({ kind: 'network' });
  });

  it.each<[string, TestPort, RegExp]>([
    ['of three axes', { name: 'x', shape: [1, 3, 6] }, /^MODEL_FORMAT_UNSUPPORTED: .*3 axes/],
    ['of no axes', { name: 'x', shape: [] }, /^MODEL_FORMAT_UNSUPPORTED: .*0 axes/],
    ['without a shape', { name: 'x', shape: null }, /^MODEL_FORMAT_UNSUPPORTED: .*does not say/],
    ['of text', { name: 'x', shape: [1, 3, 6, 5], type: 'string' }, /^MODEL_FORMAT_UNSUPPORTED: .*does not say/],
    ['of open channels', { name: 'x', shape: [1, 'C', 6, 5] }, /^MODEL_FORMAT_UNSUPPORTED: .*channels open/],
    ['of an open size', { name: 'x', shape: ['N', 3, 'H', 'W'] }, /^MODEL_FORMAT_UNSUPPORTED: .*height and a width/],
    ['of an open code', { name: 'x', shape: ['N', 'D'] }, /^MODEL_FORMAT_UNSUPPORTED: .*code open/],
    ['of no height', { name: 'x', shape: [1, 3, 0, 5] }, /^GRAPH_INVALID: .*impossible size/],
    ['of a negative width', { name: 'x', shape: [1, 3, 6, -5] }, /^GRAPH_INVALID: .*impossible size/],
    ['of too many channels', { name: 'x', shape: [1, 10 ** 9, 6, 5] }, /^GRAPH_INVALID: .*impossible size/],
    ['of a huge picture', { name: 'x', shape: [1, 3, 10 ** 12, 10 ** 12] }, /^GRAPH_INVALID: .*impossible size/],
    ['of a picture that is too large all in all', { name: 'x', shape: [1, 60_000, 4096, 4096] }, /^GRAPH_INVALID/],
    ['of a huge code', { name: 'x', shape: [1, 10 ** 12] }, /^GRAPH_INVALID: .*impossible size/],
    ['of a huge batch', { name: 'x', shape: [10 ** 12, 3, 6, 5] }, /^GRAPH_INVALID: .*impossible size/],
  ])('an input %s', async (_, port, message) => {
    expect(await codeOf(model([node('Relu', ['x'], ['y'])], [], { inputs: [port] }))).toMatch(message);
  });

  it('a code that becomes no picture', async () => {
    const inputs: TestPort[] = [{ name: 'x', shape: ['N', 12] }];
    expect(await codeOf(model([node('Relu', ['x'], ['y'])], [], { inputs }))).toMatch(
      /^MODEL_FORMAT_UNSUPPORTED: .*of a code/,
    );
  });
});

describe('broken structures', () => {
  it.each<[string, TestModel, RegExp]>([
    [
      'a cycle',
      model([node('Add', ['x', 'b'], ['a']), node('Relu', ['a'], ['b']), node('Relu', ['b'], ['y'])]),
      /^GRAPH_INVALID: .*cycle/,
    ],
    ['a node that waits for itself', model([node('Add', ['x', 'y'], ['y'])]), /^GRAPH_INVALID: .*cycle/],
    ['a tensor that nothing gives', model([node('Add', ['x', 'nothing'], ['y'])]), /^MODEL_INVALID: .*"nothing"/],
    [
      'a tensor that two nodes give',
      model([node('Relu', ['x'], ['y']), node('Neg', ['x'], ['y'])]),
      /^MODEL_INVALID: Two nodes.*"y"/,
    ],
    [
      'a node that gives the input',
      model([node('Relu', ['x'], ['x']), node('Neg', ['x'], ['y'])]),
      /^MODEL_INVALID: .*"x"/,
    ],
    ['an output that nothing gives', model([node('Relu', ['x'], ['z'])]), /^MODEL_INVALID: .*"y"/],
    ['the input as the output', model([], [], { outputs: [{ name: 'x', shape: null }] }), /^MODEL_INVALID: .*"x"/],
    ['no nodes', model([]), /^MODEL_INVALID/],
    ['no outputs', model([node('Relu', ['x'], ['y'])], [], { outputs: [] }), /^MODEL_FORMAT_UNSUPPORTED: .*0 outputs/],
    [
      'a constant as the output',
      model([node('Identity', ['c'], ['y'])], [ints('c', [1])]),
      /^MODEL_FORMAT_UNSUPPORTED: .*does not depend/,
    ],
    [
      'two initialisers of one name',
      model([node('Add', ['x', 'c'], ['y'])], [ints('c', [1]), ints('c', [2])]),
      /^MODEL_INVALID: .*"c"/,
    ],
    ['a node without its inputs', model([node('Add', ['x'], ['y'])]), /^MODEL_INVALID: .*lacks inputs/],
    ['a node with an input left out', model([node('Add', ['', 'x'], ['y'])]), /^MODEL_INVALID: .*lacks inputs/],
    ['a node with too many inputs', model([node('Relu', ['x', 'x'], ['y'])]), /^MODEL_FORMAT_UNSUPPORTED: .*2 inputs/],
    ['an attribute of another kind', model([node('Flatten', ['x'], ['y'], { axis: 'one' })]), /^MODEL_INVALID: .*axis/],
    [
      'an attribute out of bounds',
      model([node('MaxPool', ['x'], ['y'], { kernel_shape: [10 ** 9, 1] })]),
      /^MODEL_INVALID: .*kernel_shape/,
    ],
    ['an axis that is not there', model([node('Concat', ['x', 'x'], ['y'], { axis: 7 })]), /^GRAPH_INVALID: .*axis 7/],
    [
      'an order that is none',
      model([node('Transpose', ['x'], ['y'], { perm: [0, 1, 1, 2] })]),
      /^GRAPH_INVALID: .*no order/,
    ],
    [
      'a window larger than the picture',
      model([node('MaxPool', ['x'], ['y'], { kernel_shape: [60, 60] })]),
      /^GRAPH_INVALID/,
    ],
    [
      'a window of another number of axes',
      model([node('MaxPool', ['x'], ['y'], { kernel_shape: [2] })]),
      /^GRAPH_INVALID: .*do not fit/,
    ],
  ])('%s', async (_, given, message) => {
    expect(await codeOf(given)).toMatch(message);
  });

  it('weights that do not fit', async () => {
    const conv = (shape: readonly number[], attributes = {}): TestModel =>
      model(
        [node('Conv', ['x', 'w'], ['y'], attributes)],
        [{ name: 'w', shape, data: new Float32Array(shape.reduce((n, d) => n * d, 1)) }],
      );
    expect(await codeOf(conv([4, 2, 3, 3]))).toMatch(/^GRAPH_INVALID: The node Conv "the Conv": .*3 channels/);
    expect(await codeOf(conv([4, 3, 3]))).toMatch(/^GRAPH_INVALID/);
    expect(await codeOf(conv([0, 3, 3, 3]))).toMatch(/^GRAPH_INVALID/);
    expect(await codeOf(conv([3, 1, 3, 3], { group: 2 }))).toMatch(/^GRAPH_INVALID/);
  });
});

describe('broken tensors', () => {
  const added = (tensor: Partial<TestTensor>): TestModel =>
    model([node('Add', ['x', 'c'], ['y'])], [{ name: 'c', shape: [5], data: [1, 2, 3, 4, 5], ...tensor }]);

  it.each<[string, Partial<TestTensor>, RegExp]>([
    ['of 10^12 numbers', { shape: [10 ** 12] }, /^MODEL_INVALID: .*"c" has 20 bytes/],
    ['of 10^36 numbers', { shape: [10 ** 12, 10 ** 12, 10 ** 12] }, /^MODEL_INVALID: .*"c"/],
    ['of a negative size', { shape: [-5] }, /^MODEL_INVALID: .*impossible shape/],
    ['of too many axes', { shape: [1, 1, 1, 1, 1, 1, 1, 1, 5] }, /^MODEL_INVALID: .*impossible shape/],
    ['with fewer bytes than it should have', { raw: new Uint8Array(19) }, /^MODEL_INVALID: .*19 bytes/],
    ['with more bytes than it should have', { raw: new Uint8Array(24) }, /^MODEL_INVALID: .*24 bytes/],
    ['with fewer numbers than it should have', { shape: [6], stored: 'packed' }, /^MODEL_INVALID: .*5 numbers/],
    ['of text', { type: 'string' }, /^MODEL_FORMAT_UNSUPPORTED: .*data type 8/],
    ['that are not numbers', { data: [1, NaN, 2, 3, 4] }, /^MODEL_INVALID: .*NaN/],
  ])('%s', async (_, tensor, message) => {
    expect(await codeOf(added(tensor))).toMatch(message);
  });
});

describe('bombs', () => {
  it.each<[string, TestNode[], TestTensor[]]>([
    ['ConstantOfShape', [node('ConstantOfShape', ['s'], ['c'])], [ints('s', [10 ** 6, 10 ** 6])]],
    ['ConstantOfShape of a negative size', [node('ConstantOfShape', ['s'], ['c'])], [ints('s', [-5])]],
    ['Expand', [node('Expand', ['one', 's'], ['c'])], [ints('s', [10 ** 6, 10 ** 6])]],
    ['Tile', [node('Tile', ['one', 's'], ['c'])], [ints('s', [10 ** 12])]],
    ['Range', [node('Range', ['zero', 's', 'one'], ['c'])], [ints('s', [10 ** 15])]],
    ['Range by nothing', [node('Range', ['zero', 's', 'zero'], ['c'])], [ints('s', [5])]],
    ['Pad', [node('Pad', ['one', 's'], ['c'])], [ints('s', [10 ** 9, 10 ** 9])]],
    [
      'Gather',
      [node('Expand', ['zero', 's'], ['i']), node('Gather', ['one', 'i'], ['c'])],
      [ints('s', [10 ** 5, 10 ** 5])],
    ],
    [
      'a convolution',
      [node('Expand', ['zero', 's'], ['i']), node('Conv', ['i', 'i'], ['c'])],
      [ints('s', [1, 1, 3000, 3000])],
    ],
    [
      'a product of all with all',
      [node('Add', ['r', 'c1'], ['c'])],
      [ints('r', Array<number>(20_000).fill(1)), ints('c1', Array<number>(20_000).fill(1), [20_000, 1])],
    ],
    [
      'a matrix product',
      [node('MatMul', ['r', 'k'], ['c'])],
      [
        { name: 'r', shape: [20_000, 1], data: new Float32Array(20_000) },
        { name: 'k', shape: [1, 20_000], data: new Float32Array(20_000) },
      ],
    ],
  ])('%s of constants', async (_, nodes, initialisers) => {
    const all = [...initialisers, ints('one', [1]), ints('zero', [0])];
    expect(await codeOf(model([...nodes, node('Add', ['x', 'c'], ['y'])], all))).toMatch(/^GRAPH_INVALID/);
  });

  it.each<[string, TestNode, TestTensor]>([
    ['Expand', node('Expand', ['x', 's'], ['y']), ints('s', [10 ** 6, 10 ** 6, 1, 1, 1, 1])],
    ['Expand to a negative size', node('Expand', ['x', 's'], ['y']), ints('s', [-3])],
    ['Tile', node('Tile', ['x', 's'], ['y']), ints('s', [1, 10 ** 9, 1, 1])],
    ['Tile of nothing', node('Tile', ['x', 's'], ['y']), ints('s', [1, 0, 1, 1])],
    ['Pad', node('Pad', ['x', 's'], ['y']), ints('s', [0, 0, 10 ** 6, 10 ** 6, 0, 0, 0, 0])],
    ['Pad beyond all bounds', node('Pad', ['x', 's'], ['y']), ints('s', [0, 0, 10 ** 15, 0, 0, 0, 0, 0])],
    ['Pad by edges', node('Pad', ['x', 's'], ['y'], { mode: 'edge' }), ints('s', [0, 0, 10 ** 6, 0, 0, 0, 10 ** 6, 0])],
    ['Resize', node('Resize', ['x', '', '', 's'], ['y']), ints('s', [1, 3, 10 ** 12, 1])],
    ['Reshape', node('Reshape', ['x', 's'], ['y']), ints('s', [10 ** 12, -1])],
    ['Reshape to nothing', node('Reshape', ['x', 's'], ['y'], { allowzero: 1 }), ints('s', [0, 5])],
    ['Slice that leaves nothing', node('Slice', ['x', 's', 's', 's'], ['y']), ints('s', [2])],
    ['Split into more than there is', node('Split', ['x', 's'], ['y'], { axis: 1 }), ints('s', [10 ** 12])],
    ['Unsqueeze to too many axes', node('Unsqueeze', ['x', 's'], ['y']), ints('s', [0, 1, 2, 3, 4, 5])],
  ])('%s of what is computed', async (_, bomb, tensor) => {
    expect(await codeOf(model([bomb], [tensor]))).toMatch(/^GRAPH_INVALID: The node/);
  });

  it('tensors that double at each node, constant or computed', async () => {
    const doubled = (first: string): TestNode[] =>
      Array.from({ length: 60 }, (_, i) => {
        const from = i === 0 ? first : `t${i - 1}`;
        return node('Concat', [from, from], [`t${i}`], { axis: -1 });
      });
    expect(await codeOf(model([...doubled('x'), node('Relu', ['t59'], ['y'])]))).toMatch(
      /^GRAPH_INVALID: .*too large|impossible shape/,
    );
    expect(await codeOf(model([...doubled('c'), node('Add', ['x', 't59'], ['y'])], [ints('c', [1])]))).toMatch(
      /^GRAPH_INVALID/,
    );
  });

  it('the same large sum again and again', async () => {
    const sums = Array.from({ length: 2000 }, (_, i) => node('ReduceSum', ['c'], [`s${i}`]));
    const last = node('Sum', ['x', ...sums.slice(0, 1000).map(({ outputs }) => outputs[0]!)], ['y']);
    const numbers = { name: 'c', shape: [100_000], data: new Float32Array(100_000) };
    expect(await codeOf(model([...sums, last], [numbers]))).toMatch(/^GRAPH_INVALID: .*far more numbers/);
  });

  it('more nodes than any network has', async () => {
    const many = Array.from({ length: 50_001 }, (_, i) => node('Relu', [i === 0 ? 'x' : `t${i - 1}`], [`t${i}`]));
    expect(await codeOf(model([...many, node('Relu', ['t50000'], ['y'])]))).toMatch(/^MODEL_INVALID: .*50000 nodes/);
    // What takes several nodes of ours each.
    const wide = Array.from({ length: 20_000 }, (_, i) => node('Gelu', [i === 0 ? 'x' : `t${i - 1}`], [`t${i}`]));
    const given = model([...wide, node('Relu', ['t19999'], ['y'])], [], { opset: 20 });
    expect(await codeOf(given)).toMatch(/^GRAPH_INVALID: .*90000 nodes/);
  });

  it('a long chain is no bomb', async () => {
    const chain = Array.from({ length: 5000 }, (_, i) => node('Relu', [i === 0 ? 'x' : `t${i - 1}`], [`t${i}`]));
    const reversed = [...chain, node('Neg', ['t4999'], ['y'])].reverse();
    expect(await readModel(written(modelBytes(model(reversed))))).toMatchObject({ kind: 'network', units: 90 });
  });
});

describe('files of weights besides the model', () => {
  const bytes = Buffer.from(Float32Array.of(9, 9, 1, 2, 3, 4, 5, 9).buffer);
  const external = (facts: Readonly<Record<string, string>>): Uint8Array =>
    modelBytes(
      model([node('Add', ['x', 'c'], ['y'])], [{ name: 'c', shape: [5], data: [], stored: { external: facts } }]),
    );
  const beside = async (
    facts: Readonly<Record<string, string>>,
    prepare?: (directory: string) => void,
  ): Promise<string> => {
    const directory = folder();
    writeFileSync(join(directory, 'weights.bin'), bytes);
    mkdirSync(join(directory, 'sub'));
    writeFileSync(join(directory, 'sub', 'weights.bin'), bytes);
    prepare?.(directory);
    const path = written(external(facts), directory);
    return readModel(path).then(
      () => 'read',
      (error: unknown) => `${(error as NeuroreelError).code}: ${(error as Error).message}`,
    );
  };

  it("are read from their offset, also in a folder of the model's", async () => {
    expect(await beside({ location: 'weights.bin', offset: '8', length: '20' })).toBe('read');
    expect(await beside({ location: './sub/weights.bin', offset: '8' })).toBe('read');
    const directory = folder();
    writeFileSync(join(directory, 'weights.bin'), bytes);
    const read = await readModel(written(external({ location: 'weights.bin', offset: '8' }), directory));
    if (read.kind !== 'network') throw new Error();
    const weights = read.graphs.network.constants.find(({ name }) => name === 'c');
    expect([...weights!.data]).toEqual([1, 2, 3, 4, 5]);
  });

  it.each<[string, Record<string, string>, RegExp]>([
    ['above the folder', { location: '../weights.bin' }, /outside/],
    ['above, by a detour', { location: 'sub/../../weights.bin' }, /outside/],
    ['anywhere on the machine', { location: '/etc/passwd' }, /outside/],
    ['on a drive', { location: 'C:\\weights.bin' }, /outside/],
    ['behind an empty name', { location: '' }, /outside/],
    ['without a name', {}, /does not say in which file/],
    ['that are missing', { location: 'missing.bin' }, /missing/],
    ['that are folders', { location: 'sub' }, /not a file/],
    ['that end too early', { location: 'weights.bin', offset: '16' }, /ends beyond/],
    ['that begin beyond their end', { location: 'weights.bin', offset: '999999999999999' }, /ends beyond/],
    ['at a negative offset', { location: 'weights.bin', offset: '-4' }, /whole number/],
    ['at an offset that is no number', { location: 'weights.bin', offset: '1e3' }, /whole number/],
    ['of another length', { location: 'weights.bin', length: '24' }, /20 are expected/],
  ])('%s are refused', async (_, facts, message) => {
    const result = await beside(facts);
    expect(result).toMatch(/^MODEL_INVALID/);
    expect(result).toMatch(message);
  });

  it('that are links to the outside are refused', async () => {
    const outside = join(folder(), 'secret.bin');
    writeFileSync(outside, bytes);
    const result = await beside({ location: 'link.bin' }, (directory) =>
      symlinkSync(outside, join(directory, 'link.bin')),
    );
    expect(result).toMatch(/^MODEL_INVALID: .*leads outside/);
  });

  it('that one file claims again and again are refused before they are read', async () => {
    const directory = folder();
    writeFileSync(join(directory, 'weights.bin'), new Uint8Array(2 ** 20));
    const tensors = Array.from({ length: 3000 }, (_, i): TestTensor => {
      return { name: `c${i}`, shape: [2 ** 18], data: [], stored: { external: { location: 'weights.bin' } } };
    });
    // A part of them, in one tensor that is larger than all there is.
    const huge: TestTensor = {
      name: 'huge',
      shape: [2 ** 29 + 1],
      data: [],
      stored: { external: { location: 'weights.bin' } },
    };
    const bytesOf = (all: readonly TestTensor[]): Uint8Array =>
      modelBytes(model([node('Add', ['x', 'c0'], ['y'])], all));
    expect((await refusal(written(bytesOf([...tensors.slice(0, 2), huge]), directory))).code).toBe('MODEL_INVALID');
  });
});

describe('bytes that are no model', () => {
  it.each<[string, Uint8Array, RegExp]>([
    ['nothing', new Uint8Array(0), /no graph/],
    ['text', Buffer.from('This is not a model at all.'), /not an ONNX model/],
    ['zeros', new Uint8Array(1000), /not an ONNX model/],
    ['a graph of another length than it says', Buffer.from([0x3a, 0xff, 0xff, 0xff, 0x7f, 1, 2]), /not an ONNX model/],
    ['groups in groups', Buffer.from(new Uint8Array(100_000).fill(0x0b)), /not an ONNX model/],
    ['a number that never ends', Buffer.from([0x08, ...new Uint8Array(100).fill(0xff)]), /not an ONNX model/],
    ['a graph and nothing else', Buffer.from([0x3a, 0]), /which version/],
  ])('%s', async (_, bytes, message) => {
    const { code, message: text } = await refusal(written(bytes));
    expect(code).toBe('MODEL_INVALID');
    expect(text).toMatch(message);
  });

  it('a folder of that name, and a file that is not there', async () => {
    const path = join(folder(), 'model.onnx');
    expect((await refusal(path)).code).toBe('MODEL_INVALID');
    mkdirSync(path);
    // A folder is one of another format, if of any.
    expect(['MODEL_FORMAT_UNSUPPORTED', 'MODEL_INVALID']).toContain((await refusal(path)).code);
  });
});

/** What may be said of a damaged file; anything else is a bug. */
const CODES: readonly ErrorCode[] = ['MODEL_INVALID', 'MODEL_FORMAT_UNSUPPORTED', 'GRAPH_INVALID'];

describe('damaged files are read, or refused with a code', () => {
  const exported = ['lrcn', 'vit', 'gru-both-ways', 'shuffler', 'autoencoder', 'clips'];

  async function outcome(bytes: Uint8Array): Promise<string> {
    try {
      return (await readModel(written(bytes, root), { size: [16, 16] })).kind;
    } catch (error) {
      if (error instanceof NeuroreelError && CODES.includes(error.code)) return error.code;
      throw error;
    }
  }

  it.each(exported)('%s cut short anywhere', async (name) => {
    const whole = readFileSync(join(import.meta.dirname, 'onnx', `${name}.onnx`));
    const random = new Random(`${name} cut`);
    for (let i = 0; i < 25; i++) {
      expect(await outcome(whole.subarray(0, random.uint32() % whole.length))).toMatch(/_/);
    }
  });

  it.each(exported)('%s with bytes changed, put in and left out', async (name) => {
    const whole = readFileSync(join(import.meta.dirname, 'onnx', `${name}.onnx`));
    const random = new Random(`${name} changed`);
    for (let i = 0; i < 60; i++) {
      const bytes = [...whole];
      for (let change = random.uint32() % 4; change >= 0; change--) {
        const at = random.uint32() % bytes.length;
        const kind = random.uint32() % 4;
        if (kind < 2) bytes[at] = kind === 0 ? random.uint32() % 256 : bytes[at]! ^ (1 << (random.uint32() % 8));
        else bytes.splice(at, kind === 2 ? 1 : 0, ...(kind === 3 ? [random.uint32() % 256] : []));
      }
      await outcome(Uint8Array.from(bytes));
    }
  });

  it('whose numbers are changed for extreme ones, wherever they stand', async () => {
    const maker = new ModelMaker(new Random('extreme'));
    const conv = maker.node('Conv', ['x', maker.weights(4, 3, 3, 3)], { pads: [1, 1, 1, 1], strides: [2, 2] });
    const pooled = maker.node('MaxPool', [conv], { kernel_shape: [2, 2] });
    const shaped = maker.node('Reshape', [pooled, maker.ints([0, 2, -1])]);
    const sliced = maker.node('Slice', [shaped, maker.ints([0]), maker.ints([1]), maker.ints([1])]);
    const padded = maker.node('Pad', [sliced, maker.ints([0, 1, 0, 0, 0, 0])]);
    const tiled = maker.node('Tile', [
      maker.node('Gather', [padded, maker.ints([1, 0])], { axis: 1 }),
      maker.ints([1, 2, 1]),
    ]);
    const model = maker.model([picture], maker.node('ReduceMean', [tiled], { axes: [2] }));
    const random = new Random('extremes');
    const extremes = [-1, 0, 3, 127, 2 ** 31 - 1, 2 ** 31, -(2 ** 31), 10 ** 12, 2 ** 53 - 1, -(2 ** 53 - 1)];
    const extreme = (): number => extremes[random.uint32() % extremes.length]!;
    const outcomes = new Set<string>();
    for (let i = 0; i < 300; i++) {
      const one = random.uint32() % (model.nodes.length + model.initialisers!.length);
      const nodes = model.nodes.map((node, k): TestNode => {
        if (k !== one) return node;
        const changed = Object.entries(node.attributes ?? {}).map(([key, value]): [string, TestAttribute] => [
          key,
          Array.isArray(value) ? value.with(random.uint32() % value.length, extreme()) : value,
        ]);
        return { ...node, attributes: Object.fromEntries(changed) };
      });
      const initialisers = model.initialisers!.map((tensor, k): TestTensor => {
        if (k !== one - model.nodes.length) return tensor;
        const at = random.uint32() % (tensor.data.length + tensor.shape.length);
        if (at >= tensor.data.length)
          return { ...tensor, shape: tensor.shape.with(at - tensor.data.length, extreme()) };
        return tensor.type === 'int64' ? { ...tensor, data: Array.from(tensor.data).with(at, extreme()) } : tensor;
      });
      outcomes.add(await outcome(modelBytes({ ...model, nodes, initialisers })));
    }
    expect([...outcomes].sort()).toEqual(expect.arrayContaining(['GRAPH_INVALID', 'MODEL_INVALID', 'network']));
  });
});
