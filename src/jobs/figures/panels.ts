/** The panels of a figure with what is on them: what was made for them, real examples, finished videos. */
import { basename, dirname, join } from 'node:path';
import { SCORES } from '../../engine/models/classifier.js';
import type { ModelRegistry } from '../../engine/models/registry.js';
import type { Runtime } from '../../engine/runtimes/runtime.js';
import { parseWith, pictureRequest, type FigurePanel, type PictureRequest } from '../../protocol/index.js';
import { decodeVideo, type FrameSequence } from '../../video/index.js';
import { realSource } from '../evaluation/examples.js';
import { openViewer, type Viewer } from '../evaluation/scoring.js';
import type { MadePicture } from './pictures.js';
import { shortLabel, type FigureOptions, type FigurePlan, type PanelPlan } from './plan.js';

/** Where panels come from that are not made. */
export interface PanelSources {
  readonly registry: ModelRegistry;
  /** Where the files and folders lie that the options name; the names are paths when absent. */
  readonly pathOf?: ((name: string) => string) | undefined;
  readonly signal?: AbortSignal | undefined;
  readonly threads?: number | undefined;
}

/** A panel with what is on it. */
export interface FilledPanel {
  readonly clip: FrameSequence;
  readonly report: Omit<FigurePanel, 'row' | 'column'>;
  readonly frame: string | undefined;
}

/** The name of a request, under which its pictures are found. */
export const keyOf = (request: PictureRequest): string => JSON.stringify(request);

/**
 * @param pictures what was made of each request, by its key
 * @param runtime where real examples are scored; null where nothing is to be
 */
export async function fillPanels(
  plan: FigurePlan,
  pictures: ReadonlyMap<string, MadePicture[]>,
  run: PanelSources,
  options: FigureOptions,
  runtime: Runtime | null,
): Promise<(FilledPanel | null)[][]> {
  const viewers = new Map<string, Promise<Viewer>>();
  const viewerOf = (model: string): Promise<Viewer> | null => {
    if (runtime === null) return null;
    const known = viewers.get(model) ?? openViewer(run.registry.loadWithUnits(model), runtime, run.threads);
    viewers.set(model, known);
    return known;
  };
  const rows: (FilledPanel | null)[][] = [];
  try {
    for (const row of plan.panels) {
      const filled: (FilledPanel | null)[] = [];
      for (const panel of row) {
        if (panel === null) filled.push(null);
        else if (panel.kind === 'made') filled.push(madePanel(panel, pictures));
        else if (panel.kind === 'real') filled.push(await realPanel(panel, run, options, viewerOf(panel.model)));
        else filled.push(await filePanel(panel, run));
      }
      rows.push(filled);
    }
    return rows;
  } finally {
    for (const viewer of await Promise.allSettled(viewers.values())) {
      if (viewer.status === 'fulfilled') await viewer.value.close();
    }
  }
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
  const hidden = request.layer !== undefined && request.layer !== SCORES;
  const detail =
    activations.length > 1
      ? activations.map((one) => one.toFixed(1)).join(' + ')
      : detailOf(activation, probability) + (hidden && activation <= 0 ? ', does not fire' : '');
  return {
    ...{ clip, frame: panel.frame },
    report: {
      ...{ kind: 'made', request, start: panel.start, source: null, model, prior, unit, activation, probability, crop },
      label: panel.label ?? shortLabel(unit.label),
      detail,
      ...{ activations: [...activations], inputs: [...inputs], size: sizeOf(clip) },
    },
  };
}

/** An activation and the probability of the label. */
const detailOf = (activation: number, probability: number | null): string =>
  activation.toFixed(1) + (probability === null ? '' : ` · ${(100 * probability).toFixed(0)} %`);

async function realPanel(
  panel: Extract<PanelPlan, { kind: 'real' }>,
  run: PanelSources,
  options: FigureOptions,
  viewer: Promise<Viewer> | null,
): Promise<FilledPanel | null> {
  const model = run.registry.loadWithUnits(panel.model);
  const real = options.real === undefined ? undefined : pathOf(run, options.real);
  const source = await realSource(model, real, panel.number + 1, run.signal);
  const example = (await source.of(panel.unit))[panel.number];
  if (example === undefined) return null;
  const { clip, name } = example;
  const index = model.manifest.labels.indexOf(panel.unit);
  const seen = await (await viewer)?.score(clip);
  const activation = seen?.logits[index] ?? null;
  const probability = seen?.probabilities[index] ?? null;
  const about = { ...NOT_MADE, kind: 'real' as const, source: name, activations: [], size: sizeOf(clip) };
  const detail = activation === null ? basename(name) : detailOf(activation, probability);
  const named = { label: panel.label ?? shortLabel(panel.unit), detail, activation, probability };
  return { clip, frame: panel.frame, report: { ...about, ...named, unit: { index, label: panel.unit } } };
}

const pathOf = ({ pathOf: known }: PanelSources, name: string): string => known?.(name) ?? name;

/** A video, or the folder of a video job. */
async function filePanel(panel: Extract<PanelPlan, { kind: 'file' }>, run: PanelSources): Promise<FilledPanel> {
  const named = panel.path.endsWith('.mp4') || run.pathOf !== undefined;
  const path = named ? pathOf(run, panel.path) : join(panel.path, 'video.mp4');
  const clip = await decodeVideo(path, { signal: run.signal });
  const own = basename(path) === 'video.mp4' ? basename(dirname(path)) : basename(panel.path);
  const label = panel.label ?? own;
  const source = run.pathOf === undefined ? path : panel.path;
  const about = { ...NOT_MADE, kind: 'file' as const, source, activations: [], size: sizeOf(clip) };
  return { clip, frame: panel.frame, report: { ...about, label } };
}
