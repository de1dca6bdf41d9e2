/** Makes a figure: what its plan asks for is synthesised, put on a board and written, with all that makes it again. */
import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { openRuntime } from '../../engine/runtimes/open.js';
import type { Runtime } from '../../engine/runtimes/runtime.js';
import type { ModelRegistry } from '../../engine/models/registry.js';
import {
  FIGURE_FORMAT,
  figureOptions,
  figureReport,
  MAX_PANELS,
  NeuroreelError,
  parseWith,
  pictureRequest,
  type FigureReport,
  type PictureRequest,
} from '../../protocol/index.js';
import {
  boardLength,
  encodeStill,
  renderBoard,
  scenesLength,
  writeBoardVideo,
  type Board,
  type BoardCell,
} from '../../video/index.js';
import { fileName } from '../artifacts.js';
import { packageVersion } from '../package-root.js';
import { keyOf, type FilledPanel } from './panel-words.js';
import { fillPanels } from './panels.js';
import { makePictures, type MadePicture, type PictureEngine, type PictureStep, type RunKeeper } from './pictures.js';
import type { FigureOptions, FigurePlan } from './plan.js';
import { withDefaults, type FigureEntry } from './table.js';

export const FIGURE_FILES = { picture: 'figure.png', video: 'figure.mp4', report: 'figure.json' } as const;

export interface FigureRun {
  readonly entry: FigureEntry;
  readonly options: FigureOptions;
  readonly registry: ModelRegistry;
  readonly folder: string;
  readonly runtime: string;
  readonly device?: string | undefined;
  readonly threads?: number | undefined;
  readonly memory?: string | undefined;
  readonly fps: number;
  /** Whether each picture is written by itself, too. */
  readonly single?: boolean | undefined;
  /** Where the files and folders lie that the options name; the names are paths when absent. */
  readonly pathOf?: ((name: string) => string) | undefined;
  /** Keeps what a request's runs have come to, under the request's name. */
  readonly keeperOf?: ((request: string) => RunKeeper) | undefined;
  /** As of a run of pictures. */
  readonly between?: PictureEngine['between'];
  readonly pixelsDue?: PictureEngine['pixelsDue'];
  readonly onStarted?: ((started: FigureStarted) => void) | undefined;
  readonly onStep?: ((step: FigureStep) => void) | undefined;
  readonly onMade?: ((done: number, words: string) => void) | undefined;
  /** Told of frames of the video that were encoded, first with 0. */
  readonly onWriting?: ((frames: number, of: number) => void) | undefined;
  readonly signal?: AbortSignal | undefined;
}

export interface FigureStarted {
  readonly title: string;
  readonly panels: number;
  readonly requests: number;
  /** Pictures of all requests together. */
  readonly pictures: number;
  readonly runtime: string | null;
}

export interface FigureStep extends PictureStep {
  /** Pictures of all requests that are done. */
  readonly done: number;
  readonly words: string;
}

/** Pictures in a series are shown for so many seconds. */
const SCENE_SECONDS = 1.6;

/**
 * Makes a figure into a folder.
 * @throws {NeuroreelError} REQUEST_INVALID, MODEL_UNKNOWN, UNIT_UNKNOWN, and what a synthesis throws; the signal's reason
 */
export async function runFigure(run: FigureRun): Promise<FigureReport> {
  const began = performance.now();
  const options = parseWith(figureOptions, withDefaults(run.entry, run.options));
  const plan = run.entry.plan(options, run.registry);
  const requests = requestsOf(plan);
  const runtime = requests.size === 0 ? null : await openRuntime(run.runtime, run.device);
  run.onStarted?.(startedOf(plan, requests, runtime));
  const pictures = await makeAll(requests, run, runtime);
  run.onWriting?.(0, 1);
  const filled = await fillPanels(plan, pictures, run, options, runtime);
  await mkdir(run.folder, { recursive: true });
  const files = [...(await writeBoards(plan, filled, run)), ...(run.single ? await writeSingles(filled, run) : [])];
  const report = reportOf(
    run,
    plan,
    options,
    filled,
    files,
    runtime?.description ?? null,
    (performance.now() - began) / 1000,
  );
  await writeFile(join(run.folder, FIGURE_FILES.report), `${JSON.stringify(report, null, 2)}\n`);
  return report;
}

function startedOf(
  { title, panels }: FigurePlan,
  requests: ReadonlyMap<string, PictureRequest>,
  runtime: Runtime | null,
): FigureStarted {
  return {
    ...{ title, requests: requests.size, runtime: runtime?.description ?? null },
    panels: panels.flat().filter((panel) => panel !== null).length,
    pictures: [...requests.values()].reduce((sum, { starts }) => sum + starts, 0),
  };
}

