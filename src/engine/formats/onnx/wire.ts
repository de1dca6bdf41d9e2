/**
 * Reads the protocol buffer wire format of ONNX models (field numbers of onnx.proto, IR version 3 to 10) into plain
 * structures. Tensors keep their bytes; they are decoded when they are asked for (`tensors.ts`).
 */
import { BinaryReader, WireType } from '@bufbuild/protobuf/wire';
import { NeuroreelError } from '../../../protocol/errors.js';

const MAX_NODES = 50_000;
const MAX_NAME = 4096;
const MAX_RANK = 16;
/** Most numbers that stand in fields of their own type: they take more memory than they have bytes in the file. */
const MAX_TYPED = 2 ** 26;

export interface TensorFile {
  readonly name: string;
  readonly dims: readonly number[];
  /** A number of TensorProto.DataType. */
  readonly type: number;
  readonly raw: Uint8Array | null;
  /** Numbers that stand in a field of their type instead of `raw`. */
  readonly typed: NumberList | null;
  /** Where the numbers are, for those in another file. */
  readonly external: ReadonlyMap<string, string> | null;
}

export type AttributeFile =
  | { readonly type: 'float' | 'int'; readonly value: number }
  | { readonly type: 'string'; readonly value: string }
  | { readonly type: 'tensor'; readonly value: TensorFile }
  | { readonly type: 'floats' | 'ints'; readonly value: readonly number[] }
  | { readonly type: 'strings'; readonly value: readonly string[] }
  | { readonly type: 'other' };

export interface NodeFile {
  readonly name: string;
  readonly op: string;
  readonly domain: string;
  /** Names of tensors; '' for one that is left out. */
  readonly inputs: readonly string[];
  readonly outputs: readonly string[];
  readonly attributes: ReadonlyMap<string, AttributeFile>;
}

export interface PortFile {
  readonly name: string;
  /** A number of TensorProto.DataType; 0 where the port is no tensor. */
  readonly type: number;
  /** Each a number, the name of an open dimension, or null for an open one without a name; null without a shape. */
  readonly shape: readonly (number | string | null)[] | null;
}

export interface ModelFile {
  readonly producer: string;
  /** Version of the standard operators, or null where the file does not say. */
  readonly opset: number | null;
  readonly nodes: readonly NodeFile[];
  readonly initialisers: readonly TensorFile[];
  readonly inputs: readonly PortFile[];
  readonly outputs: readonly PortFile[];
}

function invalid(message: string): never {
  throw new NeuroreelError('MODEL_INVALID', message);
}

/** Numbers that may still be read into lists; lists may share it. */
interface Room {
  left: number;
}

/** Numbers of a repeated field, packed or not, that grow while they are read. */
export class NumberList {
  readonly #room: Room;
  #data = new Float64Array(16);
  #length = 0;

  constructor(room: Room) {
    this.#room = room;
  }

