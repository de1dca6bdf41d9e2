// Times neuroreel's engine on the networks of the paper at full size, in turns with PyTorch on the same weights where that
// is installed, and with a matrix product that says what this machine can do.
//
//   npm run bench -- [--json FILE] [--only REGEXP] [--rounds N] [--runtime NAME] [--no-torch]
//
// On a machine that does nothing else; all works take about ten minutes on two cores and up to 6 GB of memory.
import { fork, spawn, spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync, openSync, writeSync, closeSync } from 'node:fs';
import { availableParallelism, cpus, tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { once } from 'node:events';
import { parseArgs } from 'node:util';
import { median } from '../../dist/src/engine/bench/timing.js';
import { CAFFENET, GENERATOR_FC6 } from './paper-networks.mjs';
import { UNIT, drawCaffenet, drawGenerator } from './paper-steps.mjs';
import { WORKS, codesOf } from './works.mjs';

const { values: options } = parseArgs({
  options: {
    json: { type: 'string' },
    only: { type: 'string', default: '' },
    rounds: { type: 'string', default: '7' },
    runtime: { type: 'string', default: 'onnxruntime' },
    'no-torch': { type: 'boolean', default: false },
  },
});
const threads = availableParallelism();
const folder = mkdtempSync(join(tmpdir(), 'neuroreel-bench-'));
process.on('exit', () => rmSync(folder, { recursive: true, force: true }));
const round = (x, digits = 1) => (x === null ? null : Number(x.toFixed(digits)));

/** A process that is told to run and answers with the milliseconds. */
async function neuroreelSide(index) {
  const child = fork(new URL('./engine-worker.mjs', import.meta.url), [String(index), options.runtime]);
  const ended = once(child, 'exit').then(([code]) => Promise.reject(new Error(`The work ended with code ${code}.`)));
  ended.catch(() => undefined);
  const answer = () => {
    const told = new Promise((resolve) => child.once('message', resolve));
    return Promise.race([told, ended]);
  };
  const facts = await answer();
  return {
    facts,
    async run() {
      child.send('run');
      return answer();
    },
    async close() {
      child.send('end');
      await ended.catch(() => undefined);
    },
  };
}

/** Layers with the places of their weights in a file, which is written beside. */
function written(parts, codes) {
  const path = join(folder, 'weights.bin');
  const file = openSync(path, 'w');
  let at = 0;
  const put = (shape, data) => {
    writeSync(file, new Uint8Array(data.buffer, data.byteOffset, data.byteLength));
    at += data.length;
    return { shape, at: at - data.length };
  };
  const placed = Object.fromEntries(
    Object.entries(parts).map(([name, [layers, weights]]) => [
      name,
      layers.map((layer, i) => {
        const own = weights[i];
        return own ? { ...layer, weight: put(own.shape, own.weight), bias: put([own.bias.length], own.bias) } : layer;
      }),
    ]),
  );
  const result = { ...placed, codes: put([codes.length / 4096, 4096], codes), weights: path };
  closeSync(file);
  return result;
}

function torchJob({ work, batch }) {
  if (work === 'lstm') {
    writeFileSync(join(folder, 'weights.bin'), Buffer.alloc(4));
    return { work, shape: [batch, 4096, 256], weights: join(folder, 'weights.bin') };
  }
  const parts = { generator: [GENERATOR_FC6, drawGenerator()], network: [CAFFENET, drawCaffenet()] };
  return { work, unit: UNIT, ...written(parts, codesOf(batch)) };
}

async function torchSide(job) {
  const path = join(folder, 'job.json');
  writeFileSync(path, JSON.stringify(torchJob(job)));
  const script = new URL('./torch_worker.py', import.meta.url).pathname;
  // Settings that hold OpenBLAS back would make the comparison unfair.
  const env = { ...process.env };
  delete env.OPENBLAS_CORETYPE;
  delete env.OPENBLAS_L2_SIZE;
  const child = spawn(torch.python, [script, path, String(threads)], { stdio: ['pipe', 'pipe', 'inherit'], env });
  const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]();
  const answer = async () => JSON.parse((await lines.next()).value);
  const facts = await answer();
  return {
    facts,
    async run() {
      child.stdin.write('run\n');
      return answer();
    },
    async close() {
      child.stdin.end();
      await once(child, 'exit');
    },
  };
}

