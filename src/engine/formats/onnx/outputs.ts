/** The layers of a network as outputs of its graph, under their names. */
import type { Value } from '../../graph/graph.js';
import type { Draft } from './draft.js';
import type { PlannedNode } from './plan.js';

/** Gives layers out under the names of their nodes, each value once. */
export class NamedOutputs {
  readonly #d: Draft;
  readonly #given: Set<number>;
  readonly #names: Set<string>;
  readonly #counts = new Map<string, number>();
  /** Op of each layer by its name. */
  readonly types: Record<string, string> = {};

  /** @param hidden values that are no layers: the input, and what is given out under another name. */
  constructor(d: Draft, hidden: readonly Value[], reserved: readonly string[]) {
    this.#d = d;
    this.#given = new Set(hidden.map(({ id }) => id));
    this.#names = new Set(reserved);
  }

  add(node: PlannedNode, value: Value): void {
    if (this.#given.has(value.id)) return;
    this.#given.add(value.id);
    const wanted = node.facts.name;
    let name = wanted;
    while (this.#names.has(name)) {
      const count = (this.#counts.get(wanted) ?? 0) + 1;
      this.#counts.set(wanted, count);
      name = `${wanted}/${count}`;
    }
    this.#names.add(name);
    this.#d.b.output(name, value);
    this.types[name] = node.opType;
  }
}
