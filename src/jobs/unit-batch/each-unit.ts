/** The units of a model one after the other, each in a folder of its own; what is done is skipped when it is run again. */
import { mkdir, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { unitIndex } from '../../engine/models/registry.js';
import {
  parseWith,
  pictureRequest,
  UNIT_BATCH_FORMAT,
  unitResult,
  type PictureRequest,
  type PictureRequestInput,
  type UnitBatch,
  type UnitResult,
} from '../../protocol/index.js';
import { batchHtml } from '../../report/batch-html.js';
import { fileName } from '../artifacts.js';

export const BATCH_FILES = { page: 'index.html', report: 'batch.json', unit: 'unit.json' } as const;

/** Names of the files of an example in its unit's folder, by its number from 0. */
export const exampleFiles = (i: number) => ({
  picture: `picture-${i + 1}.png`,
  video: `video-${i + 1}.mp4`,
  sheet: `sheet-${i + 1}.png`,
});

/** Small pictures are enlarged by a whole factor to about this many pixels. */
const SHOWN_SIDE = 256;

/** The factor by which a picture of this size is enlarged. */
export const shownScale = (width: number, height: number): number =>
  Math.max(1, Math.floor(SHOWN_SIDE / Math.max(width, height)));

export interface UnitPlan {
  readonly model: {
    readonly name: string;
    readonly sha256: string;
    readonly labels: readonly string[];
    /** Whether it is a classifier; of a recogniser, videos are made. */
    readonly pictures: boolean;
  };
  /** The request of every unit, without the unit. */
  readonly request: Omit<PictureRequestInput, 'unit'>;
  /** Labels or indices; all units when absent. */
  readonly units?: readonly (string | number)[] | undefined;
  readonly folder: string;
  readonly fps: number;
  readonly onStarted?: ((units: number, done: number) => void) | undefined;
  readonly onUnit?: ((done: number, label: string, skipped: boolean) => void) | undefined;
}

export interface UnitTask {
  readonly index: number;
  readonly label: string;
  /** Of its folder. */
  readonly name: string;
  readonly request: PictureRequest;
}

/**
 * Has made what is not there yet. The page and the document are written after every unit, so that they can be looked at
 * while it goes on.
 * @param make leaves the files of a unit in its folder, which it makes
 * @throws {NeuroreelError} UNIT_UNKNOWN, REQUEST_INVALID; what `make` throws
 */
export async function eachUnit(
  { model, request, units, folder, fps, onStarted, onUnit }: UnitPlan,
  make: (task: UnitTask, folder: string) => Promise<UnitResult>,
): Promise<UnitBatch> {
  const asked = units ?? model.labels.map((_, index) => index);
  const width = String(model.labels.length - 1).length;
  const tasks = asked.map((unit): UnitTask => {
    const index = unitIndex(model, unit);
    const label = model.labels[index]!;
    const name = `${String(index).padStart(width, '0')}-${fileName(label)}`;
    return { index, label, name, request: parseWith(pictureRequest, { ...request, unit: index }) };
  });
  await mkdir(folder, { recursive: true });
  const about = { name: model.name, sha256: model.sha256 };
  const done = new Map<string, UnitResult>();
  for (const task of tasks) {
    const found = await finished(join(folder, task.name), task.request, model.sha256, model.pictures ? null : fps);
    if (found !== null) done.set(task.name, found);
  }
  onStarted?.(tasks.length, done.size);
  let count = 0;
  for (const task of tasks) {
    const skipped = done.has(task.name);
    if (!skipped) {
      const result = await make(task, join(folder, task.name));
      await replace(join(folder, task.name, BATCH_FILES.unit), `${JSON.stringify(result, null, 2)}\n`);
      done.set(task.name, result);
      await writeIndex(folder, batchOf(about, tasks, done));
    }
    onUnit?.(++count, task.label, skipped);
  }
  const batch = batchOf(about, tasks, done);
  await writeIndex(folder, batch);
  return batch;
}

function batchOf(
  model: UnitBatch['model'],
  tasks: readonly UnitTask[],
  done: ReadonlyMap<string, UnitResult>,
): UnitBatch {
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
