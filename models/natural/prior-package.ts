/** Packs a generator as a prior: its statistics of codes, how well it shows images that it has not seen. */
import { GraphBuilder, type Graph, type Value } from '../../src/engine/graph/graph.js';
import { choleskyFactor, covarianceOf } from '../../src/engine/models/covariance.js';
import type { NewPackage } from '../../src/engine/models/package.js';
import { asStored, type NamedTensor, type Weights } from '../../src/engine/models/safetensors.js';
import { mul, sub } from '../../src/engine/ops/elementwise.js';
import { mean } from '../../src/engine/ops/reduce.js';
import { argmax } from '../../src/engine/audit/statistics.js';
import { trained } from '../../src/engine/training/parameters.js';
import type { RecipeContext } from '../../src/engine/training/recipe.js';
import { NATURAL_LABELS } from './classes.js';
import { OBJECTS, PIXELS, classifierNetwork, fromBytes } from './classifier.js';
import { IMAGE_BYTES, IMAGE_SIZE, naturalImages, type LabelledImages } from './dataset.js';
import { encoderNetwork, generatorNetwork, type CodeKind } from './generator.js';
import { psnr } from './prior.js';

/** A trained generator. */
interface Trained {
  readonly generator: Weights;
  /** The classifier whose layer it inverts, as it is stored. */
  readonly classifier: Weights;
  readonly kind: CodeKind;
}

/** Images of one run while measuring. */
const CHUNK = 80;

function graphsOf({ generator: weights, classifier, kind }: Trained): Record<'generator' | 'encoder', Graph> {
  const generator = new GraphBuilder();
  const code = generator.input('code', [1, kind.size]);
  generator.output('image', generatorNetwork(generator, code, kind, trained(generator, weights)));
  const encoder = new GraphBuilder();
  const image = encoder.input('image', [1, 3, IMAGE_SIZE, IMAGE_SIZE]);
  const known = trained(encoder, classifier);
  encoder.output('code', encoderNetwork(encoder, image, kind, known));
  return { generator: generator.build(), encoder: encoder.build() };
}

/** Images in chunks of `CHUNK`, the last filled up with zeros, and how many of each are meant. */
function* chunks({ pixels, classes }: LabelledImages): Generator<{ first: number; count: number; images: Uint8Array }> {
  for (let first = 0; first < classes.length; first += CHUNK) {
    const count = Math.min(CHUNK, classes.length - first);
    const images = new Uint8Array(CHUNK * IMAGE_BYTES);
    images.set(pixels.subarray(first * IMAGE_BYTES, (first + count) * IMAGE_BYTES));
    yield { first, count, images };
  }
}

/** Codes of all training images, [N, size]. */
async function realCodes({ classifier, kind }: Trained, { runtime, threads }: RecipeContext): Promise<Float32Array> {
  const b = new GraphBuilder();
  const bytes = b.input('images', [CHUNK, IMAGE_SIZE, IMAGE_SIZE, 3], 'uint8');
  b.output('code', encoderNetwork(b, fromBytes(b, bytes), kind, trained(b, classifier)));
  const graph = await runtime.compile(b.build(), { threads });
  const data = await naturalImages('train');
  const codes = new Float32Array(data.classes.length * kind.size);
  for (const { first, count, images } of chunks(data)) {
    const { code } = await graph.run({ images });
    codes.set((code as Float32Array).subarray(0, count * kind.size), first * kind.size);
  }
  await graph.close();
  return codes;
}

/** Mean and bounds (mean + 3 sigma, as the paper's) of codes, and, of vectors, the factor of their covariance. */
function statisticsOf(codes: Float32Array, { size, shape }: CodeKind): Map<string, NamedTensor> {
  const vector = (data: ArrayLike<number>): NamedTensor => ({ shape: [size], data: Float32Array.from(data) });
  const count = codes.length / size;
  const centre = new Float64Array(size);
  const squares = new Float64Array(size);
  codes.forEach((x, i) => {
    centre[i % size]! += x / count;
    squares[i % size]! += (x * x) / count;
  });
  const upper = centre.map((m, i) => m + 3 * Math.sqrt(Math.max(squares[i]! - m * m, 0)));
  const known = new Map([
    ['code.mean', vector(centre)],
    ['code.upper', vector(upper)],
  ]);
  // Maps have too many numbers for their covariance to be small, or to be known from so few images.
  if (shape) return known;
  const factor = choleskyFactor(covarianceOf(codes, size).covariance, size);
  return known.set('code.factor', { shape: [size, size], data: Float32Array.from(factor) });
}

/** PSNR on validation images; the classifier's fc6 and answers for reconstructions. */
async function measure(
  { generator: weights, classifier, kind }: Trained,
  { runtime, threads }: RecipeContext,
): Promise<Record<string, number>> {
  const b = new GraphBuilder();
  const target = fromBytes(b, b.input('images', [CHUNK, IMAGE_SIZE, IMAGE_SIZE, 3], 'uint8'));
  const [p, known] = [trained(b, weights), trained(b, classifier)];
  const image = generatorNetwork(b, encoderNetwork(b, target, kind, known), kind, p);
  const square = (x: Value, y: Value): Value => {
    const d = sub(b, x, y);
    return mul(b, d, d);
  };
  const [seen, wanted] = [image, target].map((x) => classifierNetwork(b, x, known, OBJECTS));
  b.output('squared', mean(b, square(image, target), [1, 2, 3], false));
  b.output('error', mean(b, square(seen!['fc6']!, wanted!['fc6']!), [1], false));
  b.output('size', mean(b, mul(b, wanted!['fc6']!, wanted!['fc6']!), [1], false));
  b.output('logits', seen!['logits']!);
  const graph = await runtime.compile(b.build(), { threads });
  const data = await naturalImages('test');
  const totals = { squared: 0, error: 0, size: 0, right: 0 };
  const labels = NATURAL_LABELS.length;
  for (const { first, count, images } of chunks(data)) {
    const results = await graph.run({ images });
    for (let n = 0; n < count; n++) {
      for (const name of ['squared', 'error', 'size'] as const) totals[name] += results[name]![n]!;
      const row = Array.from({ length: labels }, (_, c) => results['logits']![n * labels + c]!);
      if (argmax(row) === data.classes[first + n]) totals.right++;
    }
  }
  await graph.close();
  const rounded = (x: number): number => Math.round(x * 1e3) / 1e3;
  const count = data.classes.length;
  return {
    validationImages: count,
    psnrDecibel: rounded(psnr(totals.squared / count)),
    fc6RelativeError: rounded(totals.error / totals.size),
    reconstructionsNamed: rounded(totals.right / count),
  };
}

/** @returns the package of a prior, its weights in half precision */
export async function priorPackage(
  { title, describe }: { readonly title: string; readonly describe: string },
  trainedPrior: Trained,
  context: RecipeContext,
): Promise<NewPackage> {
  const { kind } = trainedPrior;
  const stored = { ...trainedPrior, generator: asStored(trainedPrior.generator, 'F16') };
  const quality = await measure(stored, context);
  context.log(JSON.stringify(quality));
  return {
    facts: {
      ...{ kind: 'prior', title, description: describe, licence: 'MIT' },
      source: 'Trained for this project on 40 classes of Tiny-ImageNet, see models/natural.',
      code: { size: kind.size, layer: `${kind.layer} of tiny-objects`, ...(kind.shape && { shape: [...kind.shape] }) },
      output: PIXELS,
      quality,
    },
    graphs: graphsOf(stored),
    extra: statisticsOf(await realCodes(stored, context), kind),
    precision: 'F16',
  };
}
