/** What the graphs of a network have in common: which blobs hang on which inputs, where its result is, names of outputs. */
import { NeuroreelError } from '../../../protocol/errors.js';
import type { GraphBuilder, Value } from '../../graph/graph.js';
import { reshape } from '../../ops/layout.js';
import type { ReadOptions } from '../format.js';
import type { NetInput, OpenShape } from './data.js';
import { innerAxis, keeping, type Blob } from './blob.js';
import type { LayerCall, Net } from './net.js';
import { inLayer } from './runner.js';

export function unsupported(message: string): never {
  throw new NeuroreelError('MODEL_FORMAT_UNSUPPORTED', message);
}

export const showOpen = (shape: OpenShape): string => `[${shape.map((dim) => dim ?? '?').join(', ')}]`;

/** Number of the input that the network is about: the first of pictures (four axes), or else the first. */
export function mainInput({ inputs }: Net): number {
  const pictures = inputs.findIndex(({ shape }) => shape.length === 4);
  return Math.max(0, pictures);
}

/** For each blob, whether it is made of the given inputs alone, and at least of one. */
export function madeOf(net: Net, inputs: readonly number[]): boolean[] {
  const made = net.blobs.map((_, blob) => inputs.includes(blob));
  for (const call of net.calls) {
    const all = call.inputs.length > 0 && call.inputs.every((blob) => made[blob]);
    for (const blob of call.outputs) made[blob] = all;
  }
  return made;
}

/** For each blob, whether it depends on an input. */
export function dependsOn(net: Net, input: number): boolean[] {
  const depends = net.blobs.map((_, blob) => blob === input);
  for (const call of net.calls) {
    const any = call.inputs.some((blob) => depends[blob]);
    for (const blob of call.outputs) depends[blob] = any;
  }
  return depends;
}

/** The calls that a blob depends on. */
export function callsBehind(net: Net, blob: number): Set<number> {
  const wanted = new Set<number>();
  const blobs = [blob];
  for (let next = blobs.pop(); next !== undefined; next = blobs.pop()) {
    const { maker } = net.blobs[next]!;
    if (maker === null || wanted.has(maker)) continue;
    wanted.add(maker);
    blobs.push(...net.calls[maker]!.inputs);
  }
  return wanted;
}

export interface Result {
  /** The blob with the network's result, before a softmax that it ends with. */
  readonly blob: number;
  /** Calls that only turn it into probabilities. */
  readonly beyond: ReadonlySet<number>;
  readonly softmax: LayerCall | null;
}

/** Layers after which a softmax is still one over the units: they leave every number as it is. */
const TRANSPARENT: ReadonlySet<string> = new Set(['Reshape', 'Flatten', 'Dropout', 'Split']);

/**
 * The result of a network: the last blob that nothing reads, of those that depend on the main input. Where it is a
 * softmax, or the logarithm of one, the result is what the softmax is given.
 */
export function resultOf(net: Net, depends: readonly boolean[]): Result {
  const blob = net.blobs.findLastIndex(({ maker, readers }, i) => maker !== null && depends[i] && readers.length === 0);
  const none: Result = { blob, beyond: new Set(), softmax: null };
  if (blob < 0) unsupported('Nothing in the network depends on its input.');
  const beyond = new Set<number>();
  for (let at = blob; ;) {
    const { maker, readers } = net.blobs[at]!;
    const call = maker === null ? undefined : net.calls[maker];
    if (!call || (at !== blob && readers.length > 1)) return none;
    beyond.add(maker!);
    if (call.typeName === 'Softmax') return { blob: call.inputs[0]!, beyond, softmax: call };
    const passes = TRANSPARENT.has(call.typeName) || (call.typeName === 'Log' && at === blob);
    if (!passes || call.inputs.length !== 1) return none;
    at = call.inputs[0]!;
  }
}

/** The scores of a network, [..., units], from the blob of its result. A softmax that is left out must be over units. */
export function logitsOf(b: GraphBuilder, y: Blob, { softmax }: Result): Value {
  if (softmax) inLayer(softmax, () => innerAxis(y, (softmax.config as { axis: number }).axis));
  return y.inner.length === 1 ? y.value : reshape(b, y.value, keeping(y, [-1]));
}

/** Height and width where a file leaves them open. @throws MODEL_FORMAT_UNSUPPORTED where they are not given. */
export function closed({ name, shape }: NetInput, batch: number, size: ReadOptions['size']): number[] {
  return shape.map((dim, axis) => {
    const given = axis === 0 ? batch : axis >= 2 && shape.length === 4 ? size?.[axis - 2] : undefined;
    if (dim ?? given) return (dim ?? given)!;
    return unsupported(
      `The network leaves the size of its input "${name}" open, ${showOpen(shape)}; give a height and a width.`,
    );
  });
}

/** The type of the layer that made each blob's value; what passes a value on (a dropout) made nothing. */
function makersTypes({ blobs, calls }: Net, values: ReadonlyMap<number, Value>): string[] {
  const types = blobs.map(() => '');
  for (const { typeName, inputs, outputs } of calls) {
    for (const blob of outputs) {
      const same = inputs.find((input) => values.has(blob) && values.get(input)?.id === values.get(blob)!.id);
      types[blob] = (same === undefined ? '' : types[same]!) || typeName;
    }
  }
  return types;
}

/**
 * Gives blobs out by name, and says by which types of layers they were made. A blob has its name in the file. What a
 * layer leaves in a blob that a later layer overwrites with something else is called `blob@layer`: `conv1@conv1` is the
 * convolution, `conv1` what `relu1` made of it in place.
 * @param reserved names that the caller gives to values of its own.
 */
export function giveOut(
  b: GraphBuilder,
  net: Net,
  values: ReadonlyMap<number, Value>,
  reserved: Readonly<Record<string, Value>> = {},
): Record<string, string> {
  const typeNames = makersTypes(net, values);
  const types: Record<string, string> = {};
  const taken = new Set(Object.keys(reserved));
  const counts = new Map<string, number>();
  const last = new Map(net.blobs.map(({ name }, i) => [name, i]));
  for (const [blob, value] of values) {
    const { name, maker } = net.blobs[blob]!;
    if (maker === null) continue;
    const final = last.get(name)!;
    if (final !== blob && values.get(final)?.id === value.id) continue;
    const wanted = final === blob ? name : `${name}@${net.calls[maker]!.name}`;
    if (reserved[wanted]?.id === value.id) continue;
    let free = wanted;
    let i = counts.get(wanted) ?? 0;
    while (taken.has(free)) free = `${wanted}/${++i}`;
    counts.set(wanted, i);
    taken.add(free);
    b.output(free, value);
    types[free] = typeNames[blob]!;
  }
  return types;
}
