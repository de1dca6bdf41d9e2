/** Preferred pictures or videos of many units, one after the other; what is done is skipped when it is run again. */
import { mkdir, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { isClassifier, unitIndex, type ModelRegistry } from '../../engine/models/registry.js';
import { openRuntime } from '../../engine/runtimes/open.js';
import type { Runtime } from '../../engine/runtimes/runtime.js';
import {
  parseWith,
  pictureRequest,
  UNIT_BATCH_FORMAT,
  UNIT_RESULT_FORMAT,
  unitResult,
  type PictureRequest,
  type PictureRequestInput,
  type UnitBatch,
  type UnitResult,
} from '../../protocol/index.js';
import { batchHtml } from '../../report/batch-html.js';
import { encodeStill, encodeVideo, frameAt, renderSheet } from '../../video/index.js';
import { fileName } from '../artifacts.js';
import { makePictures, type MadePicture } from '../figures/pictures.js';
import { packageVersion } from '../package-root.js';
import { KeptRuns } from './kept-runs.js';

export const BATCH_FILES = { page: 'index.html', report: 'batch.json', unit: 'unit.json' } as const;

export interface BatchRun {
  readonly registry: ModelRegistry;
  /** The request of every unit, without the unit. */
  readonly request: Omit<PictureRequestInput, 'unit'>;
  /** Labels or indices; all units when absent. */
  readonly units?: readonly (string | number)[] | undefined;
  readonly folder: string;
  readonly fps: number;
  readonly runtime: string;
  readonly device?: string | undefined;
  readonly threads?: number | undefined;
  readonly memory?: string | undefined;
  readonly onStarted?: ((units: number, done: number) => void) | undefined;
  readonly onStep?: ((label: string, iteration: number, iterations: number, activation: number) => void) | undefined;
  readonly onUnit?: ((done: number, label: string, skipped: boolean) => void) | undefined;
  readonly signal?: AbortSignal | undefined;
}

interface Task {
  readonly index: number;
  readonly label: string;
  readonly name: string;
  readonly request: PictureRequest;
}

/**
 * Makes what is not there yet. The page and the document are written after every unit, so that they can be looked at while
 * it goes on; an interrupted run is kept, and the next call goes on with it.
 * @throws {NeuroreelError} MODEL_UNKNOWN, UNIT_UNKNOWN, REQUEST_INVALID, and what a synthesis throws; the signal's reason
 */
export async function runBatch(run: BatchRun): Promise<UnitBatch> {
  const { registry, folder } = run;
  const model = registry.loadWithUnits(run.request.model);
  const pictures = isClassifier(model);
  const asked = run.units ?? model.manifest.labels.map((_, index) => index);
  const width = String(model.manifest.labels.length - 1).length;
  const tasks = asked.map((unit): Task => {
    const index = unitIndex(model.manifest, unit);
    const label = model.manifest.labels[index]!;
    const name = `${String(index).padStart(width, '0')}-${fileName(label)}`;
    return { index, label, name, request: parseWith(pictureRequest, { ...run.request, unit: index }) };
  });
  await mkdir(folder, { recursive: true });
  const about = { name: model.manifest.name, sha256: model.sha256 };
  const done = new Map<string, UnitResult>();
  for (const task of tasks) {
    const found = await finished(join(folder, task.name), task.request, model.sha256, pictures ? null : run.fps);
    if (found !== null) done.set(task.name, found);
  }
  run.onStarted?.(tasks.length, done.size);
  const runtime = done.size === tasks.length ? null : await openRuntime(run.runtime, run.device);
  let count = 0;
  for (const task of tasks) {
    const skipped = done.has(task.name);
    if (!skipped) {
      done.set(task.name, await makeUnit(run, task, runtime!, pictures));
      await writeIndex(folder, batchOf(about, tasks, done));
    }
    run.onUnit?.(++count, task.label, skipped);
  }
  const batch = batchOf(about, tasks, done);
  await writeIndex(folder, batch);
  return batch;
}

function batchOf(model: UnitBatch['model'], tasks: readonly Task[], done: ReadonlyMap<string, UnitResult>): UnitBatch {
  return {
    format: UNIT_BATCH_FORMAT,
    model,
    units: tasks.flatMap(({ name }) => (done.has(name) ? [{ folder: name, result: done.get(name)! }] : [])),
    left: tasks.flatMap(({ name, label }) => (done.has(name) ? [] : [label])),
  };
}

/** What a unit's folder holds, when it was made by the same request with the same model. */
async function finished(
  folder: string,
  request: PictureRequest,
  sha256: string,
  fps: number | null,
): Promise<UnitResult | null> {
  const text = await readFile(join(folder, BATCH_FILES.unit), 'utf8').catch(() => null);
  if (text === null) return null;
  try {
    const result = unitResult.parse(JSON.parse(text));
    const same = JSON.stringify(result.request) === JSON.stringify(request);
    return same && result.model.sha256 === sha256 && result.fps === fps ? result : null;
  } catch {
    // A file that is none of ours, or of another version: the unit is made anew.
    return null;
  }
}

async function makeUnit(run: BatchRun, task: Task, runtime: Runtime, pictures: boolean): Promise<UnitResult> {
  const began = performance.now();
  const { registry, threads, memory, signal, onStep } = run;
  const folder = join(run.folder, task.name);
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
  const result = parseWith(
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
  await replace(join(folder, BATCH_FILES.unit), `${JSON.stringify(result, null, 2)}\n`);
  await keeper.clear();
  return result;
}

const factsOf = ({ seed, start, activation, probability, smoothness }: MadePicture) => ({
  ...{ seed, start, activation, probability, smoothness },
});

/** Small pictures are enlarged by a whole factor to about this many pixels. */
const SHOWN_SIDE = 256;

async function writePicture(folder: string, made: MadePicture, i: number): Promise<UnitResult['examples'][number]> {
  const { frames, width, height } = made.clip;
  const picture = `picture-${i + 1}.png`;
  const scale = Math.max(1, Math.floor(SHOWN_SIDE / Math.max(width, height)));
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
  const [picture, video, sheet] = [`picture-${i + 1}.png`, `video-${i + 1}.mp4`, `sheet-${i + 1}.png`];
  const scale = Math.max(1, Math.floor(SHOWN_SIDE / Math.max(width, height)));
  const middle = await encodeStill(frameAt(clip, count >> 1), width, height, { format: 'png', scale, kernel: 'cubic' });
  await writeFile(join(folder, picture), middle);
  await encodeVideo(clip, { path: join(folder, video), width, height, fps, signal });
  await writeFile(join(folder, sheet), await renderSheet(clip, { title: label, subtitle: `seed ${made.seed}` }));
  return { ...factsOf(made), picture, video, sheet };
}

async function writeIndex(folder: string, batch: UnitBatch): Promise<void> {
  await replace(join(folder, BATCH_FILES.report), `${JSON.stringify(batch, null, 2)}\n`);
  await replace(join(folder, BATCH_FILES.page), batchHtml(batch));
}

/** Writes a file in one go, so that nobody reads half of it. */
async function replace(path: string, content: string): Promise<void> {
  const part = `${path}.part`;
  try {
    await writeFile(part, content);
    await rename(part, path);
  } finally {
    await rm(part, { force: true });
  }
}
