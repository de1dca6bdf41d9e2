/** The shipped models of natural images, on every tenth validation image, where the data set is at hand. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { beforeAll, describe, expect, it } from 'vitest';
import { NATURAL_LABELS } from '../../models/natural/classes.js';
import { OBJECTS, SECOND, fromBytes } from '../../models/natural/classifier.js';
import { logitsOf } from '../../models/natural/classifier-recipe.js';
import { IMAGE_BYTES, imagesOfTar, type LabelledImages } from '../../models/natural/dataset.js';
import { psnr } from '../../models/natural/prior.js';
import { argmax } from '../../src/engine/audit/statistics.js';
import { GraphBuilder } from '../../src/engine/graph/graph.js';
import { generatorPrior } from '../../src/engine/models/prior.js';
import { ModelRegistry } from '../../src/engine/models/registry.js';
import { mul, sub } from '../../src/engine/ops/elementwise.js';
import { mean } from '../../src/engine/ops/reduce.js';
import { openRuntime } from '../../src/engine/runtimes/open.js';
import type { Runtime } from '../../src/engine/runtimes/runtime.js';
import { sharedPart, sharedPath } from '../shared-data.js';

const registry = ModelRegistry.open({ folders: [join(import.meta.dirname, '../../models')] });
const TAR = ['images', 'tiny-imagenet-40-val.tar'];
const { missing, note } = sharedPart(...TAR);
const EVERY = 10;

async function everyTenth(): Promise<LabelledImages> {
  const path = sharedPath(...TAR);
  const { pixels, classes } = await imagesOfTar(readFileSync(path), path);
  const chosen = Array.from({ length: classes.length / EVERY }, (_, n) => n * EVERY);
  const kept = new Uint8Array(chosen.length * IMAGE_BYTES);
  chosen.forEach((index, n) =>
    kept.set(pixels.subarray(index * IMAGE_BYTES, (index + 1) * IMAGE_BYTES), n * IMAGE_BYTES),
  );
  return { pixels: kept, classes: Uint8Array.from(chosen, (index) => classes[index]!) };
}

describe.skipIf(missing)(`on every tenth validation image${note}`, () => {
  let runtime: Runtime;
  let images: LabelledImages;
  beforeAll(async () => {
    [runtime, images] = [await openRuntime('onnxruntime'), await everyTenth()];
  });

  it.each([
    ['tiny-objects', OBJECTS],
    ['tiny-objects-2', SECOND],
  ] as const)('%s names about as many as its manifest says', async (name, architecture) => {
    const { weights, manifest } = registry.load(name);
    const log = (): void => undefined;
    const context = { ...{ seed: 0, steps: 0, threads: 2, log }, runtime, weightsOf: () => weights };
    const logits = await logitsOf(images, weights, architecture, context);
    const right = [...images.classes].filter((label, n) => {
      const row = Array.from(logits.subarray(n * NATURAL_LABELS.length, (n + 1) * NATURAL_LABELS.length));
      return argmax(row) === label;
    });
    const share = right.length / images.classes.length;
    // Four standard errors of a share of 200.
    expect(Math.abs(share - Number(manifest.quality['accuracy']))).toBeLessThan(0.14);
  });

  it.each(['natural-prior', 'natural-prior-conv'])('%s shows them about as well as its manifest says', async (name) => {
    const model = registry.loadPrior(name);
    const prior = generatorPrior(model);
    const count = images.classes.length;
    const b = new GraphBuilder();
    const target = fromBytes(b, b.input('images', [count, 64, 64, 3], 'uint8'));
    const error = sub(b, prior.build(b, prior.encode!(b, target)), target);
    b.output('error', mean(b, mul(b, error, error), undefined, false));
    const graph = await runtime.compile(b.build());
    const { error: squared } = await graph.run({ images: images.pixels });
    await graph.close();
    expect(Math.abs(psnr(squared![0]!) - Number(model.manifest.quality['psnrDecibel']))).toBeLessThan(0.5);
  });
});
