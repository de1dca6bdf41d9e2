// What permutations of a clip cost against one plain pass over it, and that memory does not grow with their number.
// Usage: npm run bench:audit [-- --model NAME --models FOLDER --frames 160 --orders 1000 --rounds 3]
// The full-size network: neuroreel models import deploy_lstm.prototxt --random-weights --sequence windows:16:8 ...
import { parseArgs } from 'node:util';
import { median, secondsOf } from '../../dist/src/engine/bench/timing.js';
import { randomFrames } from '../../dist/src/engine/bench/works.js';
import { ModelEvidence } from '../../dist/src/engine/audit/evidence.js';
import { conditionNamed } from '../../dist/src/engine/audit/conditions.js';
import { observeClip } from '../../dist/src/engine/audit/observe.js';
import { RecogniserScorer } from '../../dist/src/engine/audit/recogniser-scorer.js';
import { macsOf } from '../../dist/src/engine/models/cost.js';
import { ModelRegistry } from '../../dist/src/engine/models/registry.js';
import { scoringGraph, VideoScorer } from '../../dist/src/engine/models/scoring.js';
import { Random } from '../../dist/src/engine/random.js';
import { openRuntime } from '../../dist/src/engine/runtimes/open.js';

const { values } = parseArgs({
  options: {
    model: { type: 'string', default: 'figures-lrcn' },
    models: { type: 'string', multiple: true, default: [] },
    frames: { type: 'string', default: '160' },
    orders: { type: 'string', default: '1000' },
    rounds: { type: 'string', default: '3' },
    memory: { type: 'string', default: '100,1000,10000' },
    rule: { type: 'string' },
  },
});
const [frames, count] = [Number(values.frames), Number(values.orders)];
const found = ModelRegistry.open({ folders: ['models', ...values.models] }).loadRecogniser(values.model);
const model =
  values.rule === 'whole' ? { ...found, manifest: { ...found.manifest, sequence: { rule: 'whole' } } } : found;
const { width, height } = model.manifest.input;
const runtime = await openRuntime();
const random = new Random(1);
const pixels = randomFrames(frames, width, height);
const orders = Array.from({ length: count }, () => random.permutation(frames));

const plain = new VideoScorer(model, runtime);
const scorer = new RecogniserScorer(model, runtime);
const seconds = { plain: [], features: [], orders: [] };
for (let round = -1; round < Number(values.rounds); round++) {
  let features;
  const times = {
    plain: await secondsOf(() => plain.score(pixels)),
    features: await secondsOf(async () => (features = await scorer.features(pixels))),
    orders: await secondsOf(async () => {
      const most = scorer.ordersAtOnce(frames);
      for (let r = 0; r < count; r += most) await scorer.scores(features, frames, orders.slice(r, r + most));
    }),
  };
  // The first round compiles.
  if (round >= 0) for (const [name, time] of Object.entries(times)) seconds[name].push(time);
}
await plain.close();
const gmacs = macsOf(scoringGraph(model, frames)) / 1e9;
console.log(`${model.manifest.name}, ${runtime.description}, ${scorer.frameWise ? 'frame-wise' : 'full'} path`);
console.log(`one plain pass over ${frames} frames   ${median(seconds.plain).toFixed(3)} s (${gmacs.toFixed(1)} GMAC)`);
console.log(`features of these frames, once     ${median(seconds.features).toFixed(3)} s`);
console.log(`${count} orders of them             ${median(seconds.orders).toFixed(3)} s`);
const ratio = seconds.orders.map((time, i) => time / seconds.plain[i]);
console.log(
  `${count} orders over a plain pass    ${median(ratio).toFixed(2)} (rounds: ${ratio.map((x) => x.toFixed(2)).join(', ')})`,
);

const peak = () => Math.round(process.memoryUsage().rss / 1e6);
const clip = { name: 'clip', frames, pixels };
for (const permutations of values.memory.split(',').filter(Boolean).map(Number)) {
  const plan = { conditions: [conditionNamed('shuffle')], permutations, crops: 1, seed: 1 };
  let most = 0;
  const watch = setInterval(() => (most = Math.max(most, peak())), 20);
  const evidence = new ModelEvidence({ seed: 1, randomisationDraws: 9999 });
  const who = { model: 'm', clip: 'clip', id: null, label: null, target: 0, group: null, frames, bag: null };
  evidence.add({ ...who, ...(await observeClip(scorer, clip, 0, plan)) });
  clearInterval(watch);
  console.log(`memory with ${permutations} orders      ${Math.max(most, peak())} MB`);
}
await scorer.close();
