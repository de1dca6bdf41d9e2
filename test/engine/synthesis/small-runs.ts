/** What the tests of syntheses share: the small models, runs of them, and what a run maximises, computed by itself. */
import { join } from 'node:path';
import { GraphBuilder } from '../../../src/engine/graph/graph.js';
import { writePackage } from '../../../src/engine/models/package.js';
import { openOnnxRuntime } from '../../../src/engine/runtimes/onnxruntime/onnxruntime.js';
import { evaluate } from '../../../src/engine/runtimes/reference/reference.js';
import type { Runtime } from '../../../src/engine/runtimes/runtime.js';
import { stateShape } from '../../../src/engine/synthesis/codes.js';
import { controlInputs } from '../../../src/engine/synthesis/controls.js';
import { openTask } from '../../../src/engine/synthesis/open-task.js';
import { passOf } from '../../../src/engine/synthesis/pass.js';
import type { Settings } from '../../../src/engine/synthesis/presets.js';
import type { Task } from '../../../src/engine/synthesis/scene.js';
import { openSynthesis, type Synthesis, type SynthesisOptions } from '../../../src/engine/synthesis/synthesise.js';
import type { SynthesisResult } from '../../../src/engine/synthesis/types.js';
import { hasViews, PLAIN_VIEW, viewInputs } from '../../../src/engine/synthesis/views.js';
import { smallClassifier, smallModels } from '../small-models.js';

export const RECOGNISER = 'small';
export const CLASSIFIER = 'small-classifier';

/** A picture to start from, larger than the networks want it. */
export const PICTURE = {
  pixels: Uint8Array.from({ length: 3 * 10 * 12 }, (_, i) => (i * 37) % 256),
  ...{ count: 1, width: 12, height: 10 },
};

export interface SmallRuns {
  readonly models: ReturnType<typeof smallModels>;
  readonly runtime: Runtime;
  open(changes: Partial<SynthesisOptions>): Promise<Synthesis>;
  /** The task of a run, and its settings in full. */
  task(changes: Partial<SynthesisOptions>): { task: Task; settings: Settings };
  close(): void;
}

export async function smallRuns(): Promise<SmallRuns> {
  const models = smallModels();
  writePackage(join(models.folder, CLASSIFIER), smallClassifier());
  const runtime = await openOnnxRuntime();
  const whole = (changes: Partial<SynthesisOptions>): SynthesisOptions => ({
    ...{ registry: models.registry, model: RECOGNISER, preset: 'paper-2016', frames: 6, seed: 1, iterations: 6 },
    ...{ runtime, threads: 1 },
    ...changes,
  });
  return {
    models,
    runtime,
    open: (changes) => openSynthesis(whole(changes)),
    task: (changes) => openTask(whole(changes)),
    close: () => models.remove(),
  };
}

/** Runs to the end. */
export async function finished(run: Synthesis): Promise<SynthesisResult> {
  while (await run.step({ pixels: false }));
  const result = await run.finish();
  await run.close();
  return result;
}

/** Inputs of a pass but for its state: no noise, no shift. */
export function passInputs(task: Task, settings: Settings): Record<string, Float32Array> {
  return {
    ...(controlInputs(task, settings) as Record<string, Float32Array>),
    ...(settings.noise > 0 && { noise: new Float32Array(task.frames * task.prior.size) }),
    ...(hasViews(settings) && (viewInputs(task, PLAIN_VIEW) as Record<string, Float32Array>)),
  };
}

/** What a state [I + K, D] reaches, in float64: the objective without penalties and with them, and its activation. */
export function reached(task: Task, settings: Settings, state: Float32Array): Record<string, number> {
  const b = new GraphBuilder();
  const pass = passOf(b, task, settings, b.input('state', stateShape(task, settings)));
  b.output('target', pass.target);
  b.output('objective', pass.objective);
  const results = evaluate(b.build(), { state, ...passInputs(task, settings) });
  return Object.fromEntries(Object.entries(results).map(([name, data]) => [name, data[0]!]));
}
