/**
 * Reads `.caffemodel` files: a NetParameter in protocol buffers' wire format, of which only the layers' names and blobs
 * are used. Blobs stay in the file's bytes until they are asked for (see `stored-blob.ts`). Field numbers are those of
 * caffe.proto.
 */
import { BinaryReader, WireType } from '@bufbuild/protobuf/wire';
import { NeuroreelError } from '../../../protocol/errors.js';

/** Where a form of layers has its name and its blobs, and where another layer may stand in it. */
interface LayerFields {
  readonly name: number;
  readonly blobs: number;
  readonly inner?: LayerFields & { readonly field: number };
}

const V0_LAYER = { field: 1, name: 1, blobs: 50 };
/** NetParameter: `layers` (V1, with V0 in its field 1) and `layer` (V2). */
const LAYERS: ReadonlyMap<number, LayerFields> = new Map<number, LayerFields>([
  [2, { name: 4, blobs: 6, inner: V0_LAYER }],
  [100, { name: 1, blobs: 7 }],
]);

const MAX_LAYERS = 20_000;
const MAX_BLOBS = 64;
const MAX_NAME = 1024;
/** Fields that are looked at in all, the numbers of blobs aside: real files have tens for each layer. */
const MAX_FIELDS = 2_000_000;

/** How many fields may still be looked at. */
export interface Budget {
  left: number;
}

function invalid(message: string): never {
  throw new NeuroreelError('MODEL_INVALID', message);
}

/** Calls `visit` at each field of a message; what it does not read of it is passed over. */
export function eachField(
  bytes: Uint8Array,
  budget: Budget,
  visit: (field: number, wire: WireType, reader: BinaryReader) => boolean,
): void {
  const reader = new BinaryReader(bytes);
  while (reader.pos < reader.len) {
    if (--budget.left < 0) invalid('A .caffemodel has more fields than any network needs.');
    const [field, wire] = reader.tag();
    if (!visit(field, wire, reader)) reader.skip(wire, field);
    if (reader.pos > reader.len) throw new RangeError('premature end');
  }
}

export interface StoredLayer {
  readonly name: string;
  /** Bytes of its blobs, each a BlobProto. */
  readonly blobs: readonly Uint8Array[];
}

interface LayerDraft {
  name: string;
  blobs: Uint8Array[];
}

function collect(bytes: Uint8Array, budget: Budget, fields: LayerFields, into: LayerDraft): void {
  eachField(bytes, budget, (field, wire, reader) => {
    if (wire !== WireType.LengthDelimited) return false;
    if (field === fields.name) {
      const name = reader.bytes();
      if (name.length > MAX_NAME) invalid(`A layer's name has ${name.length} bytes.`);
      into.name = Buffer.from(name).toString();
    } else if (field === fields.blobs) {
      if (into.blobs.push(reader.bytes()) > MAX_BLOBS) invalid(`The layer "${into.name}" has too many blobs.`);
    } else if (fields.inner && field === fields.inner.field) {
      collect(reader.bytes(), budget, fields.inner, into);
    } else return false;
    return true;
  });
}

/** Turns what the reader of the wire format throws into an error of ours. */
export function guarded<T>(what: string, read: () => T): T {
  try {
    return read();
  } catch (cause) {
    if (cause instanceof NeuroreelError) throw cause;
    throw new NeuroreelError('MODEL_INVALID', `${what} is no .caffemodel, or is truncated or damaged.`, { cause });
  }
}

/**
 * The layers of a .caffemodel that have weights, by name; of several of one name the first, as Caffe takes it.
 * @param what the file, for messages.
 * @throws NeuroreelError MODEL_INVALID for a damaged file.
 */
export function readCaffemodel(bytes: Uint8Array, what: string): Map<string, StoredLayer> {
  return guarded(what, () => {
    const layers = new Map<string, StoredLayer>();
    const budget = { left: MAX_FIELDS };
    let count = 0;
    eachField(bytes, budget, (field, wire, reader) => {
      const fields = LAYERS.get(field);
      if (!fields || wire !== WireType.LengthDelimited) return false;
      if (++count > MAX_LAYERS) invalid(`${what} has more than ${MAX_LAYERS} layers.`);
      const draft: LayerDraft = { name: '', blobs: [] };
      collect(reader.bytes(), budget, fields, draft);
      if (draft.blobs.length > 0 && !layers.has(draft.name)) layers.set(draft.name, draft);
      return true;
    });
    if (count === 0) invalid(`${what} has no layers: it is no .caffemodel.`);
    return layers;
  });
}
