/**
 * Makes graphs of a Keras model. A model of single pictures is one graph. A model of sequences is cut in two where it
 * first looks at more than one frame: all that does not depend on the order of frames, up to and including the
 * projection of the first recurrent layer's input, is done frame by frame.
 */
import { NeuroreelError } from '../../../protocol/errors.js';
import { GraphBuilder, type Value } from '../../graph/graph.js';
import type { Shape } from '../../graph/shape.js';
import { concat, reshape, sliceAxis, transpose } from '../../ops/layout.js';
import type { ImportedNetwork, ImportedRecogniser, ReadOptions } from '../format.js';
import type { LayerContext } from './layers/definition.js';
import { inKerasOrder, type KerasTensor } from './tensor.js';
import { INPUT, type LayerCall, type Topology } from './topology.js';
import type { KerasWeights } from './weights.js';

/** Frames for which a sequence's shapes are worked out where the file leaves them open; any number runs. */
const NOMINAL_STEPS = 16;
const MAX_SIDE = 4096;

function unsupported(message: string): never {
  throw new NeuroreelError('MODEL_FORMAT_UNSUPPORTED', message);
}

/** Names of weights over all graphs of a model: one name always means the same numbers. */
class WeightNames {
  readonly #known = new Map<string, Float32Array>();

  nameFor(wanted: string, data: Float32Array): string {
    for (let i = 1; ; i++) {
      const name = i === 1 ? wanted : `${wanted}.${i}`;
      const known = this.#known.get(name);
      if (!known) this.#known.set(name, data);
      if (!known || (known.length === data.length && known.every((x, k) => x === data[k]))) return name;
    }
  }
}

/** A graph being made, and the weights that it takes. */
class NetworkBuilder {
  readonly b = new GraphBuilder();
  readonly #weights: KerasWeights;
  readonly #names: WeightNames;
  readonly #constants = new Map<string, Value>();

  constructor(weights: KerasWeights, names: WeightNames) {
    this.#weights = weights;
    this.#names = names;
  }

  context(name: string, weightNames: readonly string[], leading: number): LayerContext {
    return {
      b: this.b,
      leading,
      weight: (weight, shape) => this.#weights.find(weightNames, weight, shape),
      part: (part) =>
        this.context(`${name}.${part}`, [...weightNames.map((outer) => `${outer}/${part}`), part], leading),
      constant: (what, data, shape) => this.#constant(`${name}.${what}`, data, shape),
    };
  }

  #constant(wanted: string, data: Float32Array, shape: Shape): Value {
    const name = this.#names.nameFor(wanted, data);
    let value = this.#constants.get(name);
    if (!value) {
      value = this.b.constant(data, shape, name);
      this.#constants.set(name, value);
    }
    return value;
  }

  /** Runs something of a layer; what goes wrong there is told with the layer's name. */
  inLayer<T>(call: LayerCall, leading: number, run: (c: LayerContext) => T): T {
    try {
      return run(this.context(call.name, call.weightNames, leading));
    } catch (error) {
      if (!(error instanceof NeuroreelError) || error.code !== 'GRAPH_INVALID') throw error;
      const message = `The layer "${call.name}" (${call.className}): ${error.message}`;
      throw new NeuroreelError('GRAPH_INVALID', message, { cause: error });
    }
  }

  /** The output of a layer with its activation; without the softmax it ends with where that is `stripped`. */
  layer(call: LayerCall, inputs: readonly KerasTensor[], leading: number, stripped: boolean): KerasTensor {
    return this.inLayer(call, leading, (c) => {
      if (stripped && call.className === 'Softmax') return inputs[0]!;
      const y = call.type.build(c, inputs, call.config);
      return call.activation && !stripped ? call.activation(c, y) : y;
    });
  }

  /** A recurrent layer from its projected gates on. */
  steps(call: LayerCall, projected: Value): KerasTensor {
    return this.inLayer(call, 1, (c) => call.type.recurrent!.steps(c, projected, call.config));
  }
}

/** The layers after which a softmax is still one over the units: they leave every number as it is. */
const TRANSPARENT: ReadonlySet<string> = new Set(['Reshape', 'Flatten', 'Dropout', 'Activation']);

