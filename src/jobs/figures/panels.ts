/** The panels of a figure with what is on them: what was made for them, real examples, finished videos. */
import { basename, dirname, join } from 'node:path';
import { SCORES } from '../../engine/models/classifier.js';
import type { Runtime } from '../../engine/runtimes/runtime.js';
import { parseWith, pictureRequest } from '../../protocol/index.js';
import { decodeVideo } from '../../video/index.js';
import { detailOf, keyOf, NOT_MADE, pathOf, sizeOf, type FilledPanel, type PanelSources } from './panel-words.js';
import type { MadePicture } from './pictures.js';
import { shortLabel, type FigureOptions, type FigurePlan, type PanelPlan } from './plan.js';
import { RealPanels } from './real-panels.js';

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
  const real = new RealPanels(run, options, runtime, pictures);
  const rows: (FilledPanel | null)[][] = [];
  try {
    for (const row of plan.panels) {
      const filled: (FilledPanel | null)[] = [];
      for (const panel of row) {
        if (panel === null) filled.push(null);
        else if (panel.kind === 'made') filled.push(madePanel(panel, pictures));
        else if (panel.kind === 'real') filled.push(await real.fill(panel));
        else filled.push(await filePanel(panel, run));
      }
      rows.push(filled);
    }
    return rows;
  } finally {
    await real.close();
  }
}

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
