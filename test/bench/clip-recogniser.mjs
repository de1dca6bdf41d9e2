// Trains an LSTM on what an image classifier makes of the frames of clips, an LRCN as Donahue et al. (2015) made theirs: from
// a folder of class folders of videos to a model package, and a list of the clips that it has not seen, for an audit.
// Usage: node test/bench/clip-recogniser.mjs --clips FOLDER --trunk PACKAGE --layer LAYER --out FOLDER [--name clips-lrcn]
//        neuroreel audit --model clips-lrcn --models FOLDER --clips FOLDER/unseen.csv
import { mkdirSync, writeFileSync } from 'node:fs';
import { join, relative, resolve } from 'node:path';
import { parseArgs } from 'node:util';
import { argmax } from '../../dist/src/engine/audit/statistics.js';
import { GraphBuilder } from '../../dist/src/engine/graph/graph.js';
import { readPackage, writePackage } from '../../dist/src/engine/models/package.js';
import { asStored } from '../../dist/src/engine/models/safetensors.js';
import { seenBytes, VideoScorer } from '../../dist/src/engine/models/scoring.js';
import { inline } from '../../dist/src/engine/models/serialise.js';
import { mul } from '../../dist/src/engine/ops/elementwise.js';
import { reshape } from '../../dist/src/engine/ops/layout.js';
import { lstm } from '../../dist/src/engine/ops/lstm.js';
import { dense } from '../../dist/src/engine/ops/matmul.js';
import { mean, sum } from '../../dist/src/engine/ops/reduce.js';
import { logSoftmax } from '../../dist/src/engine/ops/softmax.js';
import { hashText, Random } from '../../dist/src/engine/random.js';
import { openRuntime } from '../../dist/src/engine/runtimes/open.js';
import { trained } from '../../dist/src/engine/training/parameters.js';
import { train } from '../../dist/src/engine/training/trainer.js';
import { ClipReader, findFfmpeg, listClips } from '../../dist/src/video/index.js';

const { values } = parseArgs({
  options: {
    clips: { type: 'string' },
    trunk: { type: 'string' },
    layer: { type: 'string' },
    out: { type: 'string' },
    name: { type: 'string', default: 'clips-lrcn' },
    steps: { type: 'string', default: '300' },
    seed: { type: 'string', default: '1' },
  },
});
const [steps, seed] = [Number(values.steps), Number(values.seed)];
const [LENGTH, STRIDE, BATCH, CELLS, FRAMES_A_RUN] = [16, 8, 32, 64, 16];
const out = resolve(values.out);
mkdirSync(out, { recursive: true });
const runtime = await openRuntime();
const trunk = readPackage(resolve(values.trunk));
const { width, height } = trunk.manifest.input;

/** Means of the trunk's layer over the picture, [N, G]. */
function trunkFeatures(b, x) {
  const layer = inline(b, trunk.graphs.network, { image: x })[values.layer];
  return layer.shape.length === 4 ? reshape(b, mean(b, layer, [2, 3], true), [0, -1]) : layer;
}
const builder = new GraphBuilder();
const features = trunkFeatures(builder, seenBytes(builder, trunk, FRAMES_A_RUN));
builder.output('features', features);
const G = features.shape[1];
const graph = await runtime.compile(builder.build());

/** [T, G] of a clip, as it is or mirrored. */
async function featuresOf(pixels, frames, mirrored) {
  const bytes = 3 * width * height;
  const result = new Float32Array(frames * G);
  const chunk = new Uint8Array(FRAMES_A_RUN * bytes);
  for (let first = 0; first < frames; first += FRAMES_A_RUN) {
    const part = pixels.subarray(first * bytes, (first + FRAMES_A_RUN) * bytes);
    if (!mirrored) chunk.set(part);
    else {
      for (let i = 0; i < part.length; i += 3) {
        const x = (i / 3) % width;
        const from = i + 3 * (width - 1 - 2 * x);
        chunk.set(part.subarray(from, from + 3), i);
      }
    }
    const rows = (await graph.run({ pixels: chunk })).features;
    result.set(rows.subarray(0, (part.length / bytes) * G), first * G);
  }
  return result;
}

