/** Networks that are one graph: the whole net as it stands in its file, networks for pictures, generators of pictures. */
import { NeuroreelError } from '../../../protocol/errors.js';
import type { Graph, Value } from '../../graph/graph.js';
import { showShape, sizeOf } from '../../graph/shape.js';
import { reshape } from '../../ops/layout.js';
import type { ImportedGenerator, ImportedNetwork } from '../format.js';
import { shapeOf, type Blob } from './blob.js';
import { callsBehind, giveOut, logitsOf, madeOf, unsupported, type Result } from './graphs.js';
import type { Net } from './net.js';
import { LayerRunner } from './runner.js';
import type { WeightSource } from './weights.js';

const MAX_SIDE = 4096;

/** A net as it stands in its file, with every blob for an output. */
export interface WholeNet {
  /** Inputs and outputs have the names and shapes of the file, batch included; see `giveOut` for overwritten blobs. */
  readonly graph: Graph;
  /** Type of the layer that makes each output. */
  readonly types: Readonly<Record<string, string>>;
}

/** Runs all layers whose inputs there are. */
function runAll(net: Net, runner: LayerRunner, blobs: Map<number, Blob>): void {
  for (const call of net.calls) {
    const inputs = call.inputs.map((blob) => blobs.get(blob));
    if (inputs.includes(undefined)) continue;
    const outputs = runner.run(call, inputs as Blob[]);
    call.outputs.forEach((blob, i) => blobs.set(blob, outputs[i]!));
  }
}

const valuesOf = (blobs: ReadonlyMap<number, Blob>): Map<number, Value> =>
  new Map([...blobs].map(([blob, { value }]) => [blob, value]));

/**
 * The whole net, with the batch of its file.
 * @param shapes of its inputs, in their order.
 */
export function buildWhole(net: Net, weights: WeightSource, shapes: readonly (readonly number[])[]): WholeNet {
  const runner = new LayerRunner(weights);
  const { b } = runner;
  const blobs = new Map<number, Blob>();
  net.inputs.forEach(({ name }, i) => {
    blobs.set(i, { value: b.input(name, shapes[i]!), batch: [], inner: shapes[i]! });
  });
  runAll(net, runner, blobs);
  const types = giveOut(b, net, valuesOf(blobs));
  return { graph: b.build(), types };
}

/** What of a net hangs on one input alone; throws when its result needs more. */
function checkAlone(net: Net, input: number, { blob }: Result): void {
  const behind = [...callsBehind(net, blob)].flatMap((call) => net.calls[call]!.inputs);
  const others = net.inputs.filter((_, i) => i !== input && behind.includes(i)).map(({ name }) => `"${name}"`);
  if (others.length > 0)
    unsupported(`The network has several inputs; besides the first it takes ${others.join(', ')}.`);
}

/** The layers before the softmax on a net's input; with the blob of the result. */
function runOn(net: Net, runner: LayerRunner, input: number, x: Blob, result: Result): Map<number, Blob> {
  checkAlone(net, input, result);
  const alone = madeOf(net, [input]);
  const blobs = new Map([[input, x]]);
  const calls = net.calls.filter((call, i) => !result.beyond.has(i) && call.inputs.every((blob) => alone[blob]));
  runAll({ ...net, calls }, runner, blobs);
  return blobs;
}

function checkSides(name: string, sides: readonly number[]): void {
  if (sides.every((side) => side <= MAX_SIDE)) return;
  throw new NeuroreelError('GRAPH_INVALID', `The input "${name}" has an impossible size, ${showShape(sides)}.`);
}

/** A network for pictures, made for one of them. @param shape of its input in the file. */
export function buildNetwork(
  net: Net,
  weights: WeightSource,
  input: number,
  shape: readonly number[],
  result: Result,
): Omit<ImportedNetwork, 'origin'> {
  const [batch, channels, height, width] = shape as [number, number, number, number];
  checkSides(net.inputs[input]!.name, [channels, height, width]);
  const runner = new LayerRunner(weights);
  const { b } = runner;
  const image = b.input('image', [1, channels, height, width]);
  const blobs = runOn(net, runner, input, { value: image, batch: [batch], inner: [channels, height, width] }, result);
  const y = blobs.get(result.blob)!;
  const logits = logitsOf(b, y, result);
  const types = giveOut(b, net, valuesOf(blobs), { logits });
  b.output('logits', logits);
  return { kind: 'network', graphs: { network: b.build() }, height, width, units: sizeOf(y.inner), types };
}

/** A network that draws pictures of codes, made for one code. @param shape of its input in the file. */
export function buildGenerator(
  net: Net,
  weights: WeightSource,
  input: number,
  shape: readonly number[],
  result: Result,
): Omit<ImportedGenerator, 'origin'> | null {
  const [batch, ...code] = shape as [number, ...number[]];
  const runner = new LayerRunner(weights);
  const { b } = runner;
  const flat = b.input('code', [1, sizeOf(code)]);
  const value = code.length === 1 ? flat : reshape(b, flat, [0, ...code]);
  const blobs = runOn(net, runner, input, { value, batch: [batch], inner: code }, result);
  const y = blobs.get(result.blob)!;
  const [channels, height, width] = y.inner as [number, number, number];
  if (shapeOf(y).length !== 4 || channels !== 3 || height < 2 || width < 2) return null;
  const types = giveOut(b, net, valuesOf(blobs), { image: y.value });
  b.output('image', y.value);
  return { kind: 'generator', graphs: { generator: b.build() }, code, height, width, types };
}
