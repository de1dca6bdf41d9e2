/** The models that ship: whole, small enough, and as good as their manifests say. */
import { readdirSync, statSync } from 'node:fs';
import { join, relative } from 'node:path';
import { beforeAll, describe, expect, it } from 'vitest';
import { FRAME_BYTES, drawClip, randomFrame } from '../../models/figures/dataset.js';
import { MERGED_OF, PARTNER_OF } from '../../models/figures/labels.js';
import { fromBytes } from '../../models/figures/lrcn.js';
import { psnr } from '../../models/figures-prior/network.js';
import { RecogniserScorer } from '../../src/engine/audit/recogniser-scorer.js';
import { GraphBuilder } from '../../src/engine/graph/graph.js';
import { generatorPrior } from '../../src/engine/models/prior.js';
import { ModelRegistry } from '../../src/engine/models/registry.js';
import { mul, sub } from '../../src/engine/ops/elementwise.js';
import { mean } from '../../src/engine/ops/reduce.js';
import { Random } from '../../src/engine/random.js';
import { openRuntime } from '../../src/engine/runtimes/open.js';
import type { Runtime } from '../../src/engine/runtimes/runtime.js';

const FOLDER = join(import.meta.dirname, '../../models');
const registry = ModelRegistry.open({ folders: [FOLDER] });
let runtime: Runtime;
beforeAll(async () => {
  runtime = await openRuntime('onnxruntime');
});

const FRAMES = 16;
const CLIPS = 60;
const forwards = Int32Array.from({ length: FRAMES }, (_, t) => t);
const backwards = Int32Array.from({ length: FRAMES }, (_, t) => FRAMES - 1 - t);

interface Shares {
  readonly inOrder: number;
  readonly shuffled: number;
  readonly flips: number;
  readonly partner: number;
}

/** Shares of answers over held-out clips that no recipe looks at: in order, over five shuffles, reversed. */
async function sharesOf(name: string, classOf: (label: number) => number): Promise<Shares> {
  const scorer = new RecogniserScorer(registry.loadRecogniser(name), runtime, { threads: 2 });
  const random = new Random('shipped models');
  const orders = [forwards, backwards, ...Array.from({ length: 5 }, () => random.permutation(FRAMES))];
  const count = { inOrder: 0, shuffled: 0, flips: 0, partner: 0, pairs: 0 };
  for (let i = 0; i < CLIPS; i++) {
    const { label, pixels } = drawClip('test', 2 ** 24 + i, FRAMES);
    const { probabilities } = await scorer.scores(await scorer.features(pixels), FRAMES, orders);
    const answers = orders.map((_, r) => {
      const row = probabilities.subarray(r * scorer.classes, (r + 1) * scorer.classes);
      return row.indexOf(Math.max(...row));
    });
    if (answers[0] === classOf(label)) count.inOrder++;
    for (const answer of answers.slice(2)) {
      if (answer === classOf(label)) count.shuffled++;
      if (answer !== answers[0]) count.flips++;
    }
    if (PARTNER_OF[label] !== label) {
      count.pairs++;
      if (answers[1] === classOf(PARTNER_OF[label]!)) count.partner++;
    }
  }
  await scorer.close();
  const shuffles = CLIPS * (orders.length - 2);
  return {
    inOrder: count.inOrder / CLIPS,
    shuffled: count.shuffled / shuffles,
    flips: count.flips / shuffles,
    partner: count.partner / count.pairs,
  };
}

describe('the shipped models', () => {
  it('are whole: every package reads with its hashes', () => {
    expect(registry.problems()).toEqual([]);
    const names = registry.list().map((model) => model.name);
    expect(names).toEqual(expect.arrayContaining(['figures-lrcn', 'figures-orderblind', 'figures-prior']));
    for (const name of names) expect(registry.load(name).manifest.licence).toBe('MIT');
  });

  it.each([
    [/^figures/, 15e6],
    [/^(natural|tiny)/, 20e6],
  ])('whose names match %s take at most %d bytes together', (pattern, limit) => {
    const files = readdirSync(FOLDER, { recursive: true, withFileTypes: true }).filter((entry) => entry.isFile());
    const paths = files.map((file) => join(file.parentPath, file.name));
    const own = paths.filter((path) => pattern.test(relative(FOLDER, path)));
    expect(own.reduce((total, path) => total + statSync(path).size, 0)).toBeLessThan(limit);
  });

  it('figures-lrcn uses the order of frames', async () => {
    const { quality } = registry.loadRecogniser('figures-lrcn').manifest;
    expect(quality['accuracy']).toBeGreaterThanOrEqual(0.95);
    expect(quality['accuracyShuffled']).toBeLessThanOrEqual(0.7);
    expect(quality['reversedPairsGivenPartner']).toBeGreaterThanOrEqual(0.9);
    const shares = await sharesOf('figures-lrcn', (label) => label);
    expect(shares.inOrder).toBeGreaterThanOrEqual(0.95);
    expect(shares.shuffled).toBeLessThan(0.75);
    expect(shares.partner).toBeGreaterThanOrEqual(0.9);
  });

  it('figures-lrcn-2, its judge, does so too and has other weights', async () => {
    const { quality } = registry.loadRecogniser('figures-lrcn-2').manifest;
    expect(quality['accuracy']).toBeGreaterThanOrEqual(0.95);
    expect(registry.load('figures-lrcn-2').sha256).not.toBe(registry.load('figures-lrcn').sha256);
    const shares = await sharesOf('figures-lrcn-2', (label) => label);
    expect(shares.inOrder).toBeGreaterThanOrEqual(0.95);
    expect(shares.partner).toBeGreaterThanOrEqual(0.9);
  });

  it('figures-orderblind has no use for it', async () => {
    const { quality } = registry.loadRecogniser('figures-orderblind').manifest;
    expect(quality['accuracy']).toBeGreaterThanOrEqual(0.97);
    expect(quality['flipsShuffled']).toBeLessThanOrEqual(0.02);
    const shares = await sharesOf('figures-orderblind', (label) => MERGED_OF[label]!);
    expect(shares.inOrder).toBeGreaterThanOrEqual(0.95);
    expect(shares.flips).toBeLessThanOrEqual(0.02);
  });

  it('figures-prior shows held-out frames at 27 dB or more', async () => {
    const frames = 100;
    const model = registry.loadPrior('figures-prior');
    expect(model.manifest.quality['psnrDecibel']).toBeGreaterThanOrEqual(27);
    const prior = generatorPrior(model);
    const b = new GraphBuilder();
    const target = fromBytes(b, b.input('frames', [frames, 64, 64, 3], 'uint8'));
    const error = sub(b, prior.build(b, prior.encode!(b, target)), target);
    b.output('error', mean(b, mul(b, error, error), undefined, false));
    const graph = await runtime.compile(b.build());
    const bytes = new Uint8Array(frames * FRAME_BYTES);
    for (let i = 0; i < frames; i++) bytes.set(randomFrame('test', 2 ** 24 + i).pixels, i * FRAME_BYTES);
    const { error: squared } = await graph.run({ frames: bytes });
    await graph.close();
    expect(psnr(squared![0]!)).toBeGreaterThan(26.5);
  });
});
