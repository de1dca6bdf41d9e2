// The preferred video of every unit of a recogniser, judged: its activation among those of real clips, what an
// independently trained recogniser sees in it, and in it played backwards, and its smoothness beside that of real clips.
// Usage: npm run bench:videos -- [--judge models/figures-lrcn-2] [--preset default] [--model figures-lrcn] [--frames 160] [--iterations N] [--sheets FOLDER]
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { readPackage } from '../../dist/src/engine/models/package.js';
import { ModelRegistry } from '../../dist/src/engine/models/registry.js';
import { VideoScorer } from '../../dist/src/engine/models/scoring.js';
import { openRuntime } from '../../dist/src/engine/runtimes/open.js';
import { openSynthesis } from '../../dist/src/engine/synthesis/synthesise.js';
import { percentileOf, renderSheet } from '../../dist/src/video/index.js';

const { values } = parseArgs({
  options: {
    judge: { type: 'string' },
    model: { type: 'string', default: 'figures-lrcn' },
    frames: { type: 'string', default: '160' },
    iterations: { type: 'string' },
    preset: { type: 'string', default: 'default' },
    seed: { type: 'string', default: '1' },
    sheets: { type: 'string' },
    units: { type: 'string' },
  },
});
const frames = Number(values.frames);
const registry = ModelRegistry.open({ folders: ['models'] });
const { manifest } = registry.loadRecogniser(values.model);
const runtime = await openRuntime();
const judge = values.judge ? new VideoScorer(readPackage(values.judge), runtime) : null;

const best = (x) => x.indexOf(Math.max(...x));
function reversed(pixels) {
  const size = pixels.length / frames;
  const out = new Uint8Array(pixels.length);
  for (let t = 0; t < frames; t++) out.set(pixels.subarray(t * size, (t + 1) * size), (frames - 1 - t) * size);
  return out;
}

const rows = [];
for (const unit of values.units?.split(',') ?? manifest.labels) {
  const run = await openSynthesis({
    registry,
    model: values.model,
    unit,
    preset: values.preset,
    frames,
    seed: Number(values.seed),
    iterations: values.iterations ? Number(values.iterations) : undefined,
    runtime,
  });
  const seconds = [];
  for (let step = await run.step({ pixels: false }); step; step = await run.step({ pixels: false })) {
    seconds.push(step.seconds);
  }
  const result = await run.finish();
  const { realClips } = run.report();
  const partner = manifest.partners[unit];
  const row = {
    unit,
    activation: result.activation,
    percentile: realClips ? percentileOf(realClips.activations, result.activation) : NaN,
    named: judge && manifest.labels[best((await judge.score(result.pixels)).probabilities)],
    backwards: judge && manifest.labels[best((await judge.score(reversed(result.pixels))).probabilities)],
    partner,
    smoothness: result.smoothness,
    realSmoothness: realClips?.smoothness ?? NaN,
    seconds: seconds.sort((a, b) => a - b)[seconds.length >> 1],
  };
  rows.push(row);
  console.log(JSON.stringify(row));
  await run.close();
  if (values.sheets) {
    mkdirSync(values.sheets, { recursive: true });
    const sequence = { frames: result.pixels, count: frames, width: result.width, height: result.height };
    writeFileSync(join(values.sheets, `${unit}.png`), await renderSheet(sequence, { title: unit }));
  }
}
const share = (test, of) => `${of.filter(test).length} of ${of.length}`;
if (judge) {
  console.log(`named by the judge: ${share((r) => r.named === r.unit, rows)}`);
  const pairs = rows.filter((r) => r.partner);
  console.log(`backwards named as the partner: ${share((r) => r.backwards === r.partner, pairs)}`);
}
