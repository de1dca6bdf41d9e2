/**
 * Makes graphs of a Keras model. A model of single pictures, or of codes that become pictures, is one graph. A model of
 * sequences is cut in two where it first looks at more than one frame: all that does not depend on the order of frames,
 * up to and including the projection of the first recurrent layer's input, is done frame by frame.
 */
import { NeuroreelError } from '../../../protocol/errors.js';
import { GraphBuilder, type Value } from '../../graph/graph.js';
import { checkShape, sizeOf, type Shape } from '../../graph/shape.js';
import { concat, reshape, sliceAxis, transpose } from '../../ops/layout.js';
import type { ImportedGenerator, ImportedNetwork, ImportedRecogniser, ReadOptions } from '../format.js';
import type { LayerContext, Writer } from './layers/definition.js';
import { asSequence, atEachStep, stepByStep } from './layers/sequence.js';
import { inKerasOrder, type KerasTensor } from './tensor.js';
import { INPUT, type LayerCall, type Topology } from './topology.js';
import type { KerasWeights } from './weights.js';

/** Frames for which a sequence's shapes are worked out where the file leaves them open; any number runs. */
const NOMINAL_STEPS = 16;
const MAX_SIDE = 4096;
/** Nodes beyond which a graph is not made: recurrences that are written out multiply. */
const MAX_NODES = 50_000;

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
  readonly #writer: Writer;
  readonly #openSteps: boolean;

  /** @param openSteps whether the file leaves open how many steps the sequences have that this graph reads. */
  constructor(weights: KerasWeights, names: WeightNames, writer: Writer, openSteps = false) {
    this.#weights = weights;
    this.#names = names;
    this.#writer = writer;
    this.#openSteps = openSteps;
  }

  context(name: string, weightNames: readonly string[], leading: number): LayerContext {
    return {
      b: this.b,
      leading,
      writer: this.#writer,
      weight: (weight, shape) => this.#weights.find(weightNames, weight, shape),
      part: (part) =>
        this.context(`${name}.${part}`, [...weightNames.map((outer) => `${outer}/${part}`), part], leading),
      constant: (what, data, shape) => this.#constant(`${name}.${what}`, data, shape),
      needSteps: () => {
        if (!this.#openSteps) return;
        unsupported(`"${name}" is made for a number of frames, which the file leaves open; give the number.`);
      },
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
      const result = run(this.context(call.name, call.weightNames, leading));
      if (this.b.nodes.length > MAX_NODES) {
        throw new NeuroreelError('GRAPH_INVALID', `the model would become a graph of more than ${MAX_NODES} nodes.`);
      }
      return result;
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
  /** Classes of the layers by the names they were given out under. */
  readonly types: Record<string, string> = {};
  readonly #b: GraphBuilder;
  readonly #given: Set<number>;
  readonly #names: Set<string>;

  /** @param hidden values that are no layers: the input, and what is given out under another name. */
  constructor(b: GraphBuilder, hidden: readonly Value[], reserved: readonly string[]) {
    this.#b = b;
    this.#given = new Set(hidden.map(({ id }) => id));
    this.#names = new Set(reserved);
  }

  add({ name, className }: LayerCall, value: Value): void {
    if (this.#given.has(value.id)) return;
    this.#given.add(value.id);
    let free = name;
    for (let i = 1; this.#names.has(free); i++) free = `${name}/${i}`;
    this.#names.add(free);
    this.#b.output(free, value);
    this.types[free] = className;
  }

  /** Gives out what is known under a name of its own, the work of a layer. */
  end(name: string, value: Value, { className }: LayerCall): void {
    this.#b.output(name, value);
    this.types[name] = className;
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

/** Runs all calls of a model of one picture or code; returns what each gives. */
function allCalls(
  builder: NetworkBuilder,
  { calls }: Topology,
  input: KerasTensor,
  softmaxCall: number | null,
): ReadonlyMap<number, KerasTensor> {
  const tensors = new Map<number, KerasTensor>([[INPUT, input]]);
  calls.forEach((call, i) => {
    const inputs = call.inputs.map((source) => tensors.get(source)!);
    tensors.set(i, readingAll(builder, call, inputs, i === softmaxCall));
  });
  return tensors;
}

function buildNetwork(topology: Topology, weights: KerasWeights, picture: PictureShape): Built<ImportedNetwork> {
  const { height, width, channels } = picture;
  const builder = new NetworkBuilder(weights, new WeightNames(), topology.writer);
  const { b } = builder;
  const image = b.input('image', [1, channels, height, width]);
  const input = { value: image, shape: [height, width, channels] };
  const tensors = allCalls(builder, topology, input, finalSoftmax(topology));
  const result = tensors.get(topology.output)!;
  // What is no vector lies in the engine's order, channels first, as networks that read it want it.
  const logits = result.shape.length === 1 ? inKerasOrder(b, result).value : reshape(b, result.value, [0, -1]);
  const outputs = new NamedOutputs(b, [image, logits, result.value], ['logits']);
  topology.calls.forEach((call, i) => outputs.add(call, tensors.get(i)!.value));
  outputs.end('logits', logits, topology.calls[topology.output]!);
  const { types } = outputs;
  return { kind: 'network', graphs: { network: b.build() }, height, width, units: logits.shape[1]!, types };
}

/** Whether a shape is that of a picture in colour. */
const isPicture = (shape: Shape): boolean => shape.length === 3 && shape[2] === 3;

/**
 * A model as one that draws pictures of codes, [D] or [h, w, C].
 * @returns null where it gives something else.
 */
function buildGenerator(topology: Topology, weights: KerasWeights, shape: Shape): Built<ImportedGenerator> | null {
  const builder = new NetworkBuilder(weights, new WeightNames(), topology.writer);
  const { b } = builder;
  const code = shape.length === 1 ? [...shape] : [shape[2]!, shape[0]!, shape[1]!];
  checkShape(code, 'The code');
  const flat = b.input('code', [1, sizeOf(code)]);
  const value = shape.length === 1 ? flat : reshape(b, flat, [0, ...code]);
  const tensors = allCalls(builder, topology, { value, shape }, null);
  const image = tensors.get(topology.output)!;
  if (!isPicture(image.shape)) return null;
  const [height, width] = image.shape as [number, number, number];
  const outputs = new NamedOutputs(b, [flat, value, image.value], ['image']);
  topology.calls.forEach((call, i) => outputs.add(call, tensors.get(i)!.value));
  outputs.end('image', image.value, topology.calls[topology.output]!);
  return { kind: 'generator', graphs: { generator: b.build() }, height, width, code, types: outputs.types };
}

/** A layer on tensors that hold whole sequences, or no sequences at all. */
function readingAll(
  builder: NetworkBuilder,
  call: LayerCall,
  inputs: readonly KerasTensor[],
  stripped: boolean,
): KerasTensor {
  if (!call.distributed) return builder.layer(call, inputs, 1, stripped);
  // A distributed layer counts its axes without the time.
  if (call.type.pointwise) return builder.layer(call, inputs, 0, stripped);
  const [x] = inputs;
  const { b } = builder;
  const each = (c: LayerContext): Value =>
    atEachStep(c.b, stepByStep(c.b, x!), (item) => builder.layer(call, [item], 1, stripped));
  return asSequence(b, builder.inLayer(call, 1, each));
}

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

type Built<M extends { readonly origin: string }> = Omit<M, 'origin'>;

/**
 * A model that takes pictures: one that scores them, or one whose input is the code of a larger picture.
 * @param shape of the input, rows first.
 */
function buildPictures(
  topology: Topology,
  weights: KerasWeights,
  picture: PictureShape,
): Built<ImportedNetwork> | Built<ImportedGenerator> {
  const { height, width, channels } = picture;
  // Pictures in grey or colour are no codes.
  const drawn = channels === 1 || channels === 3 ? null : buildGenerator(topology, weights, [height, width, channels]);
  if (drawn && drawn.height > height && drawn.width > width) return drawn;
  return buildNetwork(topology, weights, picture);
}

function buildSequences(
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

/**
 * Makes the graphs of a model.
 * @throws NeuroreelError MODEL_FORMAT_UNSUPPORTED for an input that is neither a picture nor a sequence of pictures nor
 * a code that becomes a picture, GRAPH_INVALID where shapes do not fit, MODEL_INVALID where weights are missing.
 */
export function buildModel(
  topology: Topology,
  weights: KerasWeights,
  options: ReadOptions = {},
): Built<ImportedRecogniser> | Built<ImportedNetwork> | Built<ImportedGenerator> {
  const { input } = topology;
  if (input.length === 3) return buildPictures(topology, weights, pictureShape(input, options.size));
  if (input.length === 4) return buildSequences(topology, weights, options);
  const [length] = input;
  if (input.length === 1 && typeof length === 'number') {
    const generator = buildGenerator(topology, weights, [length]);
    if (generator) return generator;
  }
  return unsupported(
    `The model takes [${input.map((dim) => dim ?? 'any').join(', ')}]; pictures, sequences of pictures, and codes that ` +
      'become pictures can be imported.',
  );
}