/** How far two sides are from each other in what they compute, relative to the largest number. */
function disagreement(ours, theirs) {
  if (!ours || !theirs) return null;
  const [p, q] = [ours, theirs].map(({ activation, code }) => [activation, ...code]);
  return Math.max(...p.map((x, i) => Math.abs(x - q[i]))) / Math.max(...q.map(Math.abs));
}

async function measure(work, index) {
  const sides = {
    product: await neuroreelSide('product'),
    neuroreel: await neuroreelSide(index),
    // A sequence is compared with a batch of single pictures: what chunks and recurrence add to it.
    ...(work.slow && { batch16: await neuroreelSide(WORKS.findIndex(({ batch }) => batch === 16)) }),
    ...(torch && work.torch && { torch: await torchSide(work.torch) }),
  };
  const times = { product: [], neuroreel: [], batch16: [], torch: [] };
  let rss = 0;
  const rounds = work.slow ? Math.min(3, Number(options.rounds)) : Number(options.rounds);
  for (let i = -1; i < (work.compile ? 0 : rounds); i++) {
    for (const [name, side] of Object.entries(sides)) {
      const { ms, rss: most = 0 } = await side.run();
      if (i >= 0 || work.compile) times[name].push(ms);
      if (name === 'neuroreel') rss = most;
    }
  }
  const { gflop, firstMs, plan, check } = sides.neuroreel.facts;
  const plain = sides.batch16 && sides.batch16.facts.gflop / median(times.batch16);
  const off = disagreement(check, sides.torch?.facts.check);
  for (const side of Object.values(sides)) await side.close();
  if (off !== null && off > 1e-2) throw new Error(`${work.name}: the two sides compute different things (${off}).`);
  const ours = work.compile ? firstMs : median(times.neuroreel);
  const theirs = times.torch.length > 0 ? median(times.torch) : null;
  const rate = work.compile ? null : gflop / (ours / 1000);
  const peak = Math.max(...times.product.map((ms) => sides.product.facts.gflop / (ms / 1000)));
  return {
    name: work.name,
    batch: work.batch,
    neuroreel_ms: round(ours),
    torch_ms: round(theirs),
    ratio: theirs === null ? null : round(ours / theirs, 3),
    gflops: round(rate),
    share_of_peak: rate === null ? null : round(rate / peak, 3),
    rss_mb: rss,
    peak_gflops: round(peak),
    gflop: round(gflop),
    ...(plan.chunk > 0 && { chunk: plan.chunk, kept: plan.kept }),
    ...(plain && { times_of_batch_16: round((ours * plain) / gflop, 2) }),
    disagreement: off,
  };
}

/** A Python that has PyTorch: the one that PYTHON names, the first on the path, or the system's; null where none has. */
function pythonWithTorch() {
  for (const python of [process.env.PYTHON, 'python3', '/usr/bin/python3'].filter(Boolean)) {
    const { status, stdout } = spawnSync(python, ['-c', 'import torch; print(torch.__version__)']);
    if (status === 0) return { python, version: String(stdout).trim() };
  }
  return null;
}
const torch = options['no-torch'] ? null : pythonWithTorch();
if (!torch && !options['no-torch']) {
  console.log(
    'PyTorch is not installed, so neuroreel is timed alone. On Debian: apt-get install python3-torch libopenblas0-pthread\n',
  );
}
const only = new RegExp(options.only);
const rows = [];
const show = (cells) =>
  console.log(cells.map((cell, i) => (i === 0 ? String(cell).padEnd(40) : String(cell ?? '-').padStart(9))).join(''));
show(['work', 'batch', 'ms', 'torch ms', 'ratio', 'GFLOP/s', 'of peak', 'MB']);
for (const [index, work] of WORKS.entries()) {
  if (!only.test(`${work.name}, ${work.batch}`)) continue;
  const row = await measure(work, index);
  rows.push(row);
  show([row.name, row.batch, row.neuroreel_ms, row.torch_ms, row.ratio, row.gflops, row.share_of_peak, row.rss_mb]);
  if (row.times_of_batch_16)
    console.log(`  ${row.times_of_batch_16} times what its operations take in batches of 16 of CaffeNet`);
}
const machine = {
  cpu: cpus()[0]?.model.trim(),
  threads,
  node: process.versions.node,
  torch: torch?.version ?? null,
};
console.log(
  `\n${machine.cpu}, ${threads} threads, Node ${machine.node}${machine.torch ? `, PyTorch ${machine.torch}` : ''}`,
);
if (options.json) writeFileSync(options.json, `${JSON.stringify({ machine, rows }, null, 2)}\n`);
