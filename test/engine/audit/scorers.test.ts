/** The fast path of an audit and the full one, on real networks: they must be one and the same. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { FrameWiseScorer } from '../../../src/engine/audit/frame-wise-scorer.js';
import { FullScorer } from '../../../src/engine/audit/full-scorer.js';
import { inOrder } from '../../../src/engine/audit/permutations.js';
import { RecogniserScorer } from '../../../src/engine/audit/recogniser-scorer.js';
import { GraphBuilder } from '../../../src/engine/graph/graph.js';
import { readPackage, writePackage } from '../../../src/engine/models/package.js';
import type { RecogniserPackage } from '../../../src/engine/models/recogniser.js';
import { mul, sub } from '../../../src/engine/ops/elementwise.js';
import { reshape } from '../../../src/engine/ops/layout.js';
import { lstm } from '../../../src/engine/ops/lstm.js';
import { dense } from '../../../src/engine/ops/matmul.js';
import { mean } from '../../../src/engine/ops/reduce.js';
import { Random } from '../../../src/engine/random.js';
import { openRuntime } from '../../../src/engine/runtimes/open.js';
import type { Runtime } from '../../../src/engine/runtimes/runtime.js';
import type { SequenceRule } from '../../../src/protocol/manifest.js';
import { TINY_LABELS, TINY_RECOGNISER, TINY_SIDE, writeTinyModels } from '../../fixtures/tiny-models.js';

const folder = mkdtempSync(join(tmpdir(), 'neuroreel-scorers-'));
let runtime: Runtime;
let tiny: RecogniserPackage;
beforeAll(async () => {
  runtime = await openRuntime('onnxruntime');
  await writeTinyModels(folder);
  tiny = readPackage(join(folder, TINY_RECOGNISER)) as RecogniserPackage;
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const random = new Random('scorers');
const noise = (frames: number): Uint8Array =>
  Uint8Array.from({ length: frames * TINY_SIDE ** 2 * 3 }, () => random.integer(256));
const orders = (frames: number, count: number) => [
  inOrder(frames),
  ...Array.from({ length: count }, () => random.permutation(frames)),
  Int32Array.from({ length: frames }, () => 1),
];

const withRule = (sequence: SequenceRule): RecogniserPackage => ({
  ...tiny,
  manifest: { ...tiny.manifest, sequence },
});

const RULES: [string, SequenceRule, number][] = [
  ['windows', { rule: 'windows', length: 8, stride: 4 }, 37],
  ['a clip of exactly one window', { rule: 'windows', length: 8, stride: 4 }, 8],
  ['a clip shorter than a window', { rule: 'windows', length: 8, stride: 4 }, 5],
  ['spread frames', { rule: 'spread', length: 6 }, 40],
  ['a whole video', { rule: 'whole' }, 70],
];

describe('the fast path', () => {
  it.each(RULES)('gives the scores of the full one: %s', async (_, rule, frames) => {
    const [fast, full] = [new FrameWiseScorer(withRule(rule), runtime, 1), new FullScorer(withRule(rule), runtime, 1)];
    const pixels = noise(frames);
    const shown = orders(frames, 40);
    const [a, b] = [
      await fast.scores(await fast.features(pixels), frames, shown),
      await full.scores(await full.features(pixels), frames, shown),
    ];
    expect(a.logits).toHaveLength(shown.length * TINY_LABELS.length);
    for (const table of ['logits', 'probabilities'] as const) {
      a[table].forEach((x, i) => expect(Math.abs(x - b[table][i]!)).toBeLessThan(2e-5));
    }
    await fast.close();
    await full.close();
  });

  it('gives the same scores whether orders come alone or together', async () => {
    const fast = new FrameWiseScorer(tiny, runtime, 1);
    const frames = 24;
    const features = await fast.features(noise(frames));
    const shown = orders(frames, 100);
    const together = await fast.scores(features, frames, shown);
    for (const r of [0, 1, 42, 101]) {
      const alone = await fast.scores(features, frames, [shown[r]!]);
      alone.logits.forEach((x, c) => expect(x).toBeCloseTo(together.logits[r * TINY_LABELS.length + c]!, 5));
    }
    await fast.close();
  });
});

/** A recogniser whose first part sees how a frame differs from the mean of those beside it. */
function writeMotionModel(): RecogniserPackage {
  const frames = new GraphBuilder();
  const x = frames.input('frames', [1, 3, TINY_SIDE, TINY_SIDE]);
  const away = sub(frames, x, mean(frames, x, [0], true));
  const weights = new Random(3);
  const flat = reshape(frames, mul(frames, away, away), [0, -1]);
  const width = flat.shape[1]!;
  frames.output('gates', dense(frames, flat, frames.constant(weights.normals(8 * width, 0.1), [8, width]), null));
  const sequence = new GraphBuilder();
  const gates = sequence.input('gates', [8, 1, 8]);
  const { hidden } = lstm(sequence, gates, sequence.constant(weights.normals(16), [8, 2]));
  sequence.output('logits', dense(sequence, hidden, sequence.constant(weights.normals(6), [3, 2]), null));
  return packed('motion', frames, sequence);
}

