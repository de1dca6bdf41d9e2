/** The prior of the figures: training, the statistics of its codes, and how well it shows frames it has not seen. */
import { FRAME_BYTES, FRAME_SIZE, drawClip, randomFrame, type Split } from '../figures/dataset.js';
import { PIXEL_SCALE, frameNetwork, fromBytes } from '../figures/lrcn.js';
import { CODE_SIZE, encoderNetwork, generatorNetwork, priorTask, psnr } from './network.js';
import { choleskyFactor, covarianceOf } from '../../src/engine/models/covariance.js';
import { GraphBuilder, type Graph } from '../../src/engine/graph/graph.js';
import { asStored, type NamedTensor, type Weights } from '../../src/engine/models/safetensors.js';
import { mul, sub } from '../../src/engine/ops/elementwise.js';
import { mean } from '../../src/engine/ops/reduce.js';
import { trained } from '../../src/engine/training/parameters.js';
import type { Recipe, RecipeContext } from '../../src/engine/training/recipe.js';

/** Clips of the training split whose codes are counted, and their frames; frames of the test split reconstructed. */
const STATISTICS = { clips: 1200, frames: 16 } as const;
const TEST_FRAMES = 2_000;
const BATCH = 100;

function graphsOf(weights: Weights): Record<'generator' | 'encoder', Graph> {
  const generator = new GraphBuilder();
  const code = generator.input('code', [1, CODE_SIZE]);
  generator.output('image', generatorNetwork(generator, code, trained(generator, weights)));
  const encoder = new GraphBuilder();
  const frames = encoder.input('image', [1, 3, FRAME_SIZE, FRAME_SIZE]);
  encoder.output('code', encoderNetwork(encoder, frames, trained(encoder, weights)));
  return { generator: generator.build(), encoder: encoder.build() };
}

/** Frames `first` .. of a split as bytes, [BATCH, 64, 64, 3]. */
function frameBytes(split: Split, first: number): Uint8Array {
  const bytes = new Uint8Array(BATCH * FRAME_BYTES);
  for (let n = 0; n < BATCH; n++) bytes.set(randomFrame(split, first + n).pixels, n * FRAME_BYTES);
  return bytes;
}

/** Codes of the frames of real clips, [clips, frames, CODE_SIZE]. */
async function realCodes(weights: Weights, { runtime, threads }: RecipeContext): Promise<Float32Array> {
  const b = new GraphBuilder();
  const { clips, frames } = STATISTICS;
  const bytes = b.input('frames', [frames, FRAME_SIZE, FRAME_SIZE, 3], 'uint8');
  b.output('code', encoderNetwork(b, fromBytes(b, bytes), trained(b, weights)));
  const graph = await runtime.compile(b.build(), { threads });
  const codes = new Float32Array(clips * frames * CODE_SIZE);
  for (let clip = 0; clip < clips; clip++) {
    // A part of the split that training has not come to.
    const { code } = await graph.run({ frames: drawClip('train', 2 ** 27 + clip, frames).pixels });
    codes.set(code as Float32Array, clip * frames * CODE_SIZE);
  }
  await graph.close();
  return codes;
}

/** Each clip's mean code, [clips, CODE_SIZE], and what its frames differ from it by, [clips, frames, CODE_SIZE]. */
function splitByClip(codes: Float32Array): { means: Float32Array; deviations: Float32Array } {
  const perClip = STATISTICS.frames * CODE_SIZE;
  const means = new Float32Array(codes.length / STATISTICS.frames);
  const place = (i: number): number => Math.floor(i / perClip) * CODE_SIZE + (i % CODE_SIZE);
  codes.forEach((x, i) => (means[place(i)]! += x / STATISTICS.frames));
  return { means, deviations: codes.map((x, i) => x - means[place(i)]!) };
}

/**
 * Mean and bounds (mean + 3 sigma, as the paper's) of codes, and the factors of their covariance: of all frames, between
 * clips (who acts, and where) and within clips (what changes while they act).
 */
