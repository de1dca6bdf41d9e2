/** The kind `image`, as it runs in a worker: models and prior -> optimised pictures -> PNGs, montage, plot, report. */
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { SCORES } from '../engine/models/classifier.js';
import { ModelRegistry } from '../engine/models/registry.js';
import {
  IMAGE_REPORT_FORMAT,
  imageReport,
  parseWith,
  type ImageJobRequest,
  type ImageReport,
} from '../protocol/index.js';
import { activationPlot, encodeStill, frameAt, inRows, renderBoard, type FrameSequence } from '../video/index.js';
import { fileName, IMAGE_ARTIFACTS } from './artifacts.js';
import { cropped } from './figures/pictures.js';
import { shortLabel } from './figures/plan.js';
import { commonReport, runSynthesis, type Outcome, type SynthesisContext } from './synthesis-run.js';

export { prepareEngine as prepare } from './prepare-engine.js';

type Context = SynthesisContext<ImageJobRequest>;
type Picture = ImageReport['pictures'][number];

/**
 * Does an image job.
 * @throws {NeuroreelError} what the engine throws
 * @throws {JobCanceled} when the job was cancelled
 */
export async function run(context: Context): Promise<void> {
  const { request, settings } = context;
  const { manifest } = ModelRegistry.open({ folders: settings.modelFolders }).loadClassifier(request.model);
  const first = request.layer === undefined ? (manifest.defaults.unit ?? 0) : 0;
  const units = (request.units ?? [first]).flatMap((unit) => Array.from({ length: request.starts }, () => unit));
  const outcome = await runSynthesis(context, { units, frames: units.length }, 1);
  await writeArtifacts(context, outcome, manifest.labels);
}

/** @param labels of the model */
async function writeArtifacts(context: Context, outcome: Outcome, labels: readonly string[]): Promise<void> {
  const { folder } = context;
  const pictures = picturesOf(context, outcome, labels);
  const path = (name: keyof typeof IMAGE_ARTIFACTS): string => join(folder, IMAGE_ARTIFACTS[name]);
  const shown = shownOf(outcome);
  const files = pictures.length + (pictures.length > 1 ? 3 : 2);
  let written = 0;
  const write = async (to: string, content: Uint8Array | string): Promise<void> => {
    await writeFile(to, content);
    context.encoding(++written, files);
  };
  for (const [i, { file }] of pictures.entries()) {
    const png = await encodeStill(frameAt(shown, i), shown.width, shown.height, { format: 'png' });
    await write(join(folder, file), png);
  }
  if (pictures.length > 1) await write(path('montage'), await montage(context, outcome, pictures, shown));
  const { about, result } = outcome;
  const plot = await activationPlot({
    unit: pictures.length > 1 ? `mean of ${pictures.length} pictures` : about.unit.label,
    model: about.model.name,
    activations: result.activations,
    iterations: Array.from(result.activations, (_, i) => i + 1),
  });
  await write(path('plot'), plot.png);
  await write(path('report'), `${JSON.stringify(reportOf(context, outcome, pictures), null, 2)}\n`);
}

/** What is to be seen of the pictures: of a hidden unit the part that it sees. */
function shownOf({ result: { pixels, frames, width, height, crop } }: Outcome): FrameSequence {
  const whole = { frames: pixels, count: frames, width, height };
  if (crop === null) return whole;
  const [y, x] = crop.offset;
  const [high, wide] = crop.size;
  return cropped(whole, { x, y, width: wide, height: high });
}

function picturesOf({ request }: Context, { result, about, units }: Outcome, labels: readonly string[]): Picture[] {
  const { activations, probabilities, units: each } = result.pictures!;
  const hidden = about.place !== undefined && about.place.layer !== SCORES;
  const digits = String(units.length).length;
  return units.map((unit, i) => {
    const chances = probabilities.subarray(i * labels.length, (i + 1) * labels.length);
    const named = chances.indexOf(Math.max(...chances));
    return {
      file: `${String(i + 1).padStart(digits, '0')}-${fileName(shortLabel(unit.label))}.png`,
      unit,
      start: i % request.starts,
      activation: activations[i]!,
      activations: each.map((one) => one[i]!),
      probability: hidden ? null : (chances[unit.index] ?? null),
      named: labels[named] ?? '',
    };
  });
}

/** One unit: its starts in a square. Several: a row each, or, of one start each, in a square. */
async function montage(
  { request }: Context,
  { about }: Outcome,
  pictures: readonly Picture[],
  shown: FrameSequence,
): Promise<Buffer> {
  const { starts } = request;
  const units = pictures.length / starts;
  const { width, height } = shown;
  const cells = pictures.map(({ unit, activation, probability }, i) => ({
    clip: { frames: frameAt(shown, i), count: 1, width, height },
    label: shortLabel(unit.label),
    detail: activation.toFixed(1) + (probability === null ? '' : ` · ${(100 * probability).toFixed(0)} %`),
  }));
  const rowEach = units > 1 && starts > 1;
  const first = shortLabel(pictures[0]!.unit.label);
  return renderBoard({
    title: units === 1 ? `${first} of ${about.model.name}` : `${units} units of ${about.model.name}`,
    subtitle: `preset ${about.preset}, ${starts} ${starts === 1 ? 'start' : 'starts'}, seed ${about.seed}`,
    ...(rowEach && { rows: inRows(pictures, starts).map(([one]) => shortLabel(one!.unit.label)) }),
    cells: rowEach ? inRows(cells, starts) : inRows(cells),
  });
}

function reportOf(context: Context, outcome: Outcome, pictures: readonly Picture[]): ImageReport {
  const { result, about } = outcome;
  const { model: _model, prior: _prior, runtime: _runtime, realClips: _real, ...synthesis } = about;
  const { crop, width, height } = result;
  return parseWith(
    imageReport,
    {
      ...commonReport(context, outcome),
      format: IMAGE_REPORT_FORMAT,
      request: context.request,
      size: { width, height },
      crop: crop && { top: crop.offset[0], left: crop.offset[1], height: crop.size[0], width: crop.size[1] },
      pictures,
      synthesis,
    },
    'INTERNAL',
  );
}
