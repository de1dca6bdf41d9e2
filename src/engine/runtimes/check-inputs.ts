/** The check that every runtime makes before it runs a graph. */
import { typeOf, type Graph } from '../graph/graph.js';
import { sizeOf } from '../graph/shape.js';
import { NeuroreelError } from '../../protocol/errors.js';
import type { Tensors } from './runtime.js';

/** Throws GRAPH_INVALID unless `inputs` holds an array of the right size and kind for each input of the graph. */
export function checkInputs(graph: Graph, inputs: Tensors): void {
  for (const { name, value } of graph.inputs) {
    const { shape, dtype } = typeOf(graph, value);
    const given = inputs[name];
    const kind = dtype === 'uint8' ? Uint8Array : Float32Array;
    if (!(given instanceof kind) || given.length !== sizeOf(shape)) {
      throw new NeuroreelError(
        'GRAPH_INVALID',
        `Input "${name}" wants ${dtype} numbers of shape [${shape.join(', ')}], not ${given?.length ?? 'nothing'}.`,
      );
    }
  }
}