async function makeAll(
  requests: ReadonlyMap<string, PictureRequest>,
  run: FigureRun,
  runtime: Runtime | null,
): Promise<Map<string, MadePicture[]>> {
  const pictures = new Map<string, MadePicture[]>();
  const { registry, threads, memory, signal, between, pixelsDue, pathOf } = run;
  let done = 0;
  for (const [key, request] of requests) {
    const words = `${request.model} ${request.layer === undefined ? '' : `${request.layer} `}${request.unit}`;
    const made = await makePictures(request, {
      ...{ registry, runtime: runtime!, threads, memory, signal, between, pixelsDue, pathOf },
      keeper: run.keeperOf?.(key),
      onStep: (step) => run.onStep?.({ ...step, done: done + step.made, words }),
    });
    done += made.length;
    pictures.set(key, made);
    run.onMade?.(pictures.size, words);
  }
  return pictures;
}

/** Each request once, checked, however many panels show its pictures. */
function requestsOf({ panels }: FigurePlan): Map<string, PictureRequest> {
  const all = panels.flat();
  if (all.length > MAX_PANELS) {
    throw new NeuroreelError('REQUEST_INVALID', `A figure has at most ${MAX_PANELS} panels, not ${all.length}.`);
  }
  const requests = new Map<string, PictureRequest>();
  for (const panel of all) {
    if (panel?.kind !== 'made') continue;
    const request = parseWith(pictureRequest, panel.request);
    requests.set(keyOf(request), request);
  }
  return requests;
}

const cellOf = (panel: FilledPanel | null): BoardCell | null =>
  panel && {
    clip: panel.clip,
    frame: panel.frame,
    label: panel.report.label || undefined,
    detail: panel.report.detail || undefined,
  };

/** A clip stands for itself on paper by the frame in its middle. */
function still({ clip, ...cell }: BoardCell): BoardCell {
  const size = clip.width * clip.height * 3;
  const at = clip.count >> 1;
  return { ...cell, clip: { ...clip, frames: clip.frames.subarray(at * size, (at + 1) * size), count: 1 } };
}

async function writeBoards(plan: FigurePlan, filled: (FilledPanel | null)[][], run: FigureRun): Promise<string[]> {
  const { title, subtitle, rows, columns, footer } = plan;
  const cells = filled.map((row) => row.map(cellOf));
  const board: Board = { title, subtitle, rows, columns, footer, cells };
  const stills = { ...board, cells: cells.map((row) => row.map((cell) => cell && still(cell))) };
  await writeFile(join(run.folder, FIGURE_FILES.picture), await renderBoard(stills));
  const moving = boardLength(board) > 1;
  if (!moving && !plan.series) return [FIGURE_FILES.picture];
  const scenes = plan.series ? seriesScenes(board, run.fps) : [{ board }];
  const length = scenesLength(scenes);
  await writeBoardVideo(scenes, {
    ...{ path: join(run.folder, FIGURE_FILES.video), fps: run.fps, signal: run.signal },
    onProgress: (frames) => run.onWriting?.(Math.min(frames, length), length),
  });
  return [FIGURE_FILES.picture, FIGURE_FILES.video];
}

/** Each picture in its own size, as PNG: `LABEL-START.png`; of a video the frame in its middle. */
async function writeSingles(filled: (FilledPanel | null)[][], run: FigureRun): Promise<string[]> {
  const names: string[] = [];
  for (const panel of filled.flat()) {
    const cell = cellOf(panel);
    if (panel === null || cell === null) continue;
    const { label, start } = panel.report;
    const name = `${fileName(label)}-${(start ?? 0) + 1}.png`;
    const { frames, width, height } = still(cell).clip;
    await writeFile(join(run.folder, name), await encodeStill(frames, width, height, { format: 'png' }));
    names.push(name);
  }
  return names;
}

/** A scene a row: its cells in a grid, its name as the caption. */
function seriesScenes(board: Board, fps: number) {
  return board.cells.map((row, r) => {
    const cells = row.map((cell, c) => cell && { ...cell, label: board.columns?.[c] ?? cell.label });
    const columns = Math.ceil(Math.sqrt(row.length * 1.4));
    const grid = Array.from({ length: Math.ceil(cells.length / columns) }, (_, i) =>
      cells.slice(i * columns, (i + 1) * columns),
    );
    const scene: Board = {
      title: (board.rows?.[r] ?? '').replace('\n', ': '),
      subtitle: board.title,
      cells: grid,
    };
    const moving = boardLength(scene) > 1;
    return { board: scene, ...(!moving && { hold: Math.max(1, Math.round(SCENE_SECONDS * fps)) }) };
  });
}

function reportOf(
  { entry, fps, single = false }: FigureRun,
  plan: FigurePlan,
  options: FigureOptions,
  filled: (FilledPanel | null)[][],
  files: readonly string[],
  runtime: string | null,
  seconds: number,
): FigureReport {
  const panels = filled.flatMap((row, r) =>
    row.flatMap((panel, c) => (panel === null ? [] : [{ row: r, column: c, ...panel.report }])),
  );
  return parseWith(
    figureReport,
    {
      ...{ format: FIGURE_FORMAT, figure: entry.name, title: plan.title, subtitle: plan.subtitle },
      rows: [...(plan.rows ?? [])],
      columns: [...(plan.columns ?? [])],
      ...{ options, fps, single },
      panels,
      files: [...files],
      ...{ runtime, seconds, versions: { neuroreel: packageVersion, node: process.versions.node } },
    },
    'INTERNAL',
  );
}
