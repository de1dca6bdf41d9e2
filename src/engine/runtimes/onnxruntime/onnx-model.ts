/**
 * Writes a graph as an ONNX model (protocol buffer wire format). Only what our lowerings use of the format is here;
 * field numbers are those of onnx.proto (IR version 9).
 */
import { BinaryWriter, WireType } from '@bufbuild/protobuf/wire';
import { typeOf, type Graph, type TensorType } from '../../graph/graph.js';
import type { Shape } from '../../graph/shape.js';
import type { OnnxAttribute, OnnxContext, OnnxDevice, OnnxSubgraph, OnnxWriter } from '../../ops/definition.js';
import { opNamed } from '../../ops/table.js';

const OPSET = 18;
const IR_VERSION = 9;
const EXTERNAL = 1;
const FLOAT = 1;
const UINT8 = 2;
const INT64 = 7;

const bytesOf = (array: Float32Array | BigInt64Array): Uint8Array =>
  new Uint8Array(array.buffer, array.byteOffset, array.byteLength);

function message(fill: (w: BinaryWriter) => void): Uint8Array {
  const writer = new BinaryWriter();
  fill(writer);
  return writer.finish();
}

function field(w: BinaryWriter, number: number, bytes: Uint8Array): void {
  w.tag(number, WireType.LengthDelimited).bytes(bytes);
}
function text(w: BinaryWriter, number: number, value: string): void {
  w.tag(number, WireType.LengthDelimited).string(value);
}
function int(w: BinaryWriter, number: number, value: number): void {
  w.tag(number, WireType.Varint).int64(value);
}

function tensorProto(name: string, type: number, shape: Shape, fill: (w: BinaryWriter) => void): Uint8Array {
  return message((w) => {
    for (const dim of shape) int(w, 1, dim);
    int(w, 2, type);
    text(w, 8, name);
    fill(w);
  });
}

/** Says in a tensor's message that its numbers lie in a file of their own, from its beginning to its end. */
function elsewhere(w: BinaryWriter, path: string): void {
  const entry = message((e) => {
    text(e, 1, 'location');
    text(e, 2, path);
  });
  field(w, 13, entry);
  int(w, 14, EXTERNAL);
}

function valueInfo(name: string, { shape, dtype }: TensorType): Uint8Array {
  const shapeProto = message((w) => {
    for (const dim of shape)
      field(
        w,
        1,
        message((d) => int(d, 1, dim)),
      );
  });
  const tensorType = message((w) => {
    int(w, 1, dtype === 'uint8' ? UINT8 : FLOAT);
    field(w, 2, shapeProto);
  });
  return message((w) => {
    text(w, 1, name);
    field(
      w,
      2,
      message((t) => field(t, 1, tensorType)),
    );
  });
}

/** Numbers that a model refers to as if they were files: what is large is handed over as it is, never copied. */
export interface ExternalData {
  readonly path: string;
  readonly data: Uint8Array;
}

/** Tensors of more bytes than this are handed over beside the model. */
const EXTERNAL_FROM = 4096;

/** State shared by a model's graph and its subgraphs: unique names, and what lies outside of the model. */
class Names {
  #count = 0;
  readonly external: ExternalData[] = [];
  fresh(hint: string): string {
    return `${hint}_${this.#count++}`;
  }
}

/** Collects the nodes and initialisers of one ONNX graph. */
class GraphWriter implements OnnxWriter {
  readonly nodeProtos: Uint8Array[] = [];
  readonly initialisers: Uint8Array[] = [];
  readonly #small = new Map<string, string>();
  readonly #names: Names;

  constructor(names: Names) {
    this.#names = names;
  }

  fresh(hint: string): string {
    return this.#names.fresh(hint);
  }

  node(op: string, inputs: readonly string[], attributes: Record<string, OnnxAttribute> = {}, output?: string): string {
    const name = output ?? this.fresh(op.toLowerCase());
    this.nodes(op, inputs, [name], attributes);
    return name;
  }

  nodes(
    op: string,
    inputs: readonly string[],
    outputs: readonly string[],
    attributes: Record<string, OnnxAttribute> = {},
  ): void {
    const proto = message((w) => {
      for (const input of inputs) text(w, 1, input);
      for (const output of outputs) text(w, 2, output);
      text(w, 3, this.fresh(op));
      text(w, 4, op);
      for (const [name, value] of Object.entries(attributes)) field(w, 5, this.#attribute(name, value));
    });
    this.nodeProtos.push(proto);
  }

  floats(data: Float32Array | readonly number[], shape: Shape): string {
    const array = data instanceof Float32Array ? data : Float32Array.from(data);
    return this.#tensor('float', FLOAT, shape, bytesOf(array));
  }

  integers(data: readonly number[], shape: Shape = [data.length]): string {
    return this.#tensor('int', INT64, shape, bytesOf(BigInt64Array.from(data, BigInt)));
  }

  /** Small equal tensors are stored once, which also lets the runtime recognise equal nodes. */
  #tensor(hint: string, type: number, shape: Shape, bytes: Uint8Array): string {
    const key = bytes.length <= 256 ? `${type}:${shape.join()}:${Buffer.from(bytes).toString('base64')}` : undefined;
    const known = key === undefined ? undefined : this.#small.get(key);
    if (known !== undefined) return known;
    const name = this.fresh(hint);
    const apart = bytes.length > EXTERNAL_FROM;
    if (apart) this.#names.external.push({ path: name, data: bytes });
    const fill = (w: BinaryWriter): void => (apart ? elsewhere(w, name) : field(w, 9, bytes));
    this.initialisers.push(tensorProto(name, type, shape, fill));
    if (key !== undefined) this.#small.set(key, name);
    return name;
  }

