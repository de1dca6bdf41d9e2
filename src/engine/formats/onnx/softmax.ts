/** The softmax that ends a network, which is no part of its logits. */
import { sizeOf } from '../../graph/shape.js';
import { isLive, type Operand } from './live.js';
import { softmaxAxes } from './ops/activation.js';
import type { Plan, PlannedNode } from './plan.js';

const SOFTMAXES: ReadonlySet<string> = new Set(['Softmax', 'LogSoftmax']);
/** The ops after which a softmax is still one over the units: they leave every number as it is. */
const TRANSPARENT: ReadonlySet<string> = new Set([
  'Reshape',
  'Flatten',
  'Squeeze',
  'Unsqueeze',
  'Transpose',
  'Identity',
  'Dropout',
  'Cast',
]);

/** The softmax with which the model ends, or null: logits are what it is given. */
export function finalSoftmax({ nodes, output }: Plan): PlannedNode | null {
  const makers = new Map(nodes.flatMap((node) => node.outputs.map((name): [string, PlannedNode] => [name, node])));
  for (let name = output; ;) {
    const node = makers.get(name);
    if (!node) return null;
    if (SOFTMAXES.has(node.opType)) return node;
    if (!TRANSPARENT.has(node.opType) || node.outputs[0] !== name) return null;
    name = node.facts.inputs[0]!;
  }
}

/** Whether a softmax runs over all units: what it leaves alone are single axes, pictures, or steps. */
export function overUnits(node: PlannedNode, x: Operand, steps: number): boolean {
  if (!isLive(x)) return false;
  const { axis } = node.attributes as { axis?: number };
  const axes = softmaxAxes(x.shape.length, axis, node.facts.opset);
  const rest = x.shape.filter((_, i) => !axes.includes(i) && i !== x.lanes);
  return [1, steps].includes(sizeOf(rest));
}