/** The call whose softmax ends the network, or null: logits are what it is given. */
function finalSoftmax({ calls, output }: Topology): number | null {
  const uses = new Map<number, number>();
  for (const { inputs } of calls) for (const input of inputs) uses.set(input, (uses.get(input) ?? 0) + 1);
  for (let at = output; at !== INPUT;) {
    const call = calls[at]!;
    if (call.softmax) {
      if ((uses.get(at) ?? 0) > (at === output ? 0 : 1)) {
        unsupported(`The probabilities of "${call.name}" are used by several layers, so there are no logits.`);
      }
      return at;
    }
    const passes = TRANSPARENT.has(call.className) && call.activation === null && call.inputs.length === 1;
    if (!passes) return null;
    at = call.inputs[0]!;
  }
  return null;
}

/** Gives layers out under their names, each value once. */
class NamedOutputs {
  readonly #b: GraphBuilder;
  readonly #given: Set<number>;
  readonly #names: Set<string>;

  /** @param hidden values that are no layers: the input, and what is given out under another name. */
  constructor(b: GraphBuilder, hidden: readonly Value[], reserved: readonly string[]) {
    this.#b = b;
    this.#given = new Set(hidden.map(({ id }) => id));
    this.#names = new Set(reserved);
  }

  add(name: string, value: Value): void {
    if (this.#given.has(value.id)) return;
    this.#given.add(value.id);
    let free = name;
    for (let i = 1; this.#names.has(free); i++) free = `${name}/${i}`;
    this.#names.add(free);
    this.#b.output(free, value);
  }
}

interface PictureShape {
  readonly height: number;
  readonly width: number;
  readonly channels: number;
}

function pictureShape(shape: readonly (number | null)[], size: ReadOptions['size']): PictureShape {
  const [h, w, channels] = shape;
  const [height, width] = [h ?? size?.[0], w ?? size?.[1]];
  if (height === undefined || width === undefined || channels === null || channels === undefined) {
    return unsupported(
      `The model leaves the size of its input open, [${shape.join(', ')}]; give a height and a width.`,
    );
  }
  const sides = [height, width, channels];
  if (!sides.every((n) => Number.isInteger(n) && n > 0 && n <= MAX_SIDE)) {
    throw new NeuroreelError('GRAPH_INVALID', `The model's input has an impossible size, [${sides.join(', ')}].`);
  }
  return { height, width, channels };
}

function buildNetwork(
  topology: Topology,
  weights: KerasWeights,
  picture: PictureShape,
): Omit<ImportedNetwork, 'origin'> {
  const { height, width, channels } = picture;
  const builder = new NetworkBuilder(weights, new WeightNames());
  const { b } = builder;
  const image = b.input('image', [1, channels, height, width]);
  const tensors = new Map<number, KerasTensor>([[INPUT, { value: image, shape: [height, width, channels] }]]);
  const softmaxCall = finalSoftmax(topology);
  topology.calls.forEach((call, i) => {
    const inputs = call.inputs.map((input) => tensors.get(input)!);
    tensors.set(i, wholeSequence(builder, call, inputs, i === softmaxCall));
  });
  const result = tensors.get(topology.output)!;
  const logits = inKerasOrder(b, result).value;
  const outputs = new NamedOutputs(b, [image, logits, result.value], ['logits']);
  topology.calls.forEach((call, i) => outputs.add(call.name, tensors.get(i)!.value));
  b.output('logits', logits);
  const units = result.shape[result.shape.length - 1]!;
  return { kind: 'network', graphs: { network: b.build() }, height, width, units };
}

/** A layer on tensors that hold whole sequences, or no sequences at all. */
function wholeSequence(
  builder: NetworkBuilder,
  call: LayerCall,
  inputs: readonly KerasTensor[],
  stripped: boolean,
): KerasTensor {
  if (call.distributed && !call.type.pointwise) {
    return unsupported(
      `TimeDistributed(${call.className}) "${call.name}" cannot be imported after a layer that reads the whole sequence.`,
    );
  }
  // A distributed layer counts its axes without the time.
  return builder.layer(call, inputs, call.distributed ? 0 : 1, stripped);
}

/** What passes from the frames to the sequence: a vector a frame. */
interface Crossing {
  readonly value: Value;
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

  constructor(topology: Topology, weights: KerasWeights) {
    const names = new WeightNames();
    this.#topology = topology;
    this.#frames = new NetworkBuilder(weights, names);
    this.#sequence = new NetworkBuilder(weights, names);
    this.#softmax = finalSoftmax(topology);
  }

  build(steps: number, { height, width, channels }: PictureShape): Pick<ImportedRecogniser, 'graphs' | 'units'> {
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
    for (const [i, { value }] of this.#perFrame) if (i !== INPUT) outputs.add(this.#topology.calls[i]!.name, value);
    b.output(name, boundary);
    const units = this.#buildSequence(name, steps, boundary.shape[1]!);
    return { graphs: { frames: b.build(), sequence: this.#sequence.b.build() }, units };
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
      const { value } = inKerasOrder(this.#frames.b, this.#vector(tensor, source));
      this.#crossings.push({ value, projectionOf: null, source });
    };
    calls.forEach((call, i) => {
      if (this.#perFrame.has(i)) return;
      const first = call.inputs.length === 1 ? this.#perFrame.get(call.inputs[0]!) : undefined;
      if (!first || !call.type.recurrent) return call.inputs.forEach(cross);
      const x = this.#vector(first, call.inputs[0]!);
      const { value } = this.#frames.inLayer(call, 1, (c) => call.type.recurrent!.project(c, x, call.config));
      this.#crossings.push({ value, projectionOf: i, source: call.inputs[0]! });
    });
    cross(output);
  }

  #vector(tensor: KerasTensor, source: number): KerasTensor {
    if (tensor.shape.length === 1) return tensor;
    const name = source === INPUT ? 'the input' : `"${this.#topology.calls[source]!.name}"`;
    const shape = `[${tensor.shape.join(', ')}]`;
    return unsupported(`${name} gives ${shape} at each step to a layer that reads the sequence; only vectors can be.`);
  }

  /** The part that reads the sequence, from the boundary [T, 1, G] to the logits [S, 1, C]; returns C. */
  #buildSequence(name: string, steps: number, width: number): number {
    const { calls, output } = this.#topology;
    const { b } = this.#sequence;
    const input = b.input(name, [steps, 1, width]);
    const tensors = new Map<number, KerasTensor>();
    const projections = new Map<number, Value>();
    let at = 0;
    for (const { value, projectionOf, source } of this.#crossings) {
      const size = value.shape[1]!;
      const part = sliceAxis(b, input, 2, at, at + size);
      at += size;
      if (projectionOf !== null) projections.set(projectionOf, part);
      else tensors.set(source, { value: transpose(b, part, [1, 2, 0]), shape: [steps, size] });
    }
    calls.forEach((call, i) => {
      if (this.#perFrame.has(i)) return;
      const projected = projections.get(i);
      const inputs = call.inputs.map((source) => tensors.get(source)!);
      const stripped = i === this.#softmax;
      tensors.set(
        i,
        projected ? this.#sequence.steps(call, projected) : wholeSequence(this.#sequence, call, inputs, stripped),
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

/**
 * Makes the graphs of a model.
 * @throws NeuroreelError MODEL_FORMAT_UNSUPPORTED for an input that is neither a picture nor a sequence of pictures,
 * GRAPH_INVALID where shapes do not fit, MODEL_INVALID where weights are missing.
 */
export function buildModel(
  topology: Topology,
  weights: KerasWeights,
  { size }: ReadOptions = {},
): Omit<ImportedRecogniser, 'origin'> | Omit<ImportedNetwork, 'origin'> {
  const { input } = topology;
  if (input.length === 3) return buildNetwork(topology, weights, pictureShape(input, size));
  if (input.length !== 4) {
    unsupported(`The model's input has ${input.length + 1} axes; pictures have 4 and sequences of pictures 5.`);
  }
  const steps = input[0] ?? null;
  const picture = pictureShape(input.slice(1), size);
  // With a single step, taking the last one would look like taking all.
  const nominal = Math.max(2, steps ?? NOMINAL_STEPS);
  const built = new RecogniserBuilder(topology, weights).build(nominal, picture);
  return { kind: 'recogniser', ...built, height: picture.height, width: picture.width, steps };
}
