/** Makes a figure: what its plan asks for is synthesised, put on a board and written, with all that makes it again. */
import { mkdir, rm, writeFile } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { openRuntime } from '../../engine/runtimes/open.js';
import type { ModelRegistry } from '../../engine/models/registry.js';
import {
  FIGURE_FORMAT,
  figureOptions,
  figureReport,
  MAX_PANELS,
  NeuroreelError,
  parseWith,
  pictureRequest,
  type FigurePanel,
  type FigureReport,
  type PictureRequest,
} from '../../protocol/index.js';
import {
  boardLength,
  decodeVideo,
  encodeStill,
  renderBoard,
  writeBoardVideo,
  type Board,
  type BoardCell,
  type FrameSequence,
} from '../../video/index.js';
import { realSource } from '../evaluation/examples.js';
import { packageVersion } from '../package-root.js';
import { KeptRuns } from '../unit-batch/kept-runs.js';
import { makePictures, type MadePicture } from './pictures.js';
import { shortLabel, type FigureOptions, type FigurePlan, type PanelPlan } from './plan.js';
import type { FigureEntry } from './table.js';

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
  readonly onStarted?: ((requests: number) => void) | undefined;
  readonly onMade?: ((done: number, words: string) => void) | undefined;
  readonly signal?: AbortSignal | undefined;
}

/** A panel with what is on it. */
interface FilledPanel {
  readonly clip: FrameSequence;
  readonly report: Omit<FigurePanel, 'row' | 'column'>;
  readonly frame: string | undefined;
}

/** Pictures in a series are shown for so many seconds. */
const SCENE_SECONDS = 1.6;

/**
 * Makes a figure into a folder.
 * @throws {NeuroreelError} REQUEST_INVALID, MODEL_UNKNOWN, UNIT_UNKNOWN, and what a synthesis throws; the signal's reason
 */
export async function runFigure(run: FigureRun): Promise<FigureReport> {
  const began = performance.now();
  const options = parseWith(figureOptions, { ...run.entry.defaults, ...defined(run.options) });
  const plan = run.entry.plan(options, run.registry);
  const requests = requestsOf(plan);
  run.onStarted?.(requests.size);
  const runtime = requests.size === 0 ? null : await openRuntime(run.runtime, run.device);
  const pictures = new Map<string, MadePicture[]>();
  // Runs are kept until the figure is there: the same command goes on with one that was interrupted.
  const work = join(run.folder, '.run');
  for (const [key, request] of requests) {
    const { registry, threads, memory, signal } = run;
    const keeper = new KeptRuns(join(work, String(pictures.size)));
    pictures.set(key, await makePictures(request, { registry, runtime: runtime!, threads, memory, signal, keeper }));
    run.onMade?.(pictures.size, `${request.model} ${request.unit}`);
  }
  const filled = await fillPanels(plan, pictures, run, options);
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
  await rm(work, { recursive: true, force: true });
  return report;
}

/** Without what is absent, so that defaults are not overridden by it. */
function defined(options: FigureOptions): FigureOptions {
  return Object.fromEntries(Object.entries(options).filter(([, value]) => value !== undefined));
}

const keyOf = (request: PictureRequest): string => JSON.stringify(request);

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

async function fillPanels(
  plan: FigurePlan,
  pictures: ReadonlyMap<string, MadePicture[]>,
  run: FigureRun,
  options: FigureOptions,
): Promise<(FilledPanel | null)[][]> {
  const rows: (FilledPanel | null)[][] = [];
  for (const row of plan.panels) {
    const filled: (FilledPanel | null)[] = [];
    for (const panel of row) {
      if (panel === null) filled.push(null);
      else if (panel.kind === 'made') filled.push(madePanel(panel, pictures));
      else if (panel.kind === 'real') filled.push(await realPanel(panel, run, options));
      else filled.push(await filePanel(panel, run));
    }
    rows.push(filled);
  }
  return rows;
}

const sizeOf = ({ width, height, count }: FrameSequence): FigurePanel['size'] => ({ width, height, frames: count });

/** What panels say that were not made. */
const NOT_MADE = {
  ...{ request: null, start: null, model: null, prior: null, unit: null, activation: null },
  ...{ probability: null, crop: null, detail: '', inputs: [] },
} satisfies Partial<FigurePanel>;

function madePanel(
  panel: Extract<PanelPlan, { kind: 'made' }>,
  pictures: ReadonlyMap<string, MadePicture[]>,
): FilledPanel {
  const request = parseWith(pictureRequest, panel.request);
  const picture = pictures.get(keyOf(request))![panel.start]!;
  const { activation, activations, probability, clip, crop, unit, model, prior, inputs } = picture;
  const several = activations.length > 1 ? activations.map((one) => one.toFixed(1)).join(' + ') : activation.toFixed(1);
  const sure = probability === null ? '' : ` · ${(100 * probability).toFixed(0)} %`;
  return {
    ...{ clip, frame: panel.frame },
    report: {
      ...{ kind: 'made', request, start: panel.start, source: null, model, prior, unit, activation, probability, crop },
      label: panel.label ?? shortLabel(unit.label),
      detail: several + (activations.length > 1 ? '' : sure),
      ...{ activations: [...activations], inputs: [...inputs], size: sizeOf(clip) },
    },
  };
}

async function realPanel(
  panel: Extract<PanelPlan, { kind: 'real' }>,
  run: FigureRun,
  options: FigureOptions,
): Promise<FilledPanel | null> {
  const model = run.registry.loadWithUnits(panel.model);
  const source = await realSource(model, options.real, panel.number + 1, run.signal);
  const example = (await source.of(panel.unit))[panel.number];
  if (example === undefined) return null;
  const { clip, name } = example;
  const index = model.manifest.labels.indexOf(panel.unit);
  const about = { ...NOT_MADE, kind: 'real' as const, source: name, activations: [], size: sizeOf(clip) };
  const named = { label: panel.label ?? shortLabel(panel.unit), detail: basename(name) };
  return { clip, frame: panel.frame, report: { ...about, ...named, unit: { index, label: panel.unit } } };
}

/** A video, or the folder of a video job. */
async function filePanel(panel: Extract<PanelPlan, { kind: 'file' }>, run: FigureRun): Promise<FilledPanel> {
  const path = panel.path.endsWith('.mp4') ? panel.path : join(panel.path, 'video.mp4');
  const clip = await decodeVideo(path, { signal: run.signal });
  const label = panel.label ?? (basename(path) === 'video.mp4' ? basename(dirname(path)) : basename(path));
  const about = { ...NOT_MADE, kind: 'file' as const, source: path, activations: [], size: sizeOf(clip) };
  return { clip, frame: panel.frame, report: { ...about, label } };
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
  await writeBoardVideo(scenes, { path: join(run.folder, FIGURE_FILES.video), fps: run.fps, signal: run.signal });
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

/** A label as a part of a file's name. */
export const fileName = (label: string): string =>
  label
    .normalize('NFKD')
    .replace(/[^A-Za-z0-9_]+/g, '-')
    .replace(/^-+|-+$/g, '')
    .slice(0, 60) || 'unit';

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
