/** What a format of model files is to the importer: one entry in the table of `import.ts`. */
import type { Graph } from '../graph/graph.js';

export interface ReadOptions {
  /** Height and width of the input, for a file that leaves them open. */
  readonly size?: readonly [number, number];
  /** Frames of a sequence, for a file that leaves their number open. */
  readonly steps?: number;
  /**
   * The file of weights, for a format that keeps them apart from the network (Caffe). Without it weights are drawn at
   * random, which is enough to look at a network and to time it.
   */
  readonly weights?: string;
}

interface Common {
  /** Height and width of the pictures that the network takes. */
  readonly height: number;
  readonly width: number;
  /** Number of scores in `logits`. */
  readonly units: number;
  /** What the files are, for the description of the model. */
  readonly origin: string;
  /** Type of each layer as the source calls it, by the layer's name in the graphs' outputs. */
  readonly types?: Readonly<Record<string, string>>;
  /** Whether weights were drawn at random because there was no file of them. */
  readonly randomWeights?: boolean;
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

/**
 * A network for single pictures: input `image` [1, C, H, W], outputs the layers by name and last `logits` [1, units],
 * before any softmax. What gives no vector (an encoder's latent) is flattened.
 */
export interface ImportedNetwork extends Common {
  readonly kind: 'network';
  readonly graphs: { readonly network: Graph };
}

/** A network that draws pictures: input `code` [1, D], flat; outputs the layers by name and last `image` [1, 3, H, W]. */
export interface ImportedGenerator extends Omit<Common, 'units'> {
  readonly kind: 'generator';
  readonly graphs: { readonly generator: Graph };
  /** Shape of the code before it was flattened, without the batch; D is its product. */
  readonly code: readonly number[];
}

export type ImportedModel = ImportedRecogniser | ImportedNetwork | ImportedGenerator;

export interface ModelFormat {
  /** Name of the format, for messages. */
  readonly name: string;
  /** Whether files of this format have their weights in a file of their own (`ReadOptions.weights`). */
  readonly weightsApart?: boolean;
  /** Whether a path is of this format, to go by the names of files; `read` finds out the rest. */
  recognises(path: string): Promise<boolean>;
  /**
   * Reads a model.
   * @throws NeuroreelError MODEL_INVALID for a broken file, MODEL_FORMAT_UNSUPPORTED naming all that cannot be run,
   * GRAPH_INVALID for shapes that do not fit.
   */
  read(path: string, options?: ReadOptions): Promise<ImportedModel>;
}