  #attribute(name: string, value: OnnxAttribute): Uint8Array {
    return message((w) => {
      text(w, 1, name);
      if (typeof value === 'number') {
        int(w, 3, value);
        int(w, 20, 2);
      } else if (typeof value === 'string') {
        field(w, 4, new TextEncoder().encode(value));
        int(w, 20, 3);
      } else if ('graph' in value) {
        field(w, 6, this.#subgraph(value.graph));
        int(w, 20, 5);
      } else if ('float' in value) {
        w.tag(2, WireType.Bit32).float(value.float);
        int(w, 20, 1);
      } else {
        for (const item of value) int(w, 8, item);
        int(w, 20, 7);
      }
    });
  }

  #subgraph(graph: OnnxSubgraph): Uint8Array {
    const inner = new GraphWriter(this.#names);
    graph.write(inner);
    const port = ({ name, shape }: { name: string; shape: Shape }): { name: string; type: TensorType } => ({
      name,
      type: { shape, dtype: 'float32' },
    });
    return inner.proto(graph.name, graph.inputs.map(port), graph.outputs.map(port));
  }

  proto(
    name: string,
    inputs: readonly { name: string; type: TensorType }[],
    outputs: readonly { name: string; type: TensorType }[],
  ): Uint8Array {
    return message((w) => {
      for (const node of this.nodeProtos) field(w, 1, node);
      text(w, 2, name);
      for (const initialiser of this.initialisers) field(w, 5, initialiser);
      for (const { name: port, type } of inputs) field(w, 11, valueInfo(port, type));
      for (const { name: port, type } of outputs) field(w, 12, valueInfo(port, type));
    });
  }
}

/** Which values are the first input of which op: lets a lowering know what others will need of it. */
function firstUses(graph: Graph): ReadonlySet<string> {
  return new Set(graph.nodes.map((node) => `${node.op}:${node.inputs[0]}`));
}

/** Values that a node or the caller takes. */
function neededValues(graph: Graph): ReadonlySet<number> {
  return new Set([...graph.nodes.flatMap((node) => node.inputs), ...graph.outputs.map(({ value }) => value)]);
}

export interface OnnxModel {
  readonly bytes: Uint8Array;
  readonly external: readonly ExternalData[];
}

/** An ONNX model that computes the graph on a device; inputs and outputs keep their names with a prefix. */
export function onnxModel(graph: Graph, { device = 'cpu' }: { device?: OnnxDevice } = {}): OnnxModel {
  const names = new Names();
  const writer = new GraphWriter(names);
  const shared = new Map<string, string>();
  const uses = firstUses(graph);
  const needed = neededValues(graph);
  const constants = new Map(graph.constants.map(({ value, data }) => [value, data]));
  const tensorNames = new Map<number, string>();
  for (const { name, value } of graph.inputs) tensorNames.set(value, inputName(name));

  const nameOf = (id: number): string => {
    let name = tensorNames.get(id);
    if (name === undefined) {
      const data = constants.get(id);
      name = data ? writer.floats(data, typeOf(graph, id).shape) : `v${id}`;
      tensorNames.set(id, name);
    }
    return name;
  };

  for (const node of graph.nodes) {
    const context: OnnxContext<typeof node.attributes> = {
      device,
      node: (...args) => writer.node(...args),
      nodes: (...args) => writer.nodes(...args),
      fresh: (hint) => writer.fresh(hint),
      floats: (...args) => writer.floats(...args),
      integers: (...args) => writer.integers(...args),
      inputs: node.inputs.map(nameOf),
      outputs: node.outputs.map(nameOf),
      inputTypes: node.inputs.map((id) => typeOf(graph, id)),
      outputTypes: node.outputs.map((id) => typeOf(graph, id)),
      attributes: node.attributes,
      constantData: (input) => constants.get(node.inputs[input]!),
      shared: (key) => shared.get(key),
      share: (key, name) => void shared.set(key, name),
      usedBy: (op, input) => uses.has(`${op}:${node.inputs[input]}`),
      needed: (output) => needed.has(node.outputs[output]!),
    };
    opNamed(node.op).onnx(context);
  }
  for (const { name, value } of graph.outputs) writer.node('Identity', [nameOf(value)], {}, outputName(name));

  const proto = writer.proto(
    'neuroreel',
    graph.inputs.map(({ name, value }) => ({ name: inputName(name), type: typeOf(graph, value) })),
    graph.outputs.map(({ name, value }) => ({ name: outputName(name), type: typeOf(graph, value) })),
  );
  const bytes = message((w) => {
    int(w, 1, IR_VERSION);
    text(w, 2, 'neuroreel');
    field(w, 7, proto);
    field(
      w,
      8,
      message((o) => int(o, 2, OPSET)),
    );
  });
  return { bytes, external: names.external };
}

export const inputName = (port: string): string => `in.${port}`;
export const outputName = (port: string): string => `out.${port}`;
