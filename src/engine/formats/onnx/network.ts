/** Models of single pictures, and generators: all of the model in one graph. */
import { NeuroreelError } from '../../../protocol/errors.js';
import { sizeOf } from '../../graph/shape.js';
import { concat } from '../../ops/layout.js';
import type { ImportedGenerator, ImportedNetwork } from '../format.js';
import { Draft, WeightNames, forOneLane } from './draft.js';
import { asCode, liveInput, type CodeInput, type ModelInput, type PictureInput } from './input.js';
import { Budget, type Known } from './known.js';
import { isLive, laneShape, unsupported, view, type Live, type Operand } from './live.js';
import { NamedOutputs } from './outputs.js';
import type { Plan, PlannedNode } from './plan.js';
import { buildNode, foldNode, type GraphContext } from './run-node.js';
import { finalSoftmax, overUnits } from './softmax.js';

interface Whole {
  readonly d: Draft;
  readonly input: Live;
  readonly output: Live;
  /** What each node gives first, in order; only what is computed. */
  readonly layers: readonly (readonly [PlannedNode, Live])[];
}

/** Puts all nodes of a model into one graph. */
function wholeModel(plan: Plan, size: number, given: ModelInput, name: string, batch: number | null): Whole {
  const budget = new Budget(size);
  const d = new Draft(new WeightNames(), budget);
  const input = liveInput(d, given, name, batch === null ? null : { axis: 0, extent: batch });
  const context: GraphContext = { d, budget, openSteps: null };
  const operands = new Map<string, Operand>([[plan.input.name, input]]);
  const layers: [PlannedNode, Live][] = [];
  const last = given.kind === 'code' ? null : finalSoftmax(plan);
  for (const node of plan.nodes) {
    const inputs = node.facts.inputs.map((tensor) =>
      tensor === '' ? null : (operands.get(tensor) ?? plan.initialiser(tensor)!),
    );
    const results = resultsOf(node, context, inputs, node === last);
    node.outputs.forEach((output, i) => results[i] && operands.set(output, results[i]));
    const [first] = results;
    if (first && isLive(first)) layers.push([node, first]);
  }
  const output = operands.get(plan.output)!;
  if (!isLive(output)) return unsupported("The model's output does not depend on its input.");
  return { d, input, output, layers };
}

function resultsOf(
  node: PlannedNode,
  context: GraphContext,
  inputs: readonly (Operand | null)[],
  last: boolean,
): (Operand | null)[] {
  if (inputs.every((x) => x === null || !isLive(x))) {
    return foldNode(node, context.budget, inputs as (Known | null)[]);
  }
  if (last && overUnits(node, inputs[0]!, 1)) return [inputs[0]!];
  return buildNode(node, context, inputs);
}

/** A model whose file fixes a batch may also be read as one of a single picture. */
function whicheverFits(plan: Plan, size: number, given: ModelInput, name: string): Whole {
  if (given.batch === null || given.batch === 1) return wholeModel(plan, size, given, name, null);
  try {
    return wholeModel(plan, size, given, name, given.batch);
  } catch (error) {
    try {
      return wholeModel(plan, size, given, name, null);
    } catch {
      const hint = 'export it with a batch of 1';
      if (!(error instanceof NeuroreelError)) {
        throw new NeuroreelError('MODEL_FORMAT_UNSUPPORTED', `The file mixes a batch of ${given.batch}; ${hint}.`, {
          cause: error,
        });
      }
      const message = `${error.message} The file fixes a batch of ${given.batch}; ${hint}.`;
      throw new NeuroreelError(error.code, message, { details: error.details, cause: error });
    }
  }
}

type Read<T> = Omit<T, 'origin'>;

/** Extents of a picture that a model gives, or null for anything else. */
function pictureGiven({ shape, lanes }: Live): { channels: number; height: number; width: number } | null {
  const [, channels, height, width] = shape as [number, number, number, number];
  const batch = lanes === 0 || (lanes === null && shape[0] === 1);
  return shape.length === 4 && batch && (channels === 3 || channels === 1) ? { channels, height, width } : null;
}

function network({ d, input, output, layers }: Whole, given: PictureInput): Read<ImportedNetwork> {
  const units = sizeOf(laneShape(output));
  const logits = view(d, output, [units]);
  const outputs = new NamedOutputs(d, [input.value, output.value, logits], ['logits']);
  for (const [node, layer] of layers) outputs.add(node, layer);
  d.b.output('logits', logits);
  const { height, width } = given;
  return { kind: 'network', graphs: { network: forOneLane(d.b.build()) }, height, width, units, types: outputs.types };
}

function generator({ d, input, output, layers }: Whole, given: CodeInput): Read<ImportedGenerator> {
  const picture = pictureGiven(output);
  if (!picture) {
    const shape = `[${output.shape.join(', ')}]`;
    return unsupported(`The model makes ${shape} of a code; only pictures [N, 3, H, W] can be made of one.`);
  }
  const { channels, height, width } = picture;
  const grey = view(d, output, [channels, height, width]);
  // Pictures of one channel are the same in all three colours.
  const image = channels === 3 ? grey : concat(d.b, [grey, grey, grey], 1);
  const outputs = new NamedOutputs(d, [input.value, output.value, image], ['image']);
  for (const [node, layer] of layers) outputs.add(node, layer);
  d.b.output('image', image);
  const code = given.shape.slice(1);
  return {
    kind: 'generator',
    graphs: { generator: forOneLane(d.b.build()) },
    code,
    height,
    width,
    types: outputs.types,
  };
}

/**
 * A model that takes a code or a picture. What makes pictures of something that is none, is a generator.
 * @param size bytes of the model's files.
 */
export function buildNetwork(
  plan: Plan,
  size: number,
  given: CodeInput | PictureInput,
): Read<ImportedNetwork> | Read<ImportedGenerator> {
  if (given.kind === 'code') return generator(whicheverFits(plan, size, given, 'code'), given);
  const whole = whicheverFits(plan, size, given, 'image');
  const drawn = pictureGiven(whole.output);
  if (!drawn || given.channels === 1 || given.channels === 3) return network(whole, given);
  const code = asCode(given);
  return generator(whicheverFits(plan, size, code, 'code'), code);
}
