/** Writes small ONNX models for the tests, sound ones and broken ones (field numbers of onnx.proto, IR version 9). */
import { BinaryWriter, WireType } from '@bufbuild/protobuf/wire';
import type { Random } from '../../../src/engine/random.js';
import { toHalf } from '../../../src/engine/models/half.js';

/** TensorProto.DataType. */
export const TYPES = {
  float: 1,
  uint8: 2,
  int8: 3,
  uint16: 4,
  int16: 5,
  int32: 6,
  int64: 7,
  string: 8,
  bool: 9,
  float16: 10,
  double: 11,
  uint32: 12,
  uint64: 13,
  bfloat16: 16,
} as const;
export type TypeName = keyof typeof TYPES;

export interface TestTensor {
  readonly name: string;
  readonly shape: readonly number[];
  readonly data: ArrayLike<number>;
  /** `float` by default. */
  readonly type?: TypeName;
  /** `raw` bytes by default; else the field of the type, packed or number by number; or another file. */
  readonly stored?: 'raw' | 'packed' | 'unpacked' | { readonly external: Readonly<Record<string, string>> };
  /** Bytes to write instead of those of the numbers. */
  readonly raw?: Uint8Array;
}

export type TestAttribute =
  | number
  | string
  | readonly number[]
  | { readonly float: number }
  | { readonly floats: readonly number[] }
  | { readonly strings: readonly string[] }
  | { readonly tensor: TestTensor }
  | { readonly graph: TestModel };

export interface TestNode {
  readonly op: string;
  readonly inputs: readonly string[];
  readonly outputs: readonly string[];
  readonly attributes?: Readonly<Record<string, TestAttribute>>;
  readonly name?: string;
  readonly domain?: string;
}

export interface TestPort {
  readonly name: string;
  readonly shape: readonly (number | string)[] | null;
  readonly type?: TypeName;
}

export interface TestModel {
  readonly opset?: number;
  readonly nodes: readonly TestNode[];
  readonly inputs: readonly TestPort[];
  readonly outputs: readonly TestPort[];
  readonly initialisers?: readonly TestTensor[];
}

function message(fill: (w: BinaryWriter) => void): Uint8Array {
  const writer = new BinaryWriter();
  fill(writer);
  return writer.finish();
}
const field = (w: BinaryWriter, number: number, bytes: Uint8Array): BinaryWriter =>
  w.tag(number, WireType.LengthDelimited).bytes(bytes);
const text = (w: BinaryWriter, number: number, value: string): BinaryWriter =>
  field(w, number, new TextEncoder().encode(value));
const int = (w: BinaryWriter, number: number, value: number): BinaryWriter =>
  w.tag(number, WireType.Varint).int64(value);

/** Bits of the upper half of a float32, as bfloat16 keeps them. */
function toBrain(x: number): number {
  const view = new DataView(new ArrayBuffer(4));
  view.setFloat32(0, x);
  return view.getUint16(0);
}

const WIDTHS: Readonly<Record<string, number>> = {
  int8: 1,
  uint8: 1,
  bool: 1,
  uint16: 2,
  int16: 2,
  float16: 2,
  bfloat16: 2,
  int64: 8,
  uint64: 8,
  double: 8,
};

export function rawBytes(data: ArrayLike<number>, type: TypeName): Uint8Array {
  const width = WIDTHS[type] ?? 4;
  const bytes = new Uint8Array(data.length * width);
  const view = new DataView(bytes.buffer);
  for (let i = 0; i < data.length; i++) {
    const [at, x] = [i * width, data[i]!];
    if (type === 'float') view.setFloat32(at, x, true);
    else if (type === 'double') view.setFloat64(at, x, true);
    else if (type === 'float16') view.setUint16(at, toHalf(x), true);
    else if (type === 'bfloat16') view.setUint16(at, toBrain(x), true);
    else if (width === 8) view.setBigInt64(at, BigInt(x), true);
    else if (width === 4) view.setInt32(at, x, true);
    else if (width === 2) view.setInt16(at, x, true);
    else view.setInt8(at, x);
  }
  return bytes;
}

/** Field of TensorProto for the numbers of a type, and how they are written. */
function typedField(type: TypeName): { number: number; wire: WireType; write: (w: BinaryWriter, x: number) => void } {
  if (type === 'float') return { number: 4, wire: WireType.Bit32, write: (w, x) => w.float(x) };
  if (type === 'double') return { number: 10, wire: WireType.Bit64, write: (w, x) => w.double(x) };
  if (type === 'int64') return { number: 7, wire: WireType.Varint, write: (w, x) => w.int64(x) };
  if (type === 'uint64' || type === 'uint32')
    return { number: 11, wire: WireType.Varint, write: (w, x) => w.uint64(x) };
  const bits = type === 'float16' ? toHalf : type === 'bfloat16' ? toBrain : (x: number): number => x;
  return { number: 5, wire: WireType.Varint, write: (w, x) => w.int32(bits(x)) };
}

