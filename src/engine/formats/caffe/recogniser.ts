/**
 * Makes the two graphs of a recogniser of sequences. Caffe's files hold a fixed number of frames, which a reshape groups
 * as [T, N, ...] for the LSTM, and markers that are 0 where a sequence begins. Here all that does not depend on the order
 * of frames, up to and including the projection of the first LSTM's input, is done frame by frame; what follows starts
 * every sequence from a zero state, and needs no markers.
 */
import type { Value } from '../../graph/graph.js';
import { showShape, sizeOf } from '../../graph/shape.js';
import { concat, sliceAxis } from '../../ops/layout.js';
import type { ImportedRecogniser } from '../format.js';
import { leadOf, shapeOf, type Blob } from './blob.js';
import { callsBehind, dependsOn, giveOut, logitsOf, unsupported, type Result } from './graphs.js';
import type { LayerCall, Net } from './net.js';
import { LayerRunner } from './runner.js';
import type { WeightSource } from './weights.js';

export const isRecurrent = (call: LayerCall): boolean => call.type.recurrent !== undefined;

/**
 * The reshapes that group frames as sequences: those from which a recurrent layer's input comes.
 * @throws NeuroreelError MODEL_FORMAT_UNSUPPORTED where there is none before a recurrent layer.
 */
export function groupings(net: Net, calls: ReadonlySet<number>): Set<number> {
  const found = new Set<number>();
  for (const recurrent of calls) {
    const layer = net.calls[recurrent]!;
    if (!isRecurrent(layer)) continue;
    for (let blob = layer.inputs[0]!; ;) {
      const { maker } = net.blobs[blob]!;
      const call = maker === null ? undefined : net.calls[maker];
      if (call && isRecurrent(call)) break;
      if (call?.typeName === 'Reshape') {
        found.add(maker!);
        break;
      }
      if (call?.inputs.length !== 1) {
        return unsupported(`Before ${layer.typeName} "${layer.name}" there is no Reshape of frames to sequences.`);
      }
      blob = call.inputs[0]!;
    }
  }
  return found;
}

/** What passes from the frames to the sequence: a vector a frame. */
interface Crossing {
  readonly value: Value;
  /** The recurrent call whose projected input this is; else the blob. */
  readonly projectionOf: number | null;
  readonly blob: number;
}

class RecogniserBuilder {
  readonly #net: Net;
  readonly #result: Result;
  readonly #depends: readonly boolean[];
  readonly #calls: ReadonlySet<number>;
  readonly #groupings: ReadonlySet<number>;
  readonly #frames: LayerRunner;
  readonly #sequence: LayerRunner;
  /** Blobs that are made frame by frame. */
  readonly #perFrame = new Map<number, Blob>();
  readonly #crossings: Crossing[] = [];

  constructor(net: Net, weights: WeightSource, input: number, result: Result) {
    this.#net = net;
    this.#result = result;
    this.#depends = dependsOn(net, input);
    // In the order in which they run.
    this.#calls = new Set([...callsBehind(net, result.blob)].sort((p, q) => p - q));
    this.#groupings = groupings(net, this.#calls);
    this.#frames = new LayerRunner(weights);
    this.#sequence = new LayerRunner(weights);
  }

