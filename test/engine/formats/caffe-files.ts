/** Writes Caffe's files for tests: `.caffemodel` in every form there has been. */
import { BinaryWriter, WireType } from '@bufbuild/protobuf/wire';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';

export interface BlobFile {
  readonly shape: readonly number[];
  readonly data: ArrayLike<number>;
}
export interface LayerFile {
  readonly name: string;
  readonly blobs: readonly BlobFile[];
}
export interface Form {
  /** 0: V0 in V1, 1: V1 `layers`, 2: V2 `layer`. */
  readonly version: 0 | 1 | 2;
  /** Whether shapes are num, channels, height and width. */
  readonly legacyShapes: boolean;
  /** Floats or doubles, in one run or each with a tag, or half and half. */
  readonly numbers: 'packed' | 'single' | 'mixed' | 'doubles' | 'single doubles';
}
export const NEWEST: Form = { version: 2, legacyShapes: false, numbers: 'packed' };

export function message(fill: (w: BinaryWriter) => void): Uint8Array {
  const writer = new BinaryWriter();
  fill(writer);
  return writer.finish();
}
const sub = (w: BinaryWriter, field: number, bytes: Uint8Array): BinaryWriter =>
  w.tag(field, WireType.LengthDelimited).bytes(bytes);

function writeNumbers(w: BinaryWriter, data: ArrayLike<number>, numbers: Form['numbers']): void {
  const all = Array.from(data);
  const double = numbers.endsWith('doubles');
  const [field, wire] = double ? ([8, WireType.Bit64] as const) : ([5, WireType.Bit32] as const);
  const write = (into: BinaryWriter, x: number): unknown => (double ? into.double(x) : into.float(x));
  const run = (part: number[]): unknown =>
    sub(
      w,
      field,
      message((r) => part.forEach((x) => write(r, x))),
    );
  const singles = (part: number[]): void => part.forEach((x) => write(w.tag(field, wire), x));
  const half = Math.ceil(all.length / 2);
  if (numbers === 'mixed') {
    run(all.slice(0, half));
    singles(all.slice(half));
  } else if (numbers.startsWith('single')) singles(all);
  else run(all);
}

export function blobMessage({ shape, data }: BlobFile, form: Form = NEWEST): Uint8Array {
  return message((w) => {
    if (form.legacyShapes) {
      const four = [...new Array<number>(4 - shape.length).fill(1), ...shape];
      four.forEach((dim, i) => w.tag(i + 1, WireType.Varint).int32(dim));
    }
    writeNumbers(w, data, form.numbers);
    if (!form.legacyShapes) {
      const dims = message((s) =>
        sub(
          s,
          1,
          message((d) => shape.forEach((dim) => d.int64(dim))),
        ),
      );
      sub(w, 7, dims);
    }
  });
}

/** A layer with fields that an importer has no use for; `extra` adds more. */
function layerMessage({ name, blobs }: LayerFile, form: Form, extra?: (w: BinaryWriter) => void): Uint8Array {
  const inner = (nameField: number, blobsField: number): Uint8Array =>
    message((w) => {
      w.tag(nameField, WireType.LengthDelimited).string(name);
      for (const blob of blobs) sub(w, blobsField, blobMessage(blob, form));
      extra?.(w);
    });
  if (form.version === 0) return message((w) => sub(w, 1, inner(1, 50)));
  return form.version === 1 ? inner(4, 6) : inner(1, 7);
}

/** The bytes of a .caffemodel. */
export function caffemodel(
  layers: readonly LayerFile[],
  form: Form = NEWEST,
  extra?: (w: BinaryWriter) => void,
): Uint8Array {
  return message((w) => {
    w.tag(1, WireType.LengthDelimited).string('a test');
    for (const layer of layers) sub(w, form.version === 2 ? 100 : 2, layerMessage(layer, form, extra));
  });
}

let count = 0;

/** Writes a network, and its weights if there are any; the paths of both. */
export function writeCaffe(
  folder: string,
  prototxt: string,
  model?: Uint8Array,
): { path: string; weights: string | undefined } {
  const path = join(folder, `net-${count++}.prototxt`);
  writeFileSync(path, prototxt);
  if (!model) return { path, weights: undefined };
  const weights = path.replace(/prototxt$/, 'caffemodel');
  writeFileSync(weights, model);
  return { path, weights };
}
