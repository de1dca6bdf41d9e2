/** Finds out what a Caffe network is - a recogniser of sequences, a network for pictures, a generator - and builds it. */
import type { ImportedModel, ReadOptions } from '../format.js';
import { callsBehind, closed, dependsOn, mainInput, resultOf, showOpen, unsupported } from './graphs.js';
import type { Net } from './net.js';
import { buildRecogniser, groupings, isRecurrent } from './recogniser.js';
import { buildGenerator, buildNetwork, buildWhole, type WholeNet } from './single.js';
import { NetWeights, type WeightSource } from './weights.js';

/** A model but for where it comes from. */
type Built<M = ImportedModel> = M extends ImportedModel ? Omit<M, 'origin'> : never;

/** The number of frames in the file, as the reshapes before recurrent layers have it; 1 without any. */
function framesInFile(net: Net, calls: ReadonlySet<number>): number {
  for (const call of groupings(net, calls)) {
    const { shape = [] } = net.calls[call]!.config as { shape?: readonly number[] };
    const [steps = 0, count = 0] = shape;
    if (steps > 0 && count > 0) return steps * count;
  }
  return 1;
}

/**
 * Makes the graphs of a model.
 * @param source makes the weights anew each time it is called.
 * @throws NeuroreelError MODEL_FORMAT_UNSUPPORTED for what is none of the three, GRAPH_INVALID where shapes do not fit,
 * MODEL_INVALID where weights are missing.
 */
export function buildModel(net: Net, source: () => WeightSource, { size }: ReadOptions = {}): Built {
  const main = mainInput(net);
  const result = resultOf(net, dependsOn(net, main));
  const calls = callsBehind(net, result.blob);
  const recurrent = [...calls].some((call) => isRecurrent(net.calls[call]!));
  const input = net.inputs[main]!;
  const weights = (): WeightSource => new NetWeights(source(), net.calls);
  const pictures = input.shape.length === 4;
  if (recurrent && pictures) {
    const shape = closed(input, framesInFile(net, calls), size);
    return buildRecogniser(net, weights(), main, shape, result);
  }
  const shape = closed(input, 1, size);
  const [, channels, height] = shape;
  const coloured = pictures && (channels === 1 || channels === 3) && height! > 1;
  if (!recurrent && shape.length >= 2 && !coloured) {
    const generator = buildGenerator(net, weights(), main, shape, result);
    if (generator) return generator;
  }
  if (!recurrent && pictures) return buildNetwork(net, weights(), main, shape, result);
  const inputs = net.inputs.map(({ name, shape: open }) => `"${name}" ${showOpen(open)}`).join(', ');
  return unsupported(
    `The network takes ${inputs}: neither pictures or sequences of pictures, nor a code that it makes a picture of.`,
  );
}

/** The whole net as its file has it; see `buildWhole`. */
export function buildWholeNet(net: Net, source: () => WeightSource, { size }: ReadOptions = {}): WholeNet {
  const all = new Set(net.calls.keys());
  const batch = net.inputs.some(({ shape }) => shape[0] === null) ? framesInFile(net, all) : 1;
  const shapes = net.inputs.map((input) => closed(input, batch, size));
  return buildWhole(net, new NetWeights(source(), net.calls), shapes);
}
