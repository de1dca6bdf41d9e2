/** Makes the examples that are evaluated: preferred pictures or videos of a unit from several starts. */
import type { ModelRegistry } from '../../engine/models/registry.js';
import type { Runtime } from '../../engine/runtimes/runtime.js';
import { parseWith, pictureRequest, type SynthesisOverrides } from '../../protocol/index.js';
import type { FrameSequence } from '../../video/index.js';
import { makePictures, type RunKeeper } from '../figures/pictures.js';
import type { EvaluatedModel } from './examples.js';

export interface MakeSettings {
  readonly registry: ModelRegistry;
  readonly model: EvaluatedModel;
  /** `pixels` for none. */
  readonly prior: string | undefined;
  readonly preset: string;
  readonly settings: SynthesisOverrides | undefined;
  readonly iterations: number | undefined;
  /** Of a video. */
  readonly frames: number;
  readonly seed: number;
  readonly starts: number;
  readonly runtime: Runtime;
  readonly threads: number | undefined;
  /** Keeps runs, done or not, so that an evaluation that was interrupted does not make them again. */
  readonly keeper: RunKeeper | undefined;
  readonly onStep?: ((iteration: number, iterations: number) => void) | undefined;
  readonly signal: AbortSignal | undefined;
}

export interface MadeClip {
  readonly seed: number;
  readonly start: number;
  readonly clip: FrameSequence;
  readonly smoothness: number;
}

export interface MadeBatch {
  readonly clips: readonly MadeClip[];
  readonly prior: { readonly name: string; readonly sha256: string } | null;
  /** Wall-clock seconds an example. */
  readonly seconds: number;
}

/** Preferred examples of a unit; throws what a synthesis throws, and the signal's reason. */
export async function makeExamples(unit: number, options: MakeSettings): Promise<MadeBatch> {
  const began = performance.now();
  const { model, prior, preset, settings, iterations, frames, seed, starts } = options;
  const { registry, runtime, threads, keeper, onStep, signal } = options;
  const request = parseWith(pictureRequest, {
    ...{ model: model.manifest.name, unit, prior, preset, settings, iterations, frames, seed, starts },
  });
  const made = await makePictures(request, {
    ...{ registry, runtime, threads, keeper, signal },
    onStep: ({ iteration, iterations }) => onStep?.(iteration, iterations),
  });
  const clips = made.map((one): MadeClip => ({
    ...{ seed: one.seed, start: one.start - (one.seed - seed), clip: one.clip, smoothness: one.smoothness ?? 0 },
  }));
  return { clips, prior: made[0]?.prior ?? null, seconds: (performance.now() - began) / 1000 / starts };
}
