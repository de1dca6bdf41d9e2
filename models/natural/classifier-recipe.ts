/** What the recipes of the classifiers share: training, evaluation on the validation images, packing. */
import { argmax } from '../../src/engine/audit/statistics.js';
import { GraphBuilder, type Graph } from '../../src/engine/graph/graph.js';
import type { NewPackage } from '../../src/engine/models/package.js';
import { asStored, type Weights } from '../../src/engine/models/safetensors.js';
import { trained } from '../../src/engine/training/parameters.js';
import type { Recipe, RecipeContext } from '../../src/engine/training/recipe.js';
import { REFERENCE_FORMAT, type PixelFormat, type ReferenceActivations } from '../../src/protocol/manifest.js';
import {
  PIXEL_SCALE,
  batchAccuracy,
  classifierNetwork,
  classifierTask,
  fromBytes,
  type Architecture,
} from './classifier.js';
import { NATURAL_LABELS } from './classes.js';
import { IMAGE_BYTES, IMAGE_SIZE, naturalImages, type LabelledImages } from './dataset.js';

export interface ClassifierRecipe {
  readonly name: string;
  readonly title: string;
  readonly describe: string;
  readonly seed: number;
  readonly steps: number;
  readonly architecture: Architecture;
  readonly defaultPrior?: string;
  /** Steps after which the weights are packed too, as NAME-at-STEP. */
  readonly snapshots?: readonly number[];
}

const BATCH = 64;

/** How images of 64x64 are meant by all these networks. */
export const PIXELS: PixelFormat = {
  width: IMAGE_SIZE,
  height: IMAGE_SIZE,
  order: 'rgb',
  mean: [127.5, 127.5, 127.5],
  scale: [PIXEL_SCALE.scale, PIXEL_SCALE.scale, PIXEL_SCALE.scale],
};

/** The graph `network` with the weights as constants. */
export function classifierGraph(weights: Weights, architecture: Architecture): Graph {
  const b = new GraphBuilder();
  const layers = classifierNetwork(
    b,
    b.input('image', [1, 3, IMAGE_SIZE, IMAGE_SIZE]),
    trained(b, weights),
    architecture,
  );
  for (const [name, value] of Object.entries(layers)) b.output(name, value);
  return b.build();
}

/** Scores of images, [N, 40]. */
export async function logitsOf(
  images: LabelledImages,
  weights: Weights,
  architecture: Architecture,
  { runtime, threads }: RecipeContext,
): Promise<Float32Array> {
  const size = 100;
  const b = new GraphBuilder();
  const bytes = b.input('images', [size, IMAGE_SIZE, IMAGE_SIZE, 3], 'uint8');
  b.output('logits', classifierNetwork(b, fromBytes(b, bytes), trained(b, weights), architecture)['logits']!);
  const graph = await runtime.compile(b.build(), { threads });
  const count = images.classes.length;
  const logits = new Float32Array(count * NATURAL_LABELS.length);
  for (let first = 0; first < count; first += size) {
    const part = new Uint8Array(size * IMAGE_BYTES);
    part.set(images.pixels.subarray(first * IMAGE_BYTES, Math.min(first + size, count) * IMAGE_BYTES));
    const results = (await graph.run({ images: part }))['logits'] as Float32Array;
    logits.set(
      results.subarray(0, (Math.min(first + size, count) - first) * NATURAL_LABELS.length),
      first * NATURAL_LABELS.length,
    );
  }
  await graph.close();
  return logits;
}

/** Accuracies, and the activations of each unit for images of its class. */
function judged({ classes }: LabelledImages, logits: Float32Array) {
  const width = NATURAL_LABELS.length;
  const activations: Record<string, number[]> = {};
  const right = { first: 0, five: 0 };
  classes.forEach((label, n) => {
    const row = Array.from(logits.subarray(n * width, (n + 1) * width));
    (activations[NATURAL_LABELS[label]!] ??= []).push(Math.round(row[label]! * 1e4) / 1e4);
    if (argmax(row) === label) right.first++;
    if (row.filter((x) => x > row[label]!).length < 5) right.five++;
  });
  const share = (n: number): number => Math.round((1e4 * n) / classes.length) / 1e4;
  return {
    activations,
    quality: {
      validationImages: classes.length,
      accuracy: share(right.first),
      accuracyTopFive: share(right.five),
    },
  };
}

/** A recipe for a classifier. */
export function classifierRecipe(recipe: ClassifierRecipe): Recipe {
  const { name, title, describe, seed, steps, architecture, snapshots } = recipe;
  return {
    ...{ name, describe, seed, steps, needs: [] },
    task: (context) =>
      classifierTask({ seed: context.seed, steps: context.steps, batch: BATCH, architecture, snapshots }),
    watch: ({ watch, batch }) => ({ accuracy: batchAccuracy(watch['logits']!, batch['wanted']!) }),
    pack: (weights, context) => packed(recipe, weights, context),
    async packSnapshots(found, context) {
      const packages = new Map<string, NewPackage>();
      for (const [step, weights] of found) {
        const about = {
          ...recipe,
          title: `${title}, after ${step} steps of training`,
          describe: `${describe} As it was after ${step} of ${context.steps} steps of training.`,
        };
        packages.set(`${name}-at-${step}`, await packed(about, weights, context));
      }
      return packages;
    },
  };
}

/** Measures a classifier on the validation images. */
async function packed(recipe: ClassifierRecipe, weights: Weights, context: RecipeContext): Promise<NewPackage> {
  const { title, describe, architecture, defaultPrior } = recipe;
  const stored = asStored(weights, 'F16');
  const images = await naturalImages('test');
  const { activations, quality } = judged(images, await logitsOf(images, stored, architecture, context));
  context.log(JSON.stringify(quality));
  const reference: ReferenceActivations = {
    ...{ format: REFERENCE_FORMAT, clips: 'validation images of Tiny-ImageNet', frames: 1 },
    ...{ activations, smoothness: {} },
  };
  return {
    facts: {
      ...{ kind: 'classifier', title, description: describe, licence: 'MIT' },
      source: 'Trained for this project on 40 classes of Tiny-ImageNet, see models/natural.',
      ...{ input: PIXELS, labels: [...NATURAL_LABELS] },
      defaults: { unit: 'goldfish', ...(defaultPrior && { prior: defaultPrior }) },
      quality,
    },
    graphs: { network: classifierGraph(stored, architecture) },
    precision: 'F16',
    reference,
  };
}
