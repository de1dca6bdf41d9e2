/**
 * Models of videos, cut in two where they first look at more than one frame: all that treats frames alone, up to and
 * including the projection of a recurrent layer's input, is one graph, whose lanes are frames; the rest is another one,
 * whose lanes are windows of frames. Where a model mixes frames from the start, the pixels cross.
 */
import { GraphBuilder, type Graph, type Value } from '../../graph/graph.js';
import { sizeOf } from '../../graph/shape.js';
import { inline } from '../../models/serialise.js';
import { concat, sliceAxis } from '../../ops/layout.js';
import { Draft, NOMINAL_LANES, WeightNames, forOneLane } from './draft.js';
import { liveInput, type FramesInput } from './input.js';
import { Budget, type Known } from './known.js';
import { MixesLanes, isLive, laneShape, unsupported, view, type Live, type Operand } from './live.js';
import { NamedOutputs } from './outputs.js';
import type { Plan, PlannedNode } from './plan.js';
import { buildContext, buildNode, checkedResults, foldNode, inNode, type GraphContext } from './run-node.js';
import { finalSoftmax, overUnits } from './softmax.js';

export interface BuiltRecogniser {
  readonly frames: Graph;
  readonly sequence: Graph;
  readonly units: number;
  readonly types: Readonly<Record<string, string>>;
  /** Whether a recurrent layer is what first reads the frames together. */
  readonly recurrent: boolean;
}

/** What passes from the frames to the sequence: a vector a frame, and the name that it has in the sequence's draft. */
interface Crossing {
  readonly name: string;
  readonly value: Value;
  readonly projection: boolean;
}

class RecogniserBuilder {
  readonly #plan: Plan;
  readonly #steps: number;
  readonly #frames: GraphContext;
  readonly #sequence: GraphContext;
  readonly #last: PlannedNode | null;
  readonly #input: Live;
  readonly #known = new Map<string, Known>();
  /** What is computed frame by frame; lanes are frames. */
  readonly #perFrame = new Map<string, Live>();
  /** What is computed of whole windows; lanes are windows. */
  readonly #whole = new Map<string, Live>();
  readonly #layers: [PlannedNode, Live][] = [];
  readonly #crossings: Crossing[] = [];

  /** @param open whether the number of steps is one of many, so that the graphs had better not hold on to it. */
  constructor(plan: Plan, size: number, input: FramesInput, steps: number, open: boolean) {
    const budget = new Budget(size);
    const names = new WeightNames();
    this.#plan = plan;
    this.#steps = steps;
    this.#frames = { d: new Draft(names, budget), budget, openSteps: null };
    this.#sequence = { d: new Draft(names, budget), budget, openSteps: open ? steps : null };
    this.#last = finalSoftmax(plan);
    this.#input = liveInput(this.#frames.d, input, 'frames', { axis: input.timeAxis, extent: steps });
    this.#perFrame.set(plan.input.name, this.#input);
  }

