/** What a format of model files is to the importer: one entry in the table of `import.ts`. */
import type { Graph } from '../graph/graph.js';

export interface ReadOptions {
  /** Height and width of the input, for a file that leaves them open. */
  readonly size?: readonly [number, number];
}

interface Common {
  /** Height and width of the pictures that the network takes. */
  readonly height: number;
  readonly width: number;
  /** Number of scores in `logits`. */
  readonly units: number;
  /** What the files are, for the description of the model. */
  readonly origin: string;
}

/**
 * A network for sequences of frames, in two graphs. `frames`: input `frames` [1, 3, H, W], outputs the layers by name and
 * last the boundary [1, G]. `sequence`: one input of the boundary's name [T, 1, G], output `logits` [S, 1, units] before
 * any softmax; S is T where every step is scored, else 1. Both run for any number of frames and of sequences.
 */
export interface ImportedRecogniser extends Common {
  readonly kind: 'recogniser';
  readonly graphs: { readonly frames: Graph; readonly sequence: Graph };
  /** Number of frames that the file fixes, or null. */
  readonly steps: number | null;
}

/** A network for single pictures: input `image` [1, C, H, W], outputs the layers by name and last `logits`. */
export interface ImportedNetwork extends Common {
  readonly kind: 'network';
  readonly graphs: { readonly network: Graph };
}

export type ImportedModel = ImportedRecogniser | ImportedNetwork;

export interface ModelFormat {
  /** Name of the format, for messages. */
  readonly name: string;
  /** Whether a path is of this format, to go by the names of files; `read` finds out the rest. */
  recognises(path: string): Promise<boolean>;
  /**
   * Reads a model.
   * @throws NeuroreelError MODEL_INVALID for a broken file, MODEL_FORMAT_UNSUPPORTED naming all that cannot be run,
   * GRAPH_INVALID for shapes that do not fit.
   */
  read(path: string, options?: ReadOptions): Promise<ImportedModel>;
}
