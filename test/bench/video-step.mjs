// Seconds an iteration of the default preset takes for the shipped models, and what share of this machine's matrix
// product peak that is; both measured in turns in this one run. Usage: npm run bench:step [-- --frames 160 --rounds 7]
import { parseArgs } from 'node:util';
import { median, secondsOf } from '../../dist/src/engine/bench/timing.js';
import { normalInputs, PRODUCT_SIDE, productGraph } from '../../dist/src/engine/bench/works.js';
import { macsOf } from '../../dist/src/engine/models/cost.js';
import { generatorPrior } from '../../dist/src/engine/models/prior.js';
import { ModelRegistry } from '../../dist/src/engine/models/registry.js';
import { openRuntime } from '../../dist/src/engine/runtimes/open.js';
import { adamStepGraph } from '../../dist/src/engine/synthesis/adam-step.js';
import { paperStepGraph } from '../../dist/src/engine/synthesis/paper-step.js';
import { PRESETS } from '../../dist/src/engine/synthesis/presets.js';

const { values } = parseArgs({
  options: { frames: { type: 'string', default: '160' }, rounds: { type: 'string', default: '7' } },
});
const frames = Number(values.frames);
const registry = ModelRegistry.open({ folders: ['models'] });
const model = registry.loadRecogniser('figures-lrcn');
const prior = generatorPrior(registry.loadPrior('figures-prior'));
const task = { model, prior, unit: 0, frames };
const runtime = await openRuntime();

const works = {
  [`matrix product ${PRODUCT_SIDE}^3`]: productGraph(),
  [`default, ${frames} frames`]: adamStepGraph(task, PRESETS.default.videos),
  [`paper-2016, ${frames} frames`]: paperStepGraph(task, PRESETS['paper-2016'].generator),
};

const runs = [];
for (const [name, graph] of Object.entries(works)) {
  const inputs = normalInputs(graph);
  runs.push({ name, macs: macsOf(graph), inputs, compiled: await runtime.compile(graph), seconds: [] });
}
for (let round = -1; round < Number(values.rounds); round++) {
  for (const { compiled, inputs, seconds } of runs) {
    const time = await secondsOf(() => compiled.run(inputs));
    if (round >= 0) seconds.push(time);
  }
}
const rate = ({ macs, seconds }) => (2 * macs) / median(seconds) / 1e9;
const peak = Math.max(...runs[0].seconds.map((s) => (2 * runs[0].macs) / s / 1e9));
console.log(runtime.description);
for (const run of runs) {
  const share = Math.round((100 * rate(run)) / peak);
  const gflop = ((2 * run.macs) / 1e9).toFixed(1);
  console.log(
    `${run.name.padEnd(26)} ${median(run.seconds).toFixed(3)} s  ${gflop.padStart(6)} GFLOP  ${rate(run).toFixed(0).padStart(4)} GFLOP/s  ${share} % of the best product`,
  );
}
