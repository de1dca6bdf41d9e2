/** The layers of a network as outputs of its graph, under their names. */
import type { Value } from '../../graph/graph.js';
import type { Draft } from './draft.js';
import { laneShape, view, type Live } from './live.js';
import type { PlannedNode } from './plan.js';

/** A layer as [lanes, ...]: without the batch of one that the model has besides. */
function layerValue(d: Draft, x: Live): Value {
  const dims = laneShape(x);
  const batch = x.lanes !== 0 && dims.length > 1 && dims[0] === 1;
  return view(d, x, batch ? dims.slice(1) : dims);
}

/** Gives layers out under the names of their nodes, each value once. */
export class NamedOutputs {
  readonly #d: Draft;
  readonly #given: Set<number>;
  readonly #names: Set<string>;
  readonly #counts = new Map<string, number>();
  readonly #types = new Map<string, string>();

  /** @param hidden values that are no layers: the input, and what is given out under another name. */
  constructor(d: Draft, hidden: readonly Value[], reserved: readonly string[]) {
    this.#d = d;
    this.#given = new Set(hidden.map(({ id }) => id));
    this.#names = new Set(reserved);
  }

  add(node: PlannedNode, layer: Live): void {
    if (this.#given.has(layer.value.id)) return;
    this.#given.add(layer.value.id);
    const wanted = node.facts.name;
    let name = wanted;
    while (this.#names.has(name)) {
      const count = (this.#counts.get(wanted) ?? 0) + 1;
      this.#counts.set(wanted, count);
      name = `${wanted}/${count}`;
    }
    this.#names.add(name);
    this.#d.b.output(name, layerValue(this.#d, layer));
    this.#types.set(name, node.opType);
  }

  /** Op of each layer by its name. */
  get types(): Readonly<Record<string, string>> {
    return Object.fromEntries(this.#types);
  }
}
