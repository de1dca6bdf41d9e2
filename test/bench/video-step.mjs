// Seconds an iteration of the default preset takes for the shipped models, and what share of this machine's matrix
// product peak that is; both measured in turns in this one run. Usage: npm run bench:step [-- --frames 160 --rounds 7]
import { parseArgs } from 'node:util';
import { macsOf } from '../../dist/src/engine/models/cost.js';
import { generatorPrior } from '../../dist/src/engine/models/prior.js';
import { ModelRegistry } from '../../dist/src/engine/models/registry.js';
import { GraphBuilder } from '../../dist/src/engine/graph/graph.js';
import { sizeOf } from '../../dist/src/engine/graph/shape.js';
import { matmul } from '../../dist/src/engine/ops/matmul.js';
import { Random } from '../../dist/src/engine/random.js';
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

const SIDE = 1536;
const product = new GraphBuilder();
product.output('y', matmul(product, product.input('a', [SIDE, SIDE]), product.input('b', [SIDE, SIDE])));
const works = {
  'matrix product 1536^3': product.build(),
  [`default, ${frames} frames`]: adamStepGraph(task, PRESETS.default.generator),
  [`paper-2016, ${frames} frames`]: paperStepGraph(task, PRESETS['paper-2016'].generator),
};

const random = new Random(1);
const runs = [];
for (const [name, graph] of Object.entries(works)) {
  const inputs = Object.fromEntries(
    graph.inputs.map(({ name: port, value }) => [port, random.normals(sizeOf(graph.values[value].shape), 0.3)]),
  );
  runs.push({ name, macs: macsOf(graph), inputs, compiled: await runtime.compile(graph), seconds: [] });
}
for (let round = -1; round < Number(values.rounds); round++) {
  for (const { compiled, inputs, seconds } of runs) {
    const started = performance.now();
    await compiled.run(inputs);
    if (round >= 0) seconds.push((performance.now() - started) / 1000);
  }
}
const median = (x) => [...x].sort((a, b) => a - b)[Math.floor(x.length / 2)];
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
