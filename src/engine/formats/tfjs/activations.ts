/** Keras activation functions by name, as ops of the graph. */
import type { GraphBuilder, Value } from '../../graph/graph.js';
import { clip, relu } from '../../ops/activation.js';
import { exp, sigmoid, tanh } from '../../ops/elementwise.js';
import { elu, gelu, geluTanh, hardSigmoid, mish, selu, softsign, swish } from '../../ops/nonlinear.js';
import { softplus } from '../../ops/smooth.js';
import { logSoftmax, softmax } from '../../ops/softmax.js';
import { channelsLast, fromChannelsLast, inKerasOrder, type KerasTensor } from './tensor.js';

type Activation = (b: GraphBuilder, x: KerasTensor) => KerasTensor;

const elementwise =
  (f: (b: GraphBuilder, x: Value) => Value): Activation =>
  (b, x) => ({ ...x, value: f(b, x.value) });

/** A function of the last axis as Keras has it. */
const alongChannels =
  (f: (b: GraphBuilder, x: Value) => Value): Activation =>
  (b, x) =>
    x.shape.length === 1
      ? { value: f(b, inKerasOrder(b, x).value), shape: x.shape }
      : fromChannelsLast(b, f(b, channelsLast(b, x)), x.shape);

const SELU_ALPHA = 1.6732632423543772;
const SELU_SCALE = 1.0507009873554805;

const leakyRelu = (b: GraphBuilder, x: Value): Value => relu(b, x, 0.2);

/** Names in lower case without underscores: Python and JavaScript spell them differently. */
const ACTIVATIONS: Readonly<Record<string, Activation>> = {
  linear: (_, x) => x,
  relu: elementwise((b, x) => relu(b, x)),
  relu6: elementwise((b, x) => clip(b, x, 0, 6)),
  leakyrelu: elementwise(leakyRelu),
  elu: elementwise((b, x) => elu(b, x, 1)),
  selu: elementwise((b, x) => selu(b, x, SELU_ALPHA, SELU_SCALE)),
  sigmoid: elementwise(sigmoid),
  hardsigmoid: elementwise((b, x) => hardSigmoid(b, x, 0.2, 0.5)),
  tanh: elementwise(tanh),
  softplus: elementwise(softplus),
  softsign: elementwise(softsign),
  exponential: elementwise(exp),
  swish: elementwise((b, x) => swish(b, x)),
  silu: elementwise((b, x) => swish(b, x)),
  gelu: elementwise(gelu),
  gelunew: elementwise(geluTanh),
  mish: elementwise(mish),
  softmax: alongChannels(softmax),
  logsoftmax: alongChannels(logSoftmax),
};

export const ACTIVATION_NAMES: readonly string[] = Object.keys(ACTIVATIONS);

const keyOf = (name: string): string => name.toLowerCase().replaceAll('_', '');

/** The activation of a name; undefined where there is none of that name. */
export function activationNamed(name: string): Activation | undefined {
  const key = keyOf(name);
  return Object.hasOwn(ACTIVATIONS, key) ? ACTIVATIONS[key] : undefined;
}

/** Whether a name means the softmax, which is no part of a network's logits. */
export const isSoftmax = (name: string): boolean => keyOf(name) === 'softmax';

/** An activation as a configuration has it, for messages: its name, that of its class, or what kind of thing it is. */
export function shown(given: unknown): string {
  const name: unknown = typeof given === 'object' && given !== null && 'class_name' in given ? given.class_name : given;
  return typeof name === 'string' ? `"${name.slice(0, 100)}"` : `of the type ${typeof name}`;
}