function packed(name: string, frames: GraphBuilder, sequence: GraphBuilder): RecogniserPackage {
  const { kind, title, licence, source, input, labels, sequence: rule, defaults } = tiny.manifest;
  const path = join(folder, name);
  writePackage(path, {
    facts: { kind, title, licence, source, input, labels, sequence: rule, defaults },
    graphs: { frames: frames.build(), sequence: sequence.build() },
    precision: 'F32',
  });
  return readPackage(path) as RecogniserPackage;
}

/** A recogniser whose second part gets the pixels: it adds up the frames, weighted by their place. */
function writePixelModel(): RecogniserPackage {
  const frames = new GraphBuilder();
  const x = frames.input('frames', [1, 3, TINY_SIDE, TINY_SIDE]);
  frames.output('pixels', reshape(frames, x, [0, -1]));
  const sequence = new GraphBuilder();
  const width = 3 * TINY_SIDE ** 2;
  const pixels = sequence.input('pixels', [8, 1, width]);
  const places = sequence.constant(
    Float32Array.from({ length: 8 }, (_, t) => t - 3.5),
    [8, 1, 1],
  );
  const moved = mean(sequence, mul(sequence, pixels, places), [0], true);
  sequence.output(
    'logits',
    dense(sequence, moved, sequence.constant(new Random(4).normals(3 * width), [3, width]), null),
  );
  return packed('pixels', frames, sequence);
}

describe('a recogniser', () => {
  it('that sees frames one by one takes the fast path, unless told otherwise', async () => {
    const fast = new RecogniserScorer(tiny, runtime, { threads: 1 });
    const full = new RecogniserScorer(tiny, runtime, { threads: 1, path: 'full' });
    const pixels = noise(12);
    const shown = orders(12, 3);
    const [a, b] = [
      await fast.scores(await fast.features(pixels), 12, shown),
      await full.scores(await full.features(pixels), 12, shown),
    ];
    expect([fast.frameWise, full.frameWise]).toEqual([true, false]);
    a.logits.forEach((x, i) => expect(x).toBeCloseTo(b.logits[i]!, 4));
    await fast.close();
    await full.close();
  });

  it('whose frame-wise part does nothing is run in full from the start', async () => {
    const scorer = new RecogniserScorer(writePixelModel(), runtime, { threads: 1 });
    expect(scorer.frameWise).toBe(false);
    const pixels = noise(9);
    const { probabilities } = await scorer.scores(await scorer.features(pixels), 9, orders(9, 1));
    expect(probabilities).toHaveLength(3 * 3);
    await scorer.close();
  });

  it('that sees several frames at once is found out on the first clip, and run in full', async () => {
    const scorer = new RecogniserScorer(writeMotionModel(), runtime, { threads: 1 });
    expect(scorer.frameWise).toBe(true);
    const pixels = noise(40);
    const features = await scorer.features(pixels);
    expect(scorer.frameWise).toBe(false);
    expect(features).toBe(pixels);
    const { probabilities } = await scorer.scores(features, 40, orders(40, 2));
    expect(probabilities).toHaveLength(4 * 3);
    await scorer.close();
  });
});