export function tensorBytes({ name, shape, data, type = 'float', stored = 'raw', raw }: TestTensor): Uint8Array {
  return message((w) => {
    for (const dim of shape) int(w, 1, dim);
    int(w, 2, TYPES[type]);
    text(w, 8, name);
    if (typeof stored === 'object') {
      for (const [key, value] of Object.entries(stored.external)) {
        field(
          w,
          13,
          message((entry) => text(text(entry, 1, key), 2, value)),
        );
      }
      int(w, 14, 1);
    } else if (stored === 'raw') {
      field(w, 9, raw ?? rawBytes(data, type));
    } else {
      const { number, wire, write } = typedField(type);
      const list = Array.from(data);
      if (stored === 'packed')
        field(
          w,
          number,
          message((inner) => list.forEach((x) => write(inner, x))),
        );
      else for (const x of list) write(w.tag(number, wire), x);
    }
  });
}

function attributeBytes(name: string, value: TestAttribute): Uint8Array {
  return message((w) => {
    text(w, 1, name);
    const kind = (type: number): void => void int(w, 20, type);
    if (typeof value === 'number') {
      int(w, 3, value);
      kind(2);
    } else if (typeof value === 'string') {
      text(w, 4, value);
      kind(3);
    } else if ('float' in value) {
      w.tag(2, WireType.Bit32).float(value.float);
      kind(1);
    } else if ('floats' in value) {
      for (const x of value.floats) w.tag(7, WireType.Bit32).float(x);
      kind(6);
    } else if ('strings' in value) {
      for (const x of value.strings) text(w, 9, x);
      kind(8);
    } else if ('tensor' in value) {
      field(w, 5, tensorBytes(value.tensor));
      kind(4);
    } else if ('graph' in value) {
      field(w, 6, graphBytes(value.graph));
      kind(5);
    } else {
      for (const x of value) int(w, 8, x);
      kind(7);
    }
  });
}

function nodeBytes({ op, inputs, outputs, attributes = {}, name, domain }: TestNode): Uint8Array {
  return message((w) => {
    for (const input of inputs) text(w, 1, input);
    for (const output of outputs) text(w, 2, output);
    if (name !== undefined) text(w, 3, name);
    text(w, 4, op);
    for (const [key, value] of Object.entries(attributes)) field(w, 5, attributeBytes(key, value));
    if (domain !== undefined) text(w, 7, domain);
  });
}

function portBytes({ name, shape, type = 'float' }: TestPort): Uint8Array {
  const dimension = (dim: number | string): Uint8Array =>
    message((w) => (typeof dim === 'number' ? int(w, 1, dim) : text(w, 2, dim)));
  const tensor = message((w) => {
    int(w, 1, TYPES[type]);
    if (shape)
      field(
        w,
        2,
        message((s) => shape.forEach((dim) => field(s, 1, dimension(dim)))),
      );
  });
  return message((w) =>
    field(
      text(w, 1, name),
      2,
      message((t) => field(t, 1, tensor)),
    ),
  );
}

function graphBytes({ nodes, inputs, outputs, initialisers = [] }: TestModel): Uint8Array {
  return message((w) => {
    for (const node of nodes) field(w, 1, nodeBytes(node));
    text(w, 2, 'test');
    for (const tensor of initialisers) field(w, 5, tensorBytes(tensor));
    for (const port of inputs) field(w, 11, portBytes(port));
    for (const port of outputs) field(w, 12, portBytes(port));
  });
}

export function modelBytes(model: TestModel): Uint8Array {
  return message((w) => {
    int(w, 1, 9);
    text(w, 2, 'test');
    field(w, 7, graphBytes(model));
    field(
      w,
      8,
      message((o) => int(o, 2, model.opset ?? 17)),
    );
  });
}

/** Collects the nodes and constants of a model. */
export class ModelMaker {
  readonly nodes: TestNode[] = [];
  readonly initialisers: TestTensor[] = [];
  readonly random: Random;
  #count = 0;

  constructor(random: Random) {
    this.random = random;
  }

  /** Adds a node with one output (or several, of which the first is given back). */
  node(
    op: string,
    inputs: readonly string[],
    attributes: Readonly<Record<string, TestAttribute>> = {},
    outputs: readonly string[] = [`t${this.#count++}`],
  ): string {
    this.nodes.push({ op, inputs, outputs, attributes, name: `${op}_${this.nodes.length}` });
    return outputs[0]!;
  }

  constant(data: readonly number[], shape: readonly number[] = [data.length], type: TypeName = 'float'): string {
    const name = `c${this.#count++}`;
    this.initialisers.push({ name, shape, data, type });
    return name;
  }

  /** A list of int64, or one number. */
  ints(data: readonly number[] | number): string {
    return typeof data === 'number' ? this.constant([data], [], 'int64') : this.constant(data, [data.length], 'int64');
  }

  scalar(x: number): string {
    return this.constant([x], []);
  }

  /** Random weights, not too large. */
  weights(...shape: readonly number[]): string {
    return this.constant(
      [...this.random.normals(shape.reduce((n, dim) => n * dim, 1))].map((x) => 0.4 * x),
      shape,
    );
  }

  /** Random positive numbers from 0.5 on. */
  positive(...shape: readonly number[]): string {
    return this.constant(
      [...this.random.normals(shape.reduce((n, dim) => n * dim, 1))].map((x) => 0.5 + Math.abs(x)),
      shape,
    );
  }

  model(inputs: readonly TestPort[], output: string, opset?: number): TestModel {
    const { nodes, initialisers } = this;
    return {
      nodes,
      initialisers,
      inputs,
      outputs: [{ name: output, shape: null }],
      ...(opset !== undefined && { opset }),
    };
  }
}