function statisticsOf(codes: Float32Array): Map<string, NamedTensor> {
  const { mean: centre, covariance } = covarianceOf(codes, CODE_SIZE);
  const upper = centre.map((m, i) => m + 3 * Math.sqrt(covariance[i * CODE_SIZE + i]!));
  const { means, deviations } = splitByClip(codes);
  const vector = (data: ArrayLike<number>): NamedTensor => ({ shape: [CODE_SIZE], data: Float32Array.from(data) });
  const factor = (matrix: Float64Array): NamedTensor => ({
    shape: [CODE_SIZE, CODE_SIZE],
    data: Float32Array.from(choleskyFactor(matrix, CODE_SIZE)),
  });
  return new Map<string, NamedTensor>([
    ['code.mean', vector(centre)],
    ['code.upper', vector(upper)],
    ['code.factor', factor(covariance)],
    ['code.between', factor(covarianceOf(means, CODE_SIZE).covariance)],
    ['code.within', factor(covarianceOf(deviations, CODE_SIZE).covariance)],
  ]);
}

/** PSNR on held-out frames, and the recogniser's fc6 of reconstructions against that of the frames. */
async function measure(weights: Weights, context: RecipeContext): Promise<Record<string, number>> {
  const b = new GraphBuilder();
  const target = fromBytes(b, b.input('frames', [BATCH, FRAME_SIZE, FRAME_SIZE, 3], 'uint8'));
  const p = trained(b, weights);
  const image = generatorNetwork(b, encoderNetwork(b, target, p), p);
  const square = (x: typeof image, y: typeof image): typeof image => {
    const d = sub(b, x, y);
    return mul(b, d, d);
  };
  b.output('squared', mean(b, square(image, target), [1, 2, 3], false));
  const known = trained(b, context.weightsOf('figures-lrcn'));
  const [seen, wanted] = [image, target].map((x) => frameNetwork(b, x, known)['fc6']!);
  b.output('error', mean(b, square(seen!, wanted!), undefined, false));
  b.output('size', mean(b, mul(b, wanted!, wanted!), undefined, false));
  const graph = await context.runtime.compile(b.build(), { threads: context.threads });
  const totals = { squared: 0, psnr: 0, error: 0, size: 0 };
  for (let first = 0; first < TEST_FRAMES; first += BATCH) {
    const results = await graph.run({ frames: frameBytes('test', first) });
    for (const s of results['squared']!) {
      totals.squared += s / TEST_FRAMES;
      totals.psnr += psnr(s) / TEST_FRAMES;
    }
    totals.error += results['error']![0]!;
    totals.size += results['size']![0]!;
  }
  await graph.close();
  const rounded = (x: number): number => Math.round(x * 1e3) / 1e3;
  return {
    testFrames: TEST_FRAMES,
    psnrDecibel: rounded(psnr(totals.squared)),
    psnrDecibelMeanOfFrames: rounded(totals.psnr),
    fc6RelativeError: rounded(totals.error / totals.size),
  };
}

const recipe: Recipe = {
  name: 'figures-prior',
  describe: 'An upconvolutional generator that inverts 128-number codes of single frames of the figures.',
  seed: 1,
  steps: 4800,
  needs: ['figures-lrcn'],
  task: ({ seed, steps, weightsOf }) => priorTask({ seed, steps, batch: 32, recogniser: weightsOf('figures-lrcn') }),
  watch: ({ watch }) => ({ psnr: psnr(watch['squared']![0]!), features: watch['features']![0]! }),
  async pack(trainedWeights, context) {
    const weights = asStored(trainedWeights, 'F16');
    const quality = await measure(weights, context);
    context.log(JSON.stringify(quality));
    const size = { width: FRAME_SIZE, height: FRAME_SIZE, order: 'rgb' as const };
    const { scale } = PIXEL_SCALE;
    return {
      facts: {
        kind: 'prior',
        title: 'Single frames of the drawn figures',
        description: recipe.describe,
        licence: 'MIT',
        source: 'Trained for this project on its own data set, see models/figures.',
        code: { size: CODE_SIZE, layer: 'code of its own encoder' },
        output: { ...size, mean: [127.5, 127.5, 127.5], scale: [scale, scale, scale] },
        quality,
      },
      graphs: graphsOf(weights),
      extra: statisticsOf(await realCodes(weights, context)),
      precision: 'F16',
    };
  },
};
export default recipe;
