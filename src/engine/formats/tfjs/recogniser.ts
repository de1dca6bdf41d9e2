/**
 * Graphs of models for sequences of pictures. A model is cut in two where it first looks at more than one frame: all that
 * does not depend on the order of frames, up to and including the projection of the first recurrent layer's input, is
 * done frame by frame.
 */
import type { Value } from '../../graph/graph.js';
import { concat, reshape, sliceAxis, transpose } from '../../ops/layout.js';
import type { ImportedRecogniser, ReadOptions } from '../format.js';
import { NamedOutputs, NetworkBuilder, WeightNames, finalSoftmax, readingAll, unsupported } from './builder.js';
import { asSequence } from './layers/sequence.js';
import { pictureShape, type Built, type PictureShape } from './pictures.js';
import { inKerasOrder, type KerasTensor } from './tensor.js';
import { INPUT, type LayerCall, type Topology } from './topology.js';
import type { KerasWeights } from './weights.js';

/** Frames for which a sequence's shapes are worked out where the file leaves them open; any number runs. */
const NOMINAL_STEPS = 16;

/** A layer on a sequence of frames, in a graph that may run for other numbers of frames. */
function readingFrames(
  builder: NetworkBuilder,
  call: LayerCall,
  inputs: readonly KerasTensor[],
  stripped: boolean,
): KerasTensor {
  const { type, config, distributed } = call;
  const free = distributed || type.pointwise || type.anyLength?.(config) || inputs.every((x) => x.shape.length === 1);
  if (free) return readingAll(builder, call, inputs, stripped);
  const held = builder.inLayer(call, 1, (c) => {
    c.needSteps();
    // Another number of frames is refused when the graph is put together.
    return inputs.map((x) => ({ ...x, value: reshape(c.b, x.value, x.value.shape.with(0, 0)) }));
  });
  return readingAll(builder, call, held, stripped);
}

/** What passes from the frames to the sequence: a vector a frame, which may be a flattened picture. */
interface Crossing {
  readonly value: Value;
  /** The engine's shape of what was flattened, without the batch. */
  readonly shape: readonly number[];
  /** The recurrent layer whose projected gates these are; else the call whose output it is. */
  readonly projectionOf: number | null;
  readonly source: number;
}

class RecogniserBuilder {
  readonly #topology: Topology;
  readonly #frames: NetworkBuilder;
  readonly #sequence: NetworkBuilder;
  readonly #softmax: number | null;
  /** Outputs that are made frame by frame; the batch counts frames. */
  readonly #perFrame = new Map<number, KerasTensor>();
  readonly #crossings: Crossing[] = [];

  constructor(topology: Topology, weights: KerasWeights, openSteps: boolean) {
    const names = new WeightNames();
    this.#topology = topology;
    this.#frames = new NetworkBuilder(weights, names, topology.writer);
    this.#sequence = new NetworkBuilder(weights, names, topology.writer, openSteps);
    this.#softmax = finalSoftmax(topology);
  }

