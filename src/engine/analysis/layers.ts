/** The layers of a network, as a table: what each is made of, gives, weighs, costs and sees of the picture. */
import { typeOf, type Graph, type GraphNode } from '../graph/graph.js';
import { sizeOf, type Shape } from '../graph/shape.js';
import { macsOf } from '../models/cost.js';
import { receptiveField, type ReceptiveField } from './receptive-field.js';

/** What a run of something takes, for one picture or frame. */
export interface Cost {
  /** Numbers that were trained; those that layers share count where they are used first. */
  readonly weights: number;
  /** Multiply-accumulates. */
  readonly macs: number;
  /** Bytes of all that is computed on the way, which a gradient needs kept. */
  readonly activationBytes: number;
}

export interface LayerFacts extends Cost {
  /** Name of the graph's output. */
  readonly name: string;
  /** The ops that compute it from the layers before, each once, in the order in which they run. */
  readonly ops: readonly string[];
  readonly shape: Shape;
  /** That of the unit in the middle; null where there is no picture, or for too large a graph. */
  readonly receptiveField: ReceptiveField | null;
}

export interface GraphFacts extends Cost {
  readonly name: string;
  readonly inputs: readonly { readonly name: string; readonly shape: Shape }[];
  readonly layers: readonly LayerFacts[];
}

export interface ModelFacts extends Cost {
  readonly graphs: readonly GraphFacts[];
}

/** Nodes and outputs looked at for receptive fields of one graph, so that one of 100,000 layers takes no hours. */
const MAX_VISITS = 4e6;
const WIDTHS = { float32: 4, uint8: 1 } as const;

/** The nodes of each output: a node belongs to the first output that needs it. */
function nodesByOutput(graph: Graph): GraphNode[][] {
  const makers = new Map(graph.nodes.flatMap((node, i) => node.outputs.map((id): [number, number] => [id, i])));
  const taken = new Set<number>();
  return graph.outputs.map(({ value }) => {
    const own: number[] = [];
    const ask = [value];
    for (let id = ask.pop(); id !== undefined; id = ask.pop()) {
      const i = makers.get(id);
      if (i === undefined || taken.has(i)) continue;
      taken.add(i);
      own.push(i);
      ask.push(...graph.nodes[i]!.inputs);
    }
    return own.sort((p, q) => p - q).map((i) => graph.nodes[i]!);
  });
}

const bytesOf = (graph: Graph, node: GraphNode): number =>
  node.outputs.reduce((sum, id) => {
    const { shape, dtype } = typeOf(graph, id);
    return sum + sizeOf(shape) * WIDTHS[dtype];
  }, 0);

const total = (parts: readonly Cost[]): Cost => ({
  weights: parts.reduce((sum, { weights }) => sum + weights, 0),
  macs: parts.reduce((sum, { macs }) => sum + macs, 0),
  activationBytes: parts.reduce((sum, { activationBytes }) => sum + activationBytes, 0),
});

/**
 * The layers of a graph: its outputs, in their order. Costs are for one item of the first input's first axis, which
 * counts pictures, frames or time steps.
 * @param counted names of weights that count elsewhere.
 */
export function describeLayers(graph: Graph, name = 'network', counted: ReadonlySet<string> = new Set()): GraphFacts {
  const items = graph.inputs[0] ? (typeOf(graph, graph.inputs[0].value).shape[0] ?? 1) : 1;
  const known = new Set(counted);
  const weights = new Map(
    graph.constants.flatMap(({ value, name: weight, data }) =>
      weight === undefined ? [] : [[value, { weight, count: data.length }] as const],
    ),
  );
  const weigh = (nodes: readonly GraphNode[]): number => {
    let sum = 0;
    for (const id of nodes.flatMap(({ inputs }) => inputs)) {
      const found = weights.get(id);
      if (!found || known.has(found.weight)) continue;
      known.add(found.weight);
      sum += found.count;
    }
    return sum;
  };
  const visible = Math.floor(MAX_VISITS / (graph.nodes.length + graph.outputs.length));
  const nodes = nodesByOutput(graph);
  const layers = graph.outputs.map(({ name: layer, value }, i): LayerFacts => {
    const own = nodes[i]!;
    return {
      name: layer,
      ops: [...new Set(own.map(({ op }) => op))],
      shape: typeOf(graph, value).shape,
      weights: weigh(own),
      macs: own.reduce((sum, node) => sum + macsOf({ ...graph, nodes: [node] }), 0) / items,
      activationBytes: own.reduce((sum, node) => sum + bytesOf(graph, node), 0) / items,
      receptiveField: i < visible ? receptiveField(graph, layer) : null,
    };
  });
  const inputs = graph.inputs.map(({ name: input, value }) => ({ name: input, shape: typeOf(graph, value).shape }));
  return { name, inputs, layers, ...total(layers) };
}

/** The graphs of a model with their layers; weights that several graphs share count in the first. */
export function describeModel(graphs: Readonly<Record<string, Graph>>): ModelFacts {
  const counted = new Set<string>();
  const described = Object.entries(graphs).map(([name, graph]) => {
    const facts = describeLayers(graph, name, counted);
    for (const { name: weight } of graph.constants) if (weight !== undefined) counted.add(weight);
    return facts;
  });
  return { graphs: described, ...total(described) };
}