  build(
    input: number,
    [batch, ...picture]: readonly number[],
  ): Omit<ImportedRecogniser, 'origin' | 'height' | 'width'> {
    const { b } = this.#frames;
    const frames = b.input('frames', [1, ...picture]);
    this.#perFrame.set(input, { value: frames, batch: [batch!], inner: picture });
    for (const call of this.#calls) this.#runOnFrames(call);
    for (const call of this.#calls) this.#cross(call);
    const steps = this.#steps();
    const values = this.#crossings.map(({ value }) => value);
    const boundary = concat(b, values, 1);
    const only = this.#crossings.length === 1 ? this.#crossings[0]! : null;
    const name = only && only.projectionOf !== null ? 'gates' : 'features';
    const perFrame = new Map([...this.#perFrame].map(([blob, x]) => [blob, x.value]));
    const types = giveOut(b, this.#net, perFrame, { [name]: boundary });
    b.output(name, boundary);
    const units = this.#buildSequence(name, steps, boundary.shape[1]!);
    const graphs = { frames: b.build(), sequence: this.#sequence.b.build() };
    return { kind: 'recogniser', graphs, units, steps, types };
  }

  /** Runs a layer frame by frame, if it can be and its inputs were. */
  #runOnFrames(at: number): void {
    const call = this.#net.calls[at]!;
    const inputs = call.inputs.map((blob) => this.#perFrame.get(blob));
    if (isRecurrent(call) || inputs.includes(undefined)) return;
    const outputs = this.#frames.run(call, inputs as Blob[], this.#groupings.has(at));
    call.outputs.forEach((blob, i) => this.#perFrame.set(blob, outputs[i]!));
  }

  /** Notes what of the frames a layer of the sequence takes. */
  #cross(at: number): void {
    const call = this.#net.calls[at]!;
    if (call.outputs.some((blob) => this.#perFrame.has(blob))) return;
    const { name, typeName } = call;
    if (isRecurrent(call)) {
      if (call.inputs.length > 2) unsupported(`${typeName} "${name}" has an input besides its sequence and markers.`);
      if (this.#depends[call.inputs[1]!]) unsupported(`The markers of ${typeName} "${name}" depend on the frames.`);
      const x = this.#perFrame.get(call.inputs[0]!);
      if (!x) return;
      const value = this.#frames.project(call, [x]);
      this.#crossings.push({ value, projectionOf: at, blob: call.inputs[0]! });
      return;
    }
    if (!call.outputs.some((blob) => this.#depends[blob])) return;
    for (const blob of call.inputs) {
      if (!this.#depends[blob]) unsupported(`${typeName} "${name}" takes "${this.#net.blobs[blob]!.name}" as well.`);
      const x = this.#perFrame.get(blob);
      if (!x || this.#crossings.some((known) => known.projectionOf === null && known.blob === blob)) continue;
      const what = `"${this.#net.blobs[blob]!.name}" of the shape ${showShape(shapeOf(x))}`;
      if (x.inner.length !== 1) unsupported(`${typeName} "${name}" reads ${what} over the sequence; vectors can be.`);
      this.#crossings.push({ value: x.value, projectionOf: null, blob });
    }
  }

  /** Time steps of a sequence in the file. */
  #steps(): number {
    const grouped = [...this.#groupings].map((call) => this.#perFrame.get(this.#net.calls[call]!.outputs[0]!));
    const steps = new Set(grouped.map((x) => x?.batch[0] ?? 0));
    const [only] = steps;
    return steps.size === 1 && only! > 0
      ? only!
      : unsupported('The network groups frames as sequences in several ways.');
  }

  /** The part that reads the sequence, from the boundary [T, 1, G] to the logits [T, 1, units]; returns units. */
  #buildSequence(name: string, steps: number, width: number): number {
    const { b } = this.#sequence;
    const input = b.input(name, [steps, 1, width]);
    const blobs = new Map<number, Blob>();
    const projections = new Map<number, Value>();
    let at = 0;
    for (const { value, projectionOf, blob } of this.#crossings) {
      const size = value.shape[1]!;
      const part = sliceAxis(b, input, 2, at, at + size);
      at += size;
      if (projectionOf === null) blobs.set(blob, { ...this.#perFrame.get(blob)!, value: part });
      else projections.set(projectionOf, part);
    }
    for (const call of this.#calls) this.#runOnSequence(call, blobs, projections);
    const y = blobs.get(this.#result.blob);
    if (!y || leadOf(y) !== 2) return unsupported('The network gives no scores for each step of a sequence.');
    b.output('logits', logitsOf(b, y, this.#result));
    return sizeOf(y.inner);
  }

  #runOnSequence(at: number, blobs: Map<number, Blob>, projections: ReadonlyMap<number, Value>): void {
    const call = this.#net.calls[at]!;
    if (call.outputs.some((blob) => this.#perFrame.has(blob) || !this.#depends[blob])) return;
    if (!isRecurrent(call)) {
      const inputs = call.inputs.map((blob) => blobs.get(blob)!);
      const outputs = this.#sequence.run(call, inputs);
      call.outputs.forEach((blob, i) => blobs.set(blob, outputs[i]!));
      return;
    }
    const x = blobs.get(call.inputs[0]!) ?? this.#perFrame.get(call.inputs[0]!)!;
    const projected = projections.get(at) ?? this.#sequence.project(call, [x]);
    const hidden = this.#sequence.steps(call, [x], projected);
    blobs.set(call.outputs[0]!, { value: hidden, batch: x.batch, inner: hidden.shape.slice(2) });
  }
}

/** A recogniser, made for one frame and one sequence. @param shape of its input in the file. */
export function buildRecogniser(
  net: Net,
  weights: WeightSource,
  input: number,
  shape: readonly number[],
  result: Result,
): Omit<ImportedRecogniser, 'origin'> {
  const [, , height, width] = shape as [number, number, number, number];
  return { ...new RecogniserBuilder(net, weights, input, result).build(input, shape), height, width };
}
