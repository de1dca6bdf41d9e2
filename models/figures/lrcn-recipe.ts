/** What the recipes of the recognisers share: training, evaluation on held-out clips, packing. */
import { FIGURES_LABELS, FRAME_BYTES, FRAME_SIZE, MERGED_LABELS, MERGED_OF, PARTNER_OF, drawClip } from './dataset.js';
import {
  CLIP_LENGTH,
  CLIP_STRIDE,
  PIXEL_SCALE,
  batchAccuracy,
  frameNetwork,
  lrcnTask,
  sequenceNetwork,
} from './lrcn.js';
import { smoothnessOf } from '../../src/engine/synthesis/smoothness.js';
import { argmax } from '../../src/engine/audit/statistics.js';
import { GraphBuilder, type Graph } from '../../src/engine/graph/graph.js';
import type { ManifestFacts, ModelPackage } from '../../src/engine/models/package.js';
import { asStored, type NamedTensor, type Weights } from '../../src/engine/models/safetensors.js';
import { VideoScorer } from '../../src/engine/models/scoring.js';
import { Random } from '../../src/engine/random.js';
import { trained } from '../../src/engine/training/parameters.js';
import type { PackedClip, Recipe, RecipeContext } from '../../src/engine/training/recipe.js';
import {
  MANIFEST_FORMAT,
  REFERENCE_FORMAT,
  modelManifest,
  type RecogniserManifest,
  type ReferenceActivations,
} from '../../src/protocol/manifest.js';

export interface LrcnRecipe {
  readonly name: string;
  readonly title: string;
  readonly describe: string;
  readonly seed: number;
  readonly steps: number;
  /** Whether the two labels of a pair are one class: a task that does not need the order of frames. */
  readonly merged: boolean;
  readonly defaultUnit: string;
  /** Name of the model whose weights it starts from. */
  readonly from?: string;
  /** Label of one more class, for clips whose frames are shuffled: half of those that are shown. */
  readonly shuffledLabel?: string;
}

/** How many held-out clips of each label are measured; the real videos that activations are taken of. */
const EVALUATION = { clips: 40, references: 20, referenceFrames: 160 } as const;
/** Held-out clips packed with the model: for each label, each of two windows' length. */
const PROBE = { clips: 10, frames: 32 } as const;

const PIXELS = {
  width: FRAME_SIZE,
  height: FRAME_SIZE,
  order: 'rgb',
  mean: [127.5, 127.5, 127.5],
  scale: [PIXEL_SCALE.scale, PIXEL_SCALE.scale, PIXEL_SCALE.scale],
} as const;

/** The graphs `frames` and `sequence` with the weights as constants. */
export function lrcnGraphs(weights: Weights, classes: number): Record<'frames' | 'sequence', Graph> {
  const frames = new GraphBuilder();
  const input = frames.input('frames', [1, 3, FRAME_SIZE, FRAME_SIZE]);
  const layers = frameNetwork(frames, input, trained(frames, weights));
  for (const [name, value] of Object.entries(layers)) frames.output(name, value);
  const sequence = new GraphBuilder();
  const gates = sequence.input('gates', [CLIP_LENGTH, 1, layers['gates']!.shape[1]!]);
  const scores = sequenceNetwork(sequence, gates, classes, trained(sequence, weights));
  for (const [name, value] of Object.entries(scores)) sequence.output(name, value);
  return { frames: frames.build(), sequence: sequence.build() };
}

/** A recipe for a recogniser of the figures. */
export function lrcnRecipe(recipe: LrcnRecipe): Recipe {
  const { name, describe, seed, steps, merged, from, shuffledLabel } = recipe;
  const inOrder = merged ? MERGED_LABELS : FIGURES_LABELS;
  const labels = shuffledLabel === undefined ? inOrder : [...inOrder, shuffledLabel];
  const shuffledClass = shuffledLabel === undefined ? undefined : inOrder.length;
  const classOf = (label: number): number => (merged ? MERGED_OF[label]! : label);
  const classes = labels.length;
  return {
    name,
    describe,
    seed,
    steps,
    needs: from === undefined ? [] : [from],
    task: (context) =>
      lrcnTask({
        ...{ seed: context.seed, steps: context.steps, batch: 32, classes, classOf, shuffledClass },
        ...(from !== undefined && { start: withClasses(context.weightsOf(from), classes) }),
      }),
    watch: ({ watch, batch }) => ({
      accuracy: batchAccuracy(watch['probabilities']!, batch['wanted']!, classes),
    }),
    async pack(trainedWeights, context) {
      const weights = asStored(trainedWeights, 'F16');
      const graphs = lrcnGraphs(weights, classes);
      const facts = factsOf(recipe, labels);
      const model = unpacked(name, facts, graphs, weights);
      const quality = await measure(model, classOf, context);
      const reference = await referenceOf(model, classOf, context);
      return { facts: { ...facts, quality }, graphs, precision: 'F16', reference };
    },
    clips: () => probeClips(labels, classOf),
  };
}

/** Weights whose last layer has so many classes; those that it had none for start at zero. */
function withClasses(weights: Weights, classes: number): Map<string, NamedTensor> {
  const start = new Map(weights);
  for (const name of ['fc.weight', 'fc.bias']) {
    const { shape, data } = start.get(name)!;
    const widened = new Float32Array((classes * data.length) / shape[0]!);
    widened.set(data);
    start.set(name, { shape: [classes, ...shape.slice(1)], data: widened });
  }
  return start;
}

type Facts = Extract<ManifestFacts, { kind: 'recogniser' }>;