  push(x: number): void {
    if (--this.#room.left < 0) invalid('it has too many numbers in lists');
    if (this.#length === this.#data.length) {
      const larger = new Float64Array(2 * this.#length);
      larger.set(this.#data);
      this.#data = larger;
    }
    this.#data[this.#length++] = x;
  }

  get length(): number {
    return this.#length;
  }

  get numbers(): Float64Array {
    return this.#data.subarray(0, this.#length);
  }
}

type Field = (reader: BinaryReader, wire: WireType) => void;

/** Reads a message by its fields' numbers; other fields are passed over. */
function readMessage(bytes: Uint8Array, fields: Readonly<Record<number, Field>>): void {
  const reader = new BinaryReader(bytes);
  while (reader.pos < reader.len) {
    const [number, wire] = reader.tag();
    const field = fields[number];
    if (field) field(reader, wire);
    else if (wire === WireType.StartGroup || wire === WireType.EndGroup) invalid('it has groups');
    else reader.skip(wire);
    if (reader.pos > reader.len) invalid('it ends within a field');
  }
}

function expect(wire: WireType, wanted: WireType): void {
  if (wire !== wanted) invalid('a field has another type than it should');
}

/** An int64 as a double: whole up to 2^53, and the largest and smallest ones near enough to be told apart. */
const int64 = (reader: BinaryReader): number => Number(reader.int64());

const integer =
  (set: (x: number) => void): Field =>
  (reader, wire) => {
    expect(wire, WireType.Varint);
    set(int64(reader));
  };
const bytes =
  (set: (x: Uint8Array) => void): Field =>
  (reader, wire) => {
    expect(wire, WireType.LengthDelimited);
    set(reader.bytes());
  };
const text = (set: (x: string) => void): Field =>
  bytes((x) => {
    if (x.length > MAX_NAME) invalid(`it has a name of ${x.length} bytes`);
    set(Buffer.from(x.buffer, x.byteOffset, x.length).toString('utf8'));
  });

type Scalar = readonly [wire: WireType, read: (reader: BinaryReader) => number];
const FLOAT: Scalar = [WireType.Bit32, (reader) => reader.float()];
const DOUBLE: Scalar = [WireType.Bit64, (reader) => reader.double()];
const INTEGER: Scalar = [WireType.Varint, int64];
const UNSIGNED: Scalar = [WireType.Varint, (reader) => Number(reader.uint64())];

/** A repeated field of numbers, packed or one by one. */
function numbers(list: NumberList, [own, read]: Scalar): Field {
  return (reader, wire) => {
    if (wire === own) {
      list.push(read(reader));
    } else {
      expect(wire, WireType.LengthDelimited);
      const packed = new BinaryReader(reader.bytes());
      while (packed.pos < packed.len) list.push(read(packed));
      if (packed.pos > packed.len) invalid('it ends within a list of numbers');
    }
  };
}

/** Adds to a list that a file can fill, within bounds. */
function append<T>(list: T[], item: T, most: number, what: string): void {
  if (list.length >= most) invalid(`it has more than ${most} ${what}`);
  list.push(item);
}

function readEntry(message: Uint8Array): [string, string] {
  const entry: [string, string] = ['', ''];
  readMessage(message, { 1: text((x) => (entry[0] = x)), 2: text((x) => (entry[1] = x)) });
  return entry;
}

/** @param room for numbers in fields of their own type, over all tensors of the file. */
function readTensor(message: Uint8Array, room: Room): TensorFile {
  const dims = new NumberList({ left: MAX_RANK });
  const typed = new NumberList(room);
  const external = new Map<string, string>();
  let [name, type, location] = ['', 0, 0];
  let raw: Uint8Array | null = null;
  readMessage(message, {
    1: numbers(dims, INTEGER),
    2: integer((x) => (type = x)),
    4: numbers(typed, FLOAT),
    5: numbers(typed, INTEGER),
    7: numbers(typed, INTEGER),
    8: text((x) => (name = x)),
    9: bytes((x) => (raw = x)),
    10: numbers(typed, DOUBLE),
    11: numbers(typed, UNSIGNED),
    13: bytes((x) => {
      if (external.size >= 16) invalid(`the tensor "${name}" says too much of its file`);
      external.set(...readEntry(x));
    }),
    14: integer((x) => (location = x)),
  });
  return {
    name,
    dims: [...dims.numbers],
    type,
    raw,
    typed: typed.length > 0 ? typed : null,
    external: location === 1 ? external : null,
  };
}

function readAttribute(message: Uint8Array, room: Room): [string, AttributeFile] {
  let name = '';
  let [kind, float, int] = [0, 0, 0];
  let string = '';
  let tensor: Uint8Array | null = null;
  const floats = new NumberList(room);
  const ints = new NumberList(room);
  const strings: string[] = [];
  readMessage(message, {
    1: text((x) => (name = x)),
    2: (reader, wire) => {
      expect(wire, WireType.Bit32);
      float = reader.float();
    },
    3: integer((x) => (int = x)),
    4: text((x) => (string = x)),
    5: bytes((x) => (tensor = x)),
    7: numbers(floats, FLOAT),
    8: numbers(ints, INTEGER),
    9: text((x) => append(strings, x, MAX_NAME, 'strings in a list')),
    20: integer((x) => (kind = x)),
  });
  return [name, attributeOf(kind, { float, int, string, tensor, floats, ints, strings }, room)];
}

interface AttributeParts {
  readonly float: number;
  readonly int: number;
  readonly string: string;
  readonly tensor: Uint8Array | null;
  readonly floats: NumberList;
  readonly ints: NumberList;
  readonly strings: readonly string[];
}

/** `kind` is a number of AttributeProto.AttributeType. */
function attributeOf(kind: number, parts: AttributeParts, room: Room): AttributeFile {
  if (kind === 1) return { type: 'float', value: parts.float };
  if (kind === 2) return { type: 'int', value: parts.int };
  if (kind === 3) return { type: 'string', value: parts.string };
  if (kind === 4 && parts.tensor) return { type: 'tensor', value: readTensor(parts.tensor, room) };
  if (kind === 6) return { type: 'floats', value: [...parts.floats.numbers] };
  if (kind === 7) return { type: 'ints', value: [...parts.ints.numbers] };
  return kind === 8 ? { type: 'strings', value: parts.strings } : { type: 'other' };
}

function readNode(message: Uint8Array, room: Room): NodeFile {
  const inputs: string[] = [];
  const outputs: string[] = [];
  const attributes = new Map<string, AttributeFile>();
  let [name, op, domain] = ['', '', ''];
  readMessage(message, {
    1: text((x) => append(inputs, x, MAX_NAME, 'inputs of a node')),
    2: text((x) => append(outputs, x, MAX_NAME, 'outputs of a node')),
    3: text((x) => (name = x)),
    4: text((x) => (op = x)),
    5: bytes((x) => {
      if (attributes.size >= 64) invalid(`the node "${name}" has more than 64 attributes`);
      attributes.set(...readAttribute(x, room));
    }),
    7: text((x) => (domain = x)),
  });
  return { name, op, domain, inputs, outputs, attributes };
}

/** A dimension of a port: TensorShapeProto.Dimension. */
function readDimension(message: Uint8Array): number | string | null {
  let dimension: number | string | null = null;
  readMessage(message, {
    1: integer((x) => (dimension = x)),
    2: text((x) => (dimension = x === '' ? null : x)),
  });
  return dimension;
}

function readPort(message: Uint8Array): PortFile {
  let name = '';
  let type = 0;
  let shape: (number | string | null)[] | null = null;
  const tensorType: Field = bytes((x) =>
    readMessage(x, {
      1: integer((elements) => (type = elements)),
      2: bytes((dimensions) => {
        const list: (number | string | null)[] = [];
        readMessage(dimensions, { 1: bytes((d) => append(list, readDimension(d), MAX_RANK, 'axes of an input')) });
        shape = list;
      }),
    }),
  );
  readMessage(message, { 1: text((x) => (name = x)), 2: bytes((x) => readMessage(x, { 1: tensorType })) });
  return { name, type, shape };
}

type GraphParts = Pick<ModelFile, 'nodes' | 'initialisers' | 'inputs' | 'outputs'>;

function readGraph(message: Uint8Array): GraphParts {
  const nodes: NodeFile[] = [];
  const initialisers: TensorFile[] = [];
  const inputs: PortFile[] = [];
  const outputs: PortFile[] = [];
  const room: Room = { left: MAX_TYPED };
  readMessage(message, {
    1: bytes((x) => append(nodes, readNode(x, room), MAX_NODES, 'nodes')),
    5: bytes((x) => append(initialisers, readTensor(x, room), MAX_NODES, 'initialisers')),
    11: bytes((x) => append(inputs, readPort(x), MAX_NODES, 'inputs')),
    12: bytes((x) => append(outputs, readPort(x), MAX_NODES, 'outputs')),
    15: () => invalid('it has sparse initialisers'),
  });
  return { nodes, initialisers, inputs, outputs };
}

function readOpset(message: Uint8Array): { domain: string; version: number } {
  const opset = { domain: '', version: 0 };
  readMessage(message, { 1: text((x) => (opset.domain = x)), 2: integer((x) => (opset.version = x)) });
  return opset;
}

/** The domains that mean the standard operators. */
export const STANDARD_DOMAINS: ReadonlySet<string> = new Set(['', 'ai.onnx']);

/**
 * The structure of a model file.
 * @throws NeuroreelError MODEL_INVALID where the bytes are no ONNX model, end too early or go beyond bounds.
 */
export function readModelFile(file: Uint8Array, what: string): ModelFile {
  let graph: GraphParts | null = null;
  let [producer, version] = ['', ''];
  let opset: number | null = null;
  try {
    readMessage(file, {
      2: text((x) => (producer = x)),
      3: text((x) => (version = x)),
      7: bytes((x) => (graph = readGraph(x))),
      8: bytes((x) => {
        const own = readOpset(x);
        if (STANDARD_DOMAINS.has(own.domain)) opset = own.version;
      }),
    });
  } catch (cause) {
    // The reader of the wire format throws errors of many kinds on broken bytes.
    const why = cause instanceof Error ? cause.message : String(cause);
    throw new NeuroreelError('MODEL_INVALID', `${what} is not an ONNX model, or is damaged: ${why}.`, { cause });
  }
  if (graph === null) invalid(`${what} is not an ONNX model: it has no graph.`);
  return { producer: `${producer} ${version}`.trim(), opset, ...(graph as GraphParts) };
}