  build(
    steps: number,
    { height, width, channels }: PictureShape,
  ): Pick<ImportedRecogniser, 'graphs' | 'units' | 'types'> {
    const { b } = this.#frames;
    const frames = b.input('frames', [1, channels, height, width]);
    this.#perFrame.set(INPUT, { value: frames, shape: [height, width, channels] });
    this.#topology.calls.forEach((call, i) => this.#runOnFrames(call, i));
    this.#collectCrossings();
    const only = this.#crossings.length === 1 ? this.#crossings[0]! : null;
    const boundary = concat(
      b,
      this.#crossings.map(({ value }) => value),
      1,
    );
    const name = only && only.projectionOf !== null ? 'gates' : 'features';
    const outputs = new NamedOutputs(b, [frames, boundary], [name]);
    const { calls, output } = this.#topology;
    for (const [i, { value }] of this.#perFrame) if (i !== INPUT) outputs.add(calls[i]!, value);
    b.output(name, boundary);
    const units = this.#buildSequence(name, steps, boundary.shape[1]!);
    const types = {
      ...outputs.types,
      ...(only && { [name]: calls[only.projectionOf ?? only.source]?.className ?? 'InputLayer' }),
      logits: calls[output]!.className,
    };
    return { graphs: { frames: b.build(), sequence: this.#sequence.b.build() }, units, types };
  }

  /** Runs a layer frame by frame, if it can be and its inputs were. */
  #runOnFrames(call: LayerCall, i: number): void {
    const inputs = call.inputs.map((input) => this.#perFrame.get(input));
    if (!(call.distributed || call.type.pointwise) || inputs.includes(undefined)) return;
    // Outside of TimeDistributed, Keras counts the time as an axis.
    const leading = call.distributed ? 1 : 2;
    this.#perFrame.set(i, this.#frames.layer(call, inputs as KerasTensor[], leading, i === this.#softmax));
  }

  #collectCrossings(): void {
    const { calls, output } = this.#topology;
    const crossed = new Set<number>();
    const cross = (source: number): void => {
      const tensor = this.#perFrame.get(source);
      if (!tensor || crossed.has(source)) return;
      crossed.add(source);
      this.#cross(tensor, { projectionOf: null, source });
    };
    calls.forEach((call, i) => {
      if (this.#perFrame.has(i)) return;
      const first = call.inputs.length === 1 ? this.#perFrame.get(call.inputs[0]!) : undefined;
      if (!first || !call.type.recurrent) return call.inputs.forEach(cross);
      const projected = this.#frames.inLayer(call, 1, (c) => call.type.recurrent!.project(c, first, call.config));
      this.#cross(projected, { projectionOf: i, source: call.inputs[0]! });
    });
    cross(output);
  }

  #cross(tensor: KerasTensor, from: Pick<Crossing, 'projectionOf' | 'source'>): void {
    const { b } = this.#frames;
    const { value } = inKerasOrder(b, tensor);
    const flat = tensor.shape.length === 1 ? value : reshape(b, value, [0, -1]);
    this.#crossings.push({ ...from, value: flat, shape: value.shape.slice(1) });
  }

  /** The part that reads the sequence, from the boundary [T, 1, G] to the logits [S, 1, C]; returns C. */
  #buildSequence(name: string, steps: number, width: number): number {
    const { calls, output } = this.#topology;
    const { b } = this.#sequence;
    const input = b.input(name, [steps, 1, width]);
    const tensors = new Map<number, KerasTensor>();
    const projections = new Map<number, Value>();
    let at = 0;
    for (const { value, shape, projectionOf, source } of this.#crossings) {
      const size = value.shape[1]!;
      const flat = sliceAxis(b, input, 2, at, at + size);
      const part = shape.length === 1 ? flat : reshape(b, flat, [0, 0, ...shape]);
      at += size;
      if (projectionOf !== null) projections.set(projectionOf, part);
      else tensors.set(source, asSequence(b, part));
    }
    calls.forEach((call, i) => {
      if (this.#perFrame.has(i)) return;
      const projected = projections.get(i);
      const inputs = call.inputs.map((source) => tensors.get(source)!);
      const stripped = i === this.#softmax;
      tensors.set(
        i,
        projected ? this.#sequence.steps(call, projected) : readingFrames(this.#sequence, call, inputs, stripped),
      );
    });
    const logits = inKerasOrder(b, tensors.get(output)!);
    const units = logits.shape[logits.shape.length - 1]!;
    b.output('logits', this.#logits(logits, steps, units));
    return units;
  }

  #logits({ value, shape }: KerasTensor, steps: number, units: number): Value {
    const { b } = this.#sequence;
    if (shape.length === 1) return reshape(b, value, [1, -1, units]);
    if (shape.length === 2 && shape[0] === steps) return transpose(b, value, [2, 0, 1]);
    return unsupported(
      `The model gives [${shape.join(', ')}]; scores of the sequence or of each of its steps are wanted.`,
    );
  }
}

/** A model that takes sequences of pictures. */
export function buildSequences(
  topology: Topology,
  weights: KerasWeights,
  { size, steps: wanted }: ReadOptions,
): Built<ImportedRecogniser> {
  const [fixed, ...rest] = topology.input;
  const steps = fixed ?? wanted ?? null;
  const picture = pictureShape(rest, size);
  // With a single step, taking the last one would look like taking all.
  const nominal = Math.max(2, steps ?? NOMINAL_STEPS);
  const built = new RecogniserBuilder(topology, weights, steps === null).build(nominal, picture);
  return { kind: 'recogniser', ...built, height: picture.height, width: picture.width, steps };
}
