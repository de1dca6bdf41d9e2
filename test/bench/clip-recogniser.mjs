// Trains the small LRCN on a folder of class folders of videos, and leaves a model package and the list of the clips that it
// has not seen, for an audit. Goes on where it was when it is interrupted.
// Usage: node test/bench/clip-recogniser.mjs --clips FOLDER --out FOLDER [--name clips-lrcn --steps 160 --seed 1]
//        neuroreel audit --model clips-lrcn --models FOLDER --clips FOLDER/unseen.csv
import { mkdirSync, writeFileSync } from 'node:fs';
import { join, relative, resolve } from 'node:path';
import { parseArgs } from 'node:util';
import {
  CLIP_LENGTH,
  CLIP_STRIDE,
  frameNetwork,
  fromBytes,
  PIXEL_SCALE,
  sequenceNetwork,
} from '../../dist/models/figures/lrcn.js';
import { lrcnGraphs } from '../../dist/models/figures/lrcn-recipe.js';
import { argmax } from '../../dist/src/engine/audit/statistics.js';
import { readPackage, writePackage } from '../../dist/src/engine/models/package.js';
import { asStored } from '../../dist/src/engine/models/safetensors.js';
import { VideoScorer } from '../../dist/src/engine/models/scoring.js';
import { mul } from '../../dist/src/engine/ops/elementwise.js';
import { reshape } from '../../dist/src/engine/ops/layout.js';
import { sum } from '../../dist/src/engine/ops/reduce.js';
import { logSoftmax } from '../../dist/src/engine/ops/softmax.js';
import { hashText, Random } from '../../dist/src/engine/random.js';
import { openRuntime } from '../../dist/src/engine/runtimes/open.js';
import { train } from '../../dist/src/engine/training/trainer.js';
import { ClipReader, findFfmpeg, listClips } from '../../dist/src/video/index.js';

const { values } = parseArgs({
  options: {
    clips: { type: 'string' },
    out: { type: 'string' },
    name: { type: 'string', default: 'clips-lrcn' },
    steps: { type: 'string', default: '160' },
    seed: { type: 'string', default: '1' },
    start: { type: 'string', default: 'models/figures-orderblind' },
  },
});
const SIDE = 64;
const BYTES = SIDE * SIDE * 3;
const BATCH = 16;
const [steps, seed] = [Number(values.steps), Number(values.seed)];
const out = resolve(values.out);
mkdirSync(out, { recursive: true });

const reader = new ClipReader({ ffmpeg: await findFfmpeg() });
const clips = [];
for (const file of await listClips(resolve(values.clips))) {
  if (file.label === null) continue;
  const { frames, pixels } = await reader.read(file, { width: SIDE, height: SIDE, thin: 'from-start' });
  clips.push({ ...file, frames, pixels, unseen: hashText(file.name) % 10 < 4 });
}
const labels = [...new Set(clips.map(({ label }) => label))].sort();
const seen = clips.filter(({ unseen }) => !unseen);
const unseen = clips.filter((clip) => clip.unseen);
const row = (cells) => `${cells.map((cell) => `"${cell.replaceAll('"', '""')}"`).join(',')}\n`;
const rows = unseen.map(({ path, label }) => row([relative(out, path), label]));
writeFileSync(join(out, 'unseen.csv'), `path,label\n${rows.join('')}`);
console.log(`${labels.join(', ')}: ${seen.length} clips to learn from, ${unseen.length} not`);

/** A part of a clip, perhaps mirrored, moved by a few pixels, brighter or darker. */
function draw(random, label) {
  const clip = random.pick(seen.filter((one) => one.label === label));
  const first = random.integer(Math.max(1, clip.frames - CLIP_LENGTH + 1));
  const [mirrored, dx, dy, gain] = [
    random.integer(2),
    random.integer(9) - 4,
    random.integer(9) - 4,
    random.uniform(0.8, 1.2),
  ];
  return Array.from({ length: CLIP_LENGTH }, (_, t) => {
    const frame = Math.min(clip.frames - 1, first + t) * BYTES;
    const pixels = new Uint8Array(BYTES);
    for (let y = 0; y < SIDE; y++) {
      const from = Math.min(SIDE - 1, Math.max(0, y + dy));
      for (let x = 0; x < SIDE; x++) {
        const moved = Math.min(SIDE - 1, Math.max(0, x + dx));
        const at = frame + (from * SIDE + (mirrored ? SIDE - 1 - moved : moved)) * 3;
        for (let c = 0; c < 3; c++) pixels[(y * SIDE + x) * 3 + c] = Math.min(255, clip.pixels[at + c] * gain);
      }
    }
    return pixels;
  });
}

function batchOf(step) {
  const random = new Random(`${seed}/${step}`);
  const frames = new Uint8Array(CLIP_LENGTH * BATCH * BYTES);
  const wanted = new Float32Array(BATCH * labels.length);
  for (let n = 0; n < BATCH; n++) {
    const label = n % labels.length;
    draw(random, labels[label]).forEach((pixels, t) => frames.set(pixels, (t * BATCH + n) * BYTES));
    wanted[n * labels.length + label] = 1;
  }
  return { frames, wanted };
}

const start = new Map([...readPackage(resolve(values.start)).weights].filter(([name]) => !name.startsWith('fc.')));
const task = {
  seed,
  steps,
  start,
  learningRate: (step) =>
    5e-4 * Math.min(1, (step + 1) / 20) * (0.05 + 0.95 * 0.5 * (1 + Math.cos((Math.PI * step) / steps))),
  build(b, p) {
    const bytes = b.input('frames', [CLIP_LENGTH * BATCH, SIDE, SIDE, 3], 'uint8');
    const wanted = b.input('wanted', [BATCH, labels.length]);
    const { gates } = frameNetwork(b, fromBytes(b, bytes), p);
    const { logits } = sequenceNetwork(b, reshape(b, gates, [CLIP_LENGTH, BATCH, -1]), labels.length, p);
    const each = mul(b, logSoftmax(b, logits), wanted);
    return { loss: mul(b, sum(b, each, undefined, false), b.scalar(-1 / (CLIP_LENGTH * BATCH))) };
  },
  batch: batchOf,
};
const runtime = await openRuntime();
const weights = await train(task, {
  runtime,
  folder: join(out, 'work'),
  onProgress: ({ step, loss }) => step % 10 === 0 && console.log(`step ${step} of ${steps}, loss ${loss.toFixed(3)}`),
});

const stored = asStored(weights, 'F16');
const { scale } = PIXEL_SCALE;
const folder = join(out, values.name);
writePackage(
  folder,
  {
    facts: {
      kind: 'recogniser',
      title: `${labels.join(', ')}: the small LRCN, trained on clips`,
      licence: 'that of the clips',
      source: `Trained on ${seen.length} clips.`,
      input: { width: SIDE, height: SIDE, order: 'rgb', mean: [127.5, 127.5, 127.5], scale: [scale, scale, scale] },
      labels,
      sequence: { rule: 'windows', length: CLIP_LENGTH, stride: CLIP_STRIDE },
    },
    graphs: lrcnGraphs(stored, labels.length),
    precision: 'F16',
  },
  true,
);
const scorer = new VideoScorer(readPackage(folder), runtime);
for (const [name, list] of Object.entries({ seen, unseen })) {
  let right = 0;
  for (const { pixels, label } of list) {
    if (labels[argmax((await scorer.score(pixels)).probabilities)] === label) right++;
  }
  console.log(`accuracy on ${name} clips: ${right} of ${list.length}`);
}
await scorer.close();
console.log(`${folder}; clips that it has not seen: ${join(out, 'unseen.csv')}`);
