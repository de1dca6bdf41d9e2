/** Makes the examples that are evaluated: preferred pictures or videos of a unit from several starts. */
import type { ModelRegistry } from '../../engine/models/registry.js';
import { isClassifier } from '../../engine/models/registry.js';
import { openSynthesis } from '../../engine/synthesis/synthesise.js';
import type { PresetName } from '../../engine/synthesis/presets.js';
import type { Runtime } from '../../engine/runtimes/runtime.js';
import type { FrameSequence } from '../../video/index.js';
import type { EvaluatedModel } from './examples.js';

export interface MakeSettings {
  readonly registry: ModelRegistry;
  readonly model: EvaluatedModel;
  /** `pixels` for none. */
  readonly prior: string | undefined;
  readonly preset: string;
  readonly iterations: number | undefined;
  /** Of a video. */
  readonly frames: number;
  readonly seed: number;
  readonly starts: number;
  readonly runtime: Runtime;
  readonly threads: number | undefined;
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

/** Pictures that are made in one run. */
const PICTURES_AT_ONCE = 8;

/** Preferred examples of a unit; throws what a synthesis throws, and the signal's reason. */
export async function makeExamples(unit: number, settings: MakeSettings): Promise<MadeBatch> {
  const began = performance.now();
  const { starts, seed } = settings;
  const pictures = isClassifier(settings.model);
  const clips: MadeClip[] = [];
  let prior: MadeBatch['prior'] = null;
  for (let start = 0; start < starts;) {
    const count = pictures ? Math.min(PICTURES_AT_ONCE, starts - start) : 1;
    const run = await makeOne(unit, { ...settings, seed: seed + start }, pictures ? count : settings.frames);
    prior = run.prior;
    const size = run.clip.width * run.clip.height * 3;
    const { width, height } = run.clip;
    for (let i = 0; i < count; i++) {
      const frames = pictures ? run.clip.frames.slice(i * size, (i + 1) * size) : run.clip.frames;
      const clip = { frames, count: pictures ? 1 : run.clip.count, width, height };
      clips.push({ seed: seed + start, start: pictures ? i : 0, clip, smoothness: run.smoothness });
    }
    start += count;
  }
  return { clips, prior, seconds: (performance.now() - began) / 1000 / starts };
}

async function makeOne(
  unit: number,
  settings: MakeSettings,
  frames: number,
): Promise<{ clip: FrameSequence; smoothness: number; prior: MadeBatch['prior'] }> {
  const { registry, model, prior, iterations, seed, runtime, threads, signal } = settings;
  const synthesis = await openSynthesis({
    ...{ registry, model: model.manifest.name, unit, prior, iterations, frames, seed, runtime, threads },
    preset: settings.preset as PresetName,
  });
  try {
    for (;;) {
      signal?.throwIfAborted();
      if ((await synthesis.step({ pixels: false })) === null) break;
    }
    const { pixels, frames: count, width, height, smoothness } = await synthesis.finish();
    return { clip: { frames: pixels, count, width, height }, smoothness, prior: synthesis.report().prior };
  } finally {
    await synthesis.close();
  }
}