const reader = new ClipReader({ ffmpeg: await findFfmpeg() });
const clips = [];
for (const file of await listClips(resolve(values.clips))) {
  if (file.label === null) continue;
  const unseen = hashText(file.name) % 10 < 4;
  const { frames, pixels } = await reader.read(file, { width, height, thin: 'from-start' });
  const views = unseen ? [] : [await featuresOf(pixels, frames, false), await featuresOf(pixels, frames, true)];
  clips.push({ ...file, frames, views, unseen });
  if (clips.length % 20 === 0) console.log(`features of ${clips.length} clips`);
}
await graph.close();
const labels = [...new Set(clips.map(({ label }) => label))].sort();
const seen = clips.filter(({ unseen }) => !unseen);
const unseen = clips.filter((clip) => clip.unseen);
const row = (cells) => `${cells.map((cell) => `"${cell.replaceAll('"', '""')}"`).join(',')}\n`;
const rows = unseen.map(({ path, label }) => row([relative(out, path), label]));
writeFileSync(join(out, 'unseen.csv'), `path,label\n${rows.join('')}`);
console.log(`${labels.join(', ')}: ${seen.length} clips to learn from, ${unseen.length} not`);

/** Windows of clips, half of each frame's features left out at random (dropout), [T, N, G]. */
function batchOf(step) {
  const random = new Random(`${seed}/${step}`);
  const input = new Float32Array(LENGTH * BATCH * G);
  const wanted = new Float32Array(BATCH * labels.length);
  for (let n = 0; n < BATCH; n++) {
    const label = n % labels.length;
    const clip = random.pick(seen.filter((one) => one.label === labels[label]));
    const view = random.pick(clip.views);
    const first = random.integer(Math.max(1, clip.frames - LENGTH + 1));
    const kept = Float32Array.from({ length: G }, () => 2 * random.integer(2));
    for (let t = 0; t < LENGTH; t++) {
      const frame = Math.min(clip.frames - 1, first + t) * G;
      for (let g = 0; g < G; g++) input[(t * BATCH + n) * G + g] = view[frame + g] * kept[g];
    }
    wanted[n * labels.length + label] = 1;
  }
  return { features: input, wanted };
}

const gatesOf = (b, x, p) =>
  dense(b, x, p('lstm.input', [4 * CELLS, G], Math.sqrt(1 / G)), p('lstm.bias', [4 * CELLS], 0));
function logitsOf(b, gates, p) {
  const { hidden } = lstm(b, gates, p('lstm.recurrent', [4 * CELLS, CELLS], Math.sqrt(1 / CELLS)));
  return dense(
    b,
    hidden,
    p('fc.weight', [labels.length, CELLS], Math.sqrt(1 / CELLS)),
    p('fc.bias', [labels.length], 0),
  );
}
const task = {
  seed,
  steps,
  learningRate: (step) =>
    1e-3 * Math.min(1, (step + 1) / 20) * (0.05 + 0.475 * (1 + Math.cos((Math.PI * step) / steps))),
  build(b, p) {
    const gates = gatesOf(b, reshape(b, b.input('features', [LENGTH, BATCH, G]), [LENGTH * BATCH, G]), p);
    const logits = logitsOf(b, reshape(b, gates, [LENGTH, BATCH, -1]), p);
    const each = mul(b, logSoftmax(b, logits), b.input('wanted', [BATCH, labels.length]));
    return { loss: mul(b, sum(b, each, undefined, false), b.scalar(-1 / (LENGTH * BATCH))) };
  },
  batch: batchOf,
};
const weights = await train(task, {
  runtime,
  onProgress: ({ step, loss }) => step % 50 === 0 && console.log(`step ${step} of ${steps}, loss ${loss.toFixed(3)}`),
});

const p = (b) => trained(b, asStored(weights, 'F16'));
const framesGraph = new GraphBuilder();
const seenPart = trunkFeatures(framesGraph, framesGraph.input('frames', [1, 3, height, width]));
framesGraph.output('features', seenPart);
framesGraph.output('gates', gatesOf(framesGraph, seenPart, p(framesGraph)));
const sequence = new GraphBuilder();
sequence.output('logits', logitsOf(sequence, sequence.input('gates', [LENGTH, 1, 4 * CELLS]), p(sequence)));
const folder = join(out, values.name);
const facts = {
  kind: 'recogniser',
  title: `${labels.join(', ')}: an LSTM on the features of ${trunk.manifest.name}`,
  licence: 'that of the clips and of the trunk',
  source: `Trained on ${seen.length} clips.`,
  input: trunk.manifest.input,
  labels,
  sequence: { rule: 'windows', length: LENGTH, stride: STRIDE },
};
writePackage(
  folder,
  { facts, graphs: { frames: framesGraph.build(), sequence: sequence.build() }, precision: 'F16' },
  true,
);
const scorer = new VideoScorer(readPackage(folder), runtime);
let right = 0;
for (const clip of unseen) {
  const { pixels } = await reader.read(clip, { width, height, thin: 'from-start' });
  if (labels[argmax((await scorer.score(pixels)).probabilities)] === clip.label) right++;
}
console.log(`accuracy on the clips that it has not seen: ${right} of ${unseen.length}`);
console.log(`${folder}; these clips: ${join(out, 'unseen.csv')}`);
