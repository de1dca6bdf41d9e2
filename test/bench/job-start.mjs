// What it costs to start jobs: milliseconds from the submission of a job to its first step, alone and in a row, and of a
// batch of short ones all in all. Usage: npm run build && node test/bench/job-start.mjs [--units 20 --lone 5]
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { median } from '../../dist/src/engine/bench/timing.js';
import { ModelRegistry } from '../../dist/src/engine/models/registry.js';
import { jobKinds } from '../../dist/src/jobs/kinds.js';
import { JobManager } from '../../dist/src/jobs/manager.js';
import { packageRoot } from '../../dist/src/jobs/package-root.js';

const { values } = parseArgs({
  options: { units: { type: 'string', default: '20' }, lone: { type: 'string', default: '5' } },
});
const modelFolders = [join(packageRoot, 'models')];
const dataFolder = await mkdtemp(join(tmpdir(), 'neuroreel-job-start-'));
const log = { info: () => undefined, warn: () => undefined, error: (_, message) => console.error(message) };
const request = {
  ...{ kind: 'image', model: 'tiny-objects', prior: 'natural-prior', preset: 'default', iterations: 2, starts: 1 },
  ...{ seed: 1, device: 'auto' },
};

function ended(manager, id) {
  return new Promise((resolve) => {
    manager.events.on('state', (job) => job.id === id && job.endedAt !== null && resolve(job));
  });
}

const timeOf = ({ events }, state) => Date.parse(events.find((event) => event.state === state).at);
const startOf = (job) => timeOf(job, 'running') - timeOf(job, 'queued');

/** A job that is alone, and does not come right after another. */
async function lone(manager, id) {
  await new Promise((resolve) => setTimeout(resolve, 3000));
  const end = ended(manager, id);
  await manager.submit(id, { ...request, units: [0] });
  return startOf(await end);
}

async function batch(manager, count) {
  const end = ended(manager, 'batch');
  const units = Array.from({ length: count }, (_, i) => i);
  await manager.submit('batch', { kind: 'batch', units, job: request });
  const job = await end;
  if (job.state !== 'succeeded') throw new Error(JSON.stringify(job.error));
  const jobs = manager.find({ parent: 'batch', limit: count }).jobs.reverse();
  const gaps = jobs.slice(1).map((one, i) => timeOf(one, 'running') - timeOf(jobs[i], 'succeeded'));
  return { total: timeOf(job, 'succeeded') - timeOf(job, 'queued'), gap: median(gaps) };
}

const manager = await JobManager.open({
  ...{ dataFolder, log, queueLimit: 10, cancelGraceMs: 5000, spareSeconds: 60 },
  kinds: jobKinds(ModelRegistry.open({ folders: modelFolders }), { modelFolders, runtime: 'auto' }),
  now: () => new Date(),
  newId: () => 'none',
});
try {
  await manager.start();
  const first = await lone(manager, 'first');
  const later = [];
  for (let i = 0; i < Number(values.lone); i++) later.push(await lone(manager, `lone-${i}`));
  const { total, gap } = await batch(manager, Number(values.units));
  console.log(`first job: ${first} ms to its first step; later ones: ${median(later)} ms (median of ${later.length})`);
  console.log(
    `batch of ${values.units}: ${(total / 1000).toFixed(1)} s; from the end of a job to the next's first step: ${gap} ms`,
  );
} finally {
  await manager.close(1000);
  await rm(dataFolder, { recursive: true, force: true });
}
