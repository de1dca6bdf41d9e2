/** What the recipes of the classifiers share: training, evaluation on the validation images, packing. */
import { argmax } from '../../src/engine/audit/statistics.js';
import { GraphBuilder, type Graph } from '../../src/engine/graph/graph.js';
import type { NewPackage } from '../../src/engine/models/package.js';
import { asStored, type Weights } from '../../src/engine/models/safetensors.js';
import { trained } from '../../src/engine/training/parameters.js';
import type { Recipe, RecipeContext } from '../../src/engine/training/recipe.js';
import { REFERENCE_FORMAT, type ReferenceActivations } from '../../src/protocol/manifest.js';
import { NATURAL_LABELS } from './classes.js';
import { PIXELS, classifierNetwork, fromBytes, type Architecture } from './classifier.js';
import { batchAccuracy, classifierTask, splitDecoder } from './classifier-training.js';
import { IMAGE_BYTES, IMAGE_SIZE, naturalImages, type LabelledImages } from './dataset.js';
import { VECTOR_CODE } from './generator.js';
import { priorPackage } from './prior-package.js';
import { psnr } from './prior.js';

export interface ClassifierRecipe {
  readonly name: string;
  readonly title: string;
  readonly describe: string;
  readonly seed: number;
  readonly steps: number;
  readonly architecture: Architecture;
  /** Whether a generator is trained with it, and packed as NAME-decoder; see classifier-training. */
  readonly inverted: boolean;
  readonly defaultPrior?: string;
  /** Steps after which the weights are packed too, as NAME-at-STEP. */
  readonly snapshots?: readonly number[];
}

const BATCH = 64;

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
  const { name, describe, seed, steps, architecture, inverted, snapshots } = recipe;
  return {
    ...{ name, describe, seed, steps, needs: [] },
    task: (context) =>
      classifierTask({ seed: context.seed, steps: context.steps, batch: BATCH, architecture, inverted, snapshots }),
    watch: ({ watch, batch }) => ({
      accuracy: batchAccuracy(watch['logits']!, batch['wanted']!),
      ...(watch['squared'] && { psnr: psnr(watch['squared'][0]!) }),
    }),
    pack: (weights, context) => packed(recipe, weights, context),
    async packOthers(weights, found, context) {
      const packages = new Map<string, NewPackage>();
      for (const [step, before] of found)
        packages.set(`${name}-at-${step}`, await snapshot(recipe, before, step, context));
      return inverted ? packages.set(`${name}-decoder`, await decoder(recipe, weights, context)) : packages;
    },
  };
}

function snapshot(
  recipe: ClassifierRecipe,
  weights: Weights,
  step: number,
  context: RecipeContext,
): Promise<NewPackage> {
  const about = {
    ...recipe,
    title: `${recipe.title}, after ${step} steps of training`,
    describe: `${recipe.describe} As it was after ${step} of ${context.steps} steps of training.`,
  };
  return packed(about, weights, context);
}

function decoder({ name, title }: ClassifierRecipe, weights: Weights, context: RecipeContext): Promise<NewPackage> {
  const { decoder: generator, rest } = splitDecoder(weights);
  const about = {
    title: `${title}, shown again from fc6`,
    describe: `The generator that was trained with ${name}, from pixels alone: what priors begin with.`,
  };
  return priorPackage(about, { generator, classifier: asStored(rest, 'F16'), kind: VECTOR_CODE }, context);
}

/** Measures a classifier on the validation images. */
async function packed(recipe: ClassifierRecipe, weights: Weights, context: RecipeContext): Promise<NewPackage> {
  const { title, describe, architecture, defaultPrior } = recipe;
  const stored = asStored(splitDecoder(weights).rest, 'F16');
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