  build(): BuiltRecogniser {
    for (const node of this.#plan.nodes) this.#run(node);
    const logits = this.#find(this.#plan.output);
    if (!logits || !isLive(logits)) return unsupported("The model's output does not depend on its input.");
    const units = this.#giveLogits(this.#whole.get(this.#plan.output) ?? this.#cross(this.#plan.output));
    const recurrent = this.#crossings.some(({ projection }) => projection);
    return { ...this.#graphs(), units, recurrent };
  }

  #find(name: string): Operand | null {
    if (name === '') return null;
    return (
      this.#known.get(name) ?? this.#perFrame.get(name) ?? this.#whole.get(name) ?? this.#plan.initialiser(name) ?? null
    );
  }

  #run(node: PlannedNode): void {
    const inputs = node.facts.inputs.map((name) => this.#find(name));
    const live = node.facts.inputs.filter((name) => this.#perFrame.has(name) || this.#whole.has(name));
    if (live.length === 0) {
      return this.#keep(node, foldNode(node, this.#frames.budget, inputs as (Known | null)[]), null);
    }
    if (node === this.#last && overUnits(node, inputs[0]!, this.#steps)) {
      return this.#keep(node, [inputs[0]!], this.#perFrame.has(live[0]!) ? this.#perFrame : this.#whole);
    }
    if (live.every((name) => this.#perFrame.has(name))) {
      try {
        return this.#keep(node, buildNode(node, this.#frames, inputs), this.#perFrame);
      } catch (error) {
        if (!(error instanceof MixesLanes)) throw error;
      }
      const projected = this.#projected(node, inputs);
      if (projected) return this.#keep(node, projected, this.#whole);
    }
    const whole = node.facts.inputs.map((name) => (this.#perFrame.has(name) ? this.#cross(name) : this.#find(name)));
    this.#keep(node, buildNode(node, this.#sequence, whole), this.#whole);
  }

  /** Results by the names of a node's outputs; those that depend on the input into one of the two parts. */
  #keep(node: PlannedNode, results: readonly (Operand | null)[], part: Map<string, Live> | null): void {
    node.outputs.forEach((name, i) => {
      const result = results[i];
      if (name === '' || !result) return;
      if (isLive(result)) part!.set(name, result);
      else this.#known.set(name, result);
    });
    const [first] = results;
    if (part === this.#perFrame && first && isLive(first)) this.#layers.push([node, first]);
  }

  /** A recurrent layer whose input is made frame by frame: its projection is, too. */
  #projected(node: PlannedNode, inputs: readonly (Operand | null)[]): (Operand | null)[] | null {
    const { recurrent } = node.op;
    const [x, ...rest] = inputs;
    if (!recurrent || !x || !isLive(x) || x.lanes !== 0 || rest.some((other) => other && isLive(other))) return null;
    let gates: Value;
    try {
      gates = inNode(node, () => recurrent.project(buildContext(node, this.#frames), x, inputs, node.attributes));
    } catch (error) {
      if (error instanceof MixesLanes) return null;
      throw error;
    }
    const input = this.#crossing(gates, true);
    const context = buildContext(node, this.#sequence);
    return inNode(node, () => checkedResults(this.#sequence, recurrent.steps(context, input, inputs, node.attributes)));
  }

  /** A new input of the sequence, [T, 1, G], for what the frames give, [1, G]. */
  #crossing(value: Value, projection: boolean): Value {
    const name = `crossing ${this.#crossings.length}`;
    this.#crossings.push({ name, value, projection });
    return this.#sequence.d.b.input(name, [this.#steps, NOMINAL_LANES, value.shape[1]!]);
  }

  /** What was made frame by frame as a tensor of whole windows. */
  #cross(name: string): Live {
    const known = this.#whole.get(name);
    if (known) return known;
    const x = this.#perFrame.get(name)!;
    const own = laneShape(x);
    const { d } = this.#sequence;
    const input = this.#crossing(view(this.#frames.d, x, [sizeOf(own)]), false);
    const byWindow = d.transpose(input, [1, 0, 2]);
    const before = sizeOf(own.slice(0, x.lanes!));
    const split = [0, 0, before, sizeOf(own) / before];
    const value = before === 1 ? byWindow : d.transpose(d.reshape(byWindow, split), [0, 2, 1, 3]);
    const crossed: Live = { shape: x.shape, lanes: null, value, mask: x.mask ?? false };
    this.#whole.set(name, crossed);
    return crossed;
  }

  /** Makes the logits an output, [S, 1, units]; returns the number of units. */
  #giveLogits(x: Live): number {
    const { d } = this.#sequence;
    const { shape } = x;
    const single = shape.length === 3 ? shape.slice(0, 2).indexOf(1) : -1;
    const dims = single < 0 ? shape : shape.toSpliced(single, 1);
    // Scores of each step, [T, units] or [units, T].
    const time = this.#steps === 1 || dims.length !== 2 ? -1 : dims.indexOf(this.#steps);
    if (time === 0 || (time === 1 && dims[0] !== 1)) {
      d.b.output('logits', d.transpose(view(d, x, dims), [time + 1, 0, 2 - time]));
      return dims[1 - time]!;
    }
    const units = sizeOf(shape);
    if (!shape.every((dim) => dim === 1 || dim === units)) {
      const given = `[${shape.join(', ')}]`;
      return unsupported(`The model gives ${given}; scores of the sequence or of each of its steps are wanted.`);
    }
    d.b.output('logits', d.reshape(view(d, x, [units]), [1, -1, units]));
    return units;
  }

  /** Joins what crosses into one vector a frame, and gives it to the sequence in parts. */
  #graphs(): Pick<BuiltRecogniser, 'frames' | 'sequence' | 'types'> {
    const { d } = this.#frames;
    const values = this.#crossings.map(({ value }) => value);
    const boundary = concat(d.b, values, 1);
    const name = this.#crossings.length === 1 && this.#crossings[0]!.projection ? 'gates' : 'features';
    const outputs = new NamedOutputs(d, [this.#input.value, boundary], [name]);
    for (const [node, layer] of this.#layers) outputs.add(node, layer);
    d.b.output(name, boundary);
    const b = new GraphBuilder();
    const input = b.input(name, [this.#steps, 1, boundary.shape[1]!]);
    let at = 0;
    const parts = this.#crossings.map(({ name: part, value }): [string, Value] => {
      at += value.shape[1]!;
      return [part, sliceAxis(b, input, 2, at - value.shape[1]!, at)];
    });
    b.output('logits', inline(b, this.#sequence.d.b.build(), Object.fromEntries(parts))['logits']!);
    return { frames: forOneLane(d.b.build()), sequence: b.build(), types: outputs.types };
  }
}

/**
 * Makes the two graphs of a model for a number of steps.
 * @param size bytes of the model's files.
 */
export const buildRecogniser = (
  plan: Plan,
  size: number,
  input: FramesInput,
  steps: number,
  open: boolean,
): BuiltRecogniser => new RecogniserBuilder(plan, size, input, steps, open).build();
