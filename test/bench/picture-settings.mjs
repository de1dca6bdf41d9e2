// Settings of preferred pictures beside each other, over units and starts: the activation that they reach, whether another network
// names them, and how much starts differ. How the weights of figure S17 and the sampler of figure S18 were chosen.
// Usage: node test/bench/picture-settings.mjs --units a,b [--starts 1] [--model tiny-objects] [--judge tiny-objects-2] NAME='{"prior":...,"preset":...,"settings":{...}}' ...
import { parseArgs } from 'node:util';
import { FeatureReader } from '../../dist/src/engine/evaluation/features.js';
import { msSsim } from '../../dist/src/engine/evaluation/ms-ssim.js';
import { cosineDistance, meanOverPairs } from '../../dist/src/engine/evaluation/neighbours.js';
import { scorePictures } from '../../dist/src/engine/models/classifier.js';
import { ModelRegistry } from '../../dist/src/engine/models/registry.js';
import { openRuntime } from '../../dist/src/engine/runtimes/open.js';
import { openSynthesis } from '../../dist/src/engine/synthesis/synthesise.js';

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    units: { type: 'string' },
    starts: { type: 'string', default: '1' },
    model: { type: 'string', default: 'tiny-objects' },
    judge: { type: 'string', default: 'tiny-objects-2' },
    seed: { type: 'string', default: '1' },
  },
});
const starts = Number(values.starts);
const registry = ModelRegistry.open({ folders: ['models'] });
const runtime = await openRuntime();
const [model, judge] = [registry.loadClassifier(values.model), registry.loadClassifier(values.judge)];
const { width, height } = model.manifest.input;
const units = values.units?.split(',') ?? model.manifest.labels;
const features = await FeatureReader.open(model, null, runtime);
const mean = (x) => x.reduce((sum, v) => sum + v, 0) / x.length;
const size = 3 * width * height;

/** All pictures of a unit, one batch. */
async function make(unit, settings) {
  const run = await openSynthesis({
    ...{ registry, runtime, model: values.model, unit, frames: starts, seed: Number(values.seed), preset: 'default' },
    ...settings,
  });
  while (await run.step({ pixels: false }));
  const { pixels, pictures } = await run.finish();
  await run.close();
  return { pixels, activations: [...pictures.activations] };
}

for (const text of positionals) {
  const [name] = text.split('=', 1);
  const settings = JSON.parse(text.slice(name.length + 1));
  const rows = [];
  for (const unit of units) {
    const { pixels, activations } = await make(unit, settings);
    const seen = await scorePictures(judge, pixels, { layer: 'logits', position: null }, runtime);
    const labels = judge.manifest.labels.length;
    const own = judge.manifest.labels.indexOf(unit);
    const probabilities = activations.map((_, i) => seen.probabilities.subarray(i * labels, (i + 1) * labels));
    const frames = activations.map((_, i) => pixels.subarray(i * size, (i + 1) * size));
    const points = (await features.read(pixels)).get(features.spaces.last);
    rows.push({
      activation: mean(activations),
      named: mean(probabilities.map((p) => (p[own] === Math.max(...p) ? 1 : 0))),
      probability: mean(probabilities.map((p) => p[own])),
      structure: 1 - meanOverPairs(frames, (a, b) => msSsim(a, b, width, height)),
      features: meanOverPairs(points, cosineDistance),
    });
  }
  const all = (field) => mean(rows.map((row) => row[field]));
  console.log(
    `${name}: activation ${all('activation').toFixed(1)}, named ${(100 * all('named')).toFixed(0)} %, ` +
      `probability ${all('probability').toFixed(2)}` +
      (starts > 1
        ? `, starts differ by ${all('structure').toFixed(2)} (1 - MS-SSIM), ${all('features').toFixed(2)} (features)`
        : ''),
  );
}
await features.close();
