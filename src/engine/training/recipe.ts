/** A recipe makes a model: data, network, loss, schedule, and what is measured and packed when training is done. */
import type { NewPackage } from '../models/package.js';
import type { Weights } from '../models/safetensors.js';
import type { Runtime } from '../runtimes/runtime.js';
import type { TrainingProgress, TrainingTask } from './trainer.js';

export interface RecipeContext {
  readonly seed: number;
  readonly steps: number;
  readonly runtime: Runtime;
  readonly threads: number | undefined;
  /** Weights of a model that must have been trained before. */
  readonly weightsOf: (name: string) => Weights;
  /** For what is done between and after the steps. */
  readonly log: (line: string) => void;
}

/** A clip that is packed with a model as a video file. */
export interface PackedClip {
  readonly label: string;
  readonly name: string;
  /** RGB bytes [frames, height, width, 3]. */
  readonly pixels: Uint8Array;
  readonly width: number;
  readonly height: number;
}

export interface Recipe {
  /** Name of the model, and of its folder. */
  readonly name: string;
  readonly describe: string;
  readonly seed: number;
  readonly steps: number;
  /** Names of the models whose weights it uses. */
  readonly needs: readonly string[];
  task(context: RecipeContext): TrainingTask;
  /** Figures of a step for the curve, by name. */
  watch(progress: TrainingProgress): Readonly<Record<string, number>>;
  /** Measures the trained model on held-out data and packs it. */
  pack(weights: Weights, context: RecipeContext): Promise<NewPackage>;
  /**
   * Packages that are made beside it, by name: of what else was trained, and of what the weights were after the steps that the
   * task asked to keep.
   */
  packOthers?(
    weights: Weights,
    snapshots: ReadonlyMap<number, Weights>,
    context: RecipeContext,
  ): Promise<ReadonlyMap<string, NewPackage>>;
  /** Real clips to pack beside it. */
  clips?(): Iterable<PackedClip>;
}
