/** Preferred pictures or videos of many units, made here. */
import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { isClassifier, type ModelRegistry } from '../../engine/models/registry.js';
import { openRuntime } from '../../engine/runtimes/open.js';
import type { Runtime } from '../../engine/runtimes/runtime.js';
import { parseWith, UNIT_RESULT_FORMAT, unitResult, type UnitBatch, type UnitResult } from '../../protocol/index.js';
import { encodeStill, encodeVideo, frameAt, renderSheet } from '../../video/index.js';
import { makePictures, type MadePicture } from '../figures/pictures.js';
import { packageVersion } from '../package-root.js';
import { KeptRuns } from './kept-runs.js';
import { eachUnit, exampleFiles, shownScale, type UnitPlan, type UnitTask } from './each-unit.js';

export interface BatchRun extends Omit<UnitPlan, 'model'> {
  readonly registry: ModelRegistry;
  readonly runtime: string;
  readonly device?: string | undefined;
  readonly threads?: number | undefined;
  readonly memory?: string | undefined;
  readonly onStep?: ((label: string, iteration: number, iterations: number, activation: number) => void) | undefined;
  readonly signal?: AbortSignal | undefined;
}

/**
 * Makes what is not there yet. An interrupted run is kept, and the next call goes on with it.
 * @throws {NeuroreelError} MODEL_UNKNOWN, UNIT_UNKNOWN, REQUEST_INVALID, and what a synthesis throws; the signal's reason
 */
export async function runBatch(run: BatchRun): Promise<UnitBatch> {
  const found = run.registry.loadWithUnits(run.request.model);
  const { name, labels } = found.manifest;
  const model = { name, labels, sha256: found.sha256, pictures: isClassifier(found) };
  let runtime: Runtime | null = null;
  return eachUnit({ ...run, model }, async (task, folder) => {
    runtime ??= await openRuntime(run.runtime, run.device);
    return makeUnit(run, task, folder, runtime, model.pictures);
  });
}

async function makeUnit(
  run: BatchRun,
  task: UnitTask,
  folder: string,
  runtime: Runtime,
  pictures: boolean,
): Promise<UnitResult> {
  const began = performance.now();
  const { registry, threads, memory, signal, onStep } = run;
  const keeper = new KeptRuns(join(folder, '.run'));
  await mkdir(folder, { recursive: true });
  const made = await makePictures(task.request, {
    ...{ registry, runtime, threads, memory, signal, keeper },
    onStep: ({ iteration, iterations, activation }) => onStep?.(task.label, iteration, iterations, activation),
  });
  const examples: UnitResult['examples'] = [];
  for (const [i, one] of made.entries()) {
    examples.push(pictures ? await writePicture(folder, one, i) : await writeVideo(folder, one, i, run, task.label));
  }
  const [first] = made;
  await keeper.clear();
  return parseWith(
    unitResult,
    {
      ...{ format: UNIT_RESULT_FORMAT, request: task.request, fps: pictures ? null : run.fps, examples },
      ...{ model: first!.model, prior: first!.prior, unit: { index: task.index, label: task.label } },
      runtime: runtime.description,
      versions: { neuroreel: packageVersion, node: process.versions.node },
      seconds: (performance.now() - began) / 1000,
    },
    'INTERNAL',
  );
}

const factsOf = ({ seed, start, activation, probability, smoothness }: MadePicture) => ({
  ...{ seed, start, activation, probability, smoothness },
});

async function writePicture(folder: string, made: MadePicture, i: number): Promise<UnitResult['examples'][number]> {
  const { frames, width, height } = made.clip;
  const { picture } = exampleFiles(i);
  const scale = shownScale(width, height);
  const png = await encodeStill(frames, width, height, { format: 'png', scale, kernel: 'cubic' });
  await writeFile(join(folder, picture), png);
  return { ...factsOf(made), picture, video: null, sheet: null };
}

async function writeVideo(
  folder: string,
  made: MadePicture,
  i: number,
  { fps, signal }: BatchRun,
  label: string,
): Promise<UnitResult['examples'][number]> {
  const { clip } = made;
  const { width, height, count } = clip;
  const { picture, video, sheet } = exampleFiles(i);
  const scale = shownScale(width, height);
  const middle = await encodeStill(frameAt(clip, count >> 1), width, height, { format: 'png', scale, kernel: 'cubic' });
  await writeFile(join(folder, picture), middle);
  await encodeVideo(clip, { path: join(folder, video), width, height, fps, signal });
  await writeFile(join(folder, sheet), await renderSheet(clip, { title: label, subtitle: `seed ${made.seed}` }));
  return { ...factsOf(made), picture, video, sheet };
}