function factsOf({ title, describe, defaultUnit, merged }: LrcnRecipe, labels: readonly string[]): Facts {
  const pairs = FIGURES_LABELS.flatMap((label, i) =>
    PARTNER_OF[i] === i ? [] : [[label, FIGURES_LABELS[PARTNER_OF[i]!]!]],
  );
  return {
    kind: 'recogniser',
    title,
    description: describe,
    licence: 'MIT',
    source: 'Trained for this project on its own data set, see models/figures.',
    input: { ...PIXELS, mean: [...PIXELS.mean], scale: [...PIXELS.scale] },
    labels: [...labels],
    sequence: { rule: 'windows', length: CLIP_LENGTH, stride: CLIP_STRIDE },
    partners: merged ? {} : (Object.fromEntries(pairs) as Record<string, string>),
    clips: 'clips',
    defaults: { unit: defaultUnit, prior: 'figures-prior' },
  };
}

/** The package as it will be read, before it is written. */
function unpacked(
  name: string,
  facts: Facts,
  graphs: Record<string, Graph>,
  weights: Weights,
): ModelPackage<RecogniserManifest> {
  const none = { path: 'none', sha256: '0'.repeat(64) };
  const manifest = modelManifest.parse({
    format: MANIFEST_FORMAT,
    name,
    ...facts,
    files: { graph: none, weights: none },
  });
  return { directory: '', manifest: manifest as RecogniserManifest, sha256: '', graphs, weights, reference: null };
}

function reordered(pixels: Uint8Array, order: ArrayLike<number>): Uint8Array {
  const out = new Uint8Array(order.length * FRAME_BYTES);
  for (let t = 0; t < order.length; t++) {
    out.set(pixels.subarray(order[t]! * FRAME_BYTES, (order[t]! + 1) * FRAME_BYTES), t * FRAME_BYTES);
  }
  return out;
}

/** Accuracy in order, shuffled and reversed, flips under shuffle, and how often a reversed clip is its partner. */
async function measure(
  model: ModelPackage<RecogniserManifest>,
  classOf: (label: number) => number,
  { runtime, threads, log }: RecipeContext,
): Promise<Record<string, number>> {
  const scorer = new VideoScorer(model, runtime, threads);
  const random = new Random('evaluation');
  const count = { clips: 0, right: 0, shuffledRight: 0, flips: 0, reversedRight: 0, pairs: 0, partner: 0 };
  const answer = async (pixels: Uint8Array): Promise<number> => argmax((await scorer.score(pixels)).probabilities);
  for (let i = 0; i < EVALUATION.clips * FIGURES_LABELS.length; i++) {
    const { label, pixels } = drawClip('test', i, CLIP_LENGTH);
    const wanted = classOf(label);
    const [inOrder, shuffled, reversed] = [
      await answer(pixels),
      await answer(reordered(pixels, random.permutation(CLIP_LENGTH))),
      await answer(
        reordered(
          pixels,
          Array.from({ length: CLIP_LENGTH }, (_, t) => CLIP_LENGTH - 1 - t),
        ),
      ),
    ];
    count.clips++;
    if (inOrder === wanted) count.right++;
    if (shuffled === wanted) count.shuffledRight++;
    if (shuffled !== inOrder) count.flips++;
    if (reversed === wanted) count.reversedRight++;
    if (PARTNER_OF[label] !== label) count.pairs++;
    if (PARTNER_OF[label] !== label && reversed === classOf(PARTNER_OF[label]!)) count.partner++;
  }
  await scorer.close();
  const share = (n: number, of: number): number => Math.round((n / of) * 1e4) / 1e4;
  const quality = {
    testClips: count.clips,
    accuracy: share(count.right, count.clips),
    accuracyShuffled: share(count.shuffledRight, count.clips),
    flipsShuffled: share(count.flips, count.clips),
    accuracyReversed: share(count.reversedRight, count.clips),
    reversedPairsGivenPartner: share(count.partner, count.pairs),
  };
  log(JSON.stringify(quality));
  return quality;
}

/** Activations of every unit for real 160-frame videos of its class. */
async function referenceOf(
  model: ModelPackage<RecogniserManifest>,
  classOf: (label: number) => number,
  { runtime, threads }: RecipeContext,
): Promise<ReferenceActivations> {
  const { labels } = model.manifest;
  const scorer = new VideoScorer(model, runtime, threads);
  const activations: Record<string, number[]> = {};
  const smoothness: Record<string, number[]> = {};
  for (let i = 0; i < EVALUATION.references * FIGURES_LABELS.length; i++) {
    const { label, pixels } = drawClip('test', SECOND_HALF + i, EVALUATION.referenceFrames);
    const name = labels[classOf(label)]!;
    (activations[name] ??= []).push((await scorer.score(pixels)).logits[classOf(label)]!);
    (smoothness[name] ??= []).push(smoothnessOf(pixels, EVALUATION.referenceFrames));
  }
  await scorer.close();
  return {
    format: REFERENCE_FORMAT,
    clips: `held-out clips of the data set figures, ${EVALUATION.references} a label`,
    frames: EVALUATION.referenceFrames,
    activations,
    smoothness: Object.fromEntries(
      Object.entries(smoothness).map(([name, all]) => [name, all.reduce((x, y) => x + y, 0) / all.length]),
    ),
  };
}

/** Indices of the test split that the evaluation does not use. */
const SECOND_HALF = 2 ** 20;

function* probeClips(labels: readonly string[], classOf: (label: number) => number): Generator<PackedClip> {
  for (let i = 0; i < PROBE.clips * FIGURES_LABELS.length; i++) {
    const { label, pixels } = drawClip('probe', i, PROBE.frames);
    const name = `${FIGURES_LABELS[label]}-${String(Math.floor(i / FIGURES_LABELS.length) + 1).padStart(2, '0')}`;
    yield { label: labels[classOf(label)]!, name, pixels, width: FRAME_SIZE, height: FRAME_SIZE };
  }
}
