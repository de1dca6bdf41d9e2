/** Real ONNX models against reference outputs that were computed elsewhere, in float64. */
import { describe, expect, it } from 'vitest';
import { gradients } from '../../../src/engine/autodiff/gradients.js';
import { readModel } from '../../../src/engine/formats/import.js';
import { GraphBuilder } from '../../../src/engine/graph/graph.js';
import { inline } from '../../../src/engine/models/serialise.js';
import { mul } from '../../../src/engine/ops/elementwise.js';
import { sum } from '../../../src/engine/ops/reduce.js';
import { openOnnxRuntime } from '../../../src/engine/runtimes/onnxruntime/onnxruntime.js';
import { sharedJson, sharedNpy, sharedPart, sharedPath } from '../../shared-data.js';
import { channelsFirst, runOnce, scoring } from './helpers.js';

const furthest = (actual: ArrayLike<number>, wanted: ArrayLike<number>): number => {
  expect(actual.length).toBe(wanted.length);
  return Array.from(wanted).reduce((most, v, i) => Math.max(most, Math.abs(v - actual[i]!)), 0);
};

const squeezenet = sharedPart('models', 'squeezenet-onnx', 'squeezenet1_1.onnx');

interface Net {
  readonly crop?: string;
  readonly logits?: string;
  readonly top5: readonly (readonly [number, ...unknown[]])[];
}

describe.skipIf(squeezenet.missing)(`SqueezeNet${squeezenet.note}`, () => {
  it('scores pictures as the reference does, and names them', async () => {
    const model = await readModel(sharedPath('models', 'squeezenet-onnx', 'squeezenet1_1.onnx'));
    expect(model).toMatchObject({ kind: 'network', units: 1000, width: 227, height: 227 });
    const index = sharedJson<{ mean_bgr: number[]; images: { nets: { squeezenet: Net } }[] }>(
      'goldens',
      'real-models',
      'index.json',
    );
    const nets = index.images.map(({ nets }) => nets.squeezenet).filter(({ crop }) => crop !== undefined);
    expect(nets.length).toBe(4);
    const { b, y } = scoring(model, nets.length, 1);
    b.output('logits', y);
    const pictures = nets.map(({ crop }) => {
      const { data } = sharedNpy('goldens', 'real-models', crop!);
      const bgr = Float32Array.from(data, (_, i) => data[i - (i % 3) + (2 - (i % 3))]! - index.mean_bgr[i % 3]!);
      return channelsFirst(bgr, 227 * 227, 3);
    });
    const x = new Float32Array(4 * 3 * 227 * 227);
    pictures.forEach((picture, i) => x.set(picture, i * picture.length));
    const { logits } = await runOnce(await openOnnxRuntime(), b.build(), { x });
    nets.forEach((net, i) => {
      const own = logits!.slice(i * 1000, (i + 1) * 1000);
      expect(furthest(own, sharedNpy('goldens', 'real-models', net.logits!).data)).toBeLessThan(1e-3);
      const order = [...own.keys()].sort((p, q) => own[q]! - own[p]!);
      expect(order.slice(0, 5)).toEqual(net.top5.map(([unit]) => unit));
    });
  });
});

const taef2 = sharedPart('models', 'taef2-decoder', 'taef2_decoder.onnx');

describe.skipIf(taef2.missing)(`TAEF2${taef2.note}`, () => {
  const file = (name: string): string => sharedPath('models', 'taef2-decoder', `taef2_${name}.onnx`);
  const golden = (name: string): Float32Array => Float32Array.from(sharedNpy('goldens', 'taef2', `${name}.npy`).data);

  it('as an encoder gives the latents of pictures', async () => {
    const model = await readModel(file('encoder'));
    expect(model).toMatchObject({ kind: 'network', units: 2048, width: 64, height: 64 });
    const { b, y } = scoring(model, 2, 1);
    b.output('latent', y);
    const crops = ['goldfish', 'macaw'].map((name) => golden(`${name}.crop`).map((byte) => byte / 255));
    const x = Float32Array.from(crops.flatMap((crop) => [...channelsFirst(crop, 64 * 64, 3)]));
    const { latent } = await runOnce(await openOnnxRuntime(), b.build(), { x });
    const wanted = ['goldfish', 'macaw'].flatMap((name) => [...golden(`${name}.latent`)]);
    expect(furthest(latent!, wanted)).toBeLessThan(1e-4);
  });

  it('as a decoder is a generator, whose pictures and gradients are those of the reference', async () => {
    const model = await readModel(file('decoder'));
    expect(model).toMatchObject({ kind: 'generator', code: [32, 8, 8], width: 64, height: 64 });
    if (model.kind !== 'generator') return;
    const b = new GraphBuilder();
    const code = b.input('code', [2, 2048]);
    const { image } = inline(b, model.graphs.generator, { code });
    const probe = b.constant(golden('probe'), [3, 64, 64]);
    b.output('image', image!);
    b.output('gradient', gradients(b, sum(b, mul(b, image!, probe)), [code])[0]!);
    const names = ['goldfish', 'macaw'];
    const latents = Float32Array.from(names.flatMap((name) => [...golden(`${name}.latent`)]));
    const results = await runOnce(await openOnnxRuntime(), b.build(), { code: latents });
    const wanted = (what: string): number[] => names.flatMap((name) => [...golden(`${name}.${what}`)]);
    expect(furthest(results['image']!, wanted('image'))).toBeLessThan(1e-4);
    // A rectifier on its kink turns over between float32 and float64 in one of the two: the rest of its gradient is as good.
    const off = names.map((name, i) => {
      const slopes = golden(`${name}.grad_latent`);
      const size = (numbers: ArrayLike<number>): number => Math.hypot(...Array.from(numbers));
      return size(slopes.map((g, k) => results['gradient']![i * slopes.length + k]! - g)) / size(slopes);
    });
    expect(Math.min(...off)).toBeLessThan(1e-5);
    expect(Math.max(...off)).toBeLessThan(1e-2);
  });
});
