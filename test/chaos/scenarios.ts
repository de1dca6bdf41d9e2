/** What is done to a server to see whether it keeps its jobs: each scenario counts what came of it. */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { ModelRegistry } from '../../src/engine/models/registry.js';
import { Random } from '../../src/engine/random.js';
import { jobKinds } from '../../src/jobs/kinds.js';
import { JobManager } from '../../src/jobs/manager.js';
import { isFinal, jobRequest, parseWith, type Job, type VideoJobRequest } from '../../src/protocol/index.js';
import { TINY_RECOGNISER, writeTinyModels } from '../fixtures/tiny-models.js';
import { ServerProcess, type Place } from './server-process.js';

export type Counts = Readonly<Record<string, number>>;

export interface Chaos {
  /** How often something is killed, or how many units a batch has. */
  readonly size: number;
  /** Of the random moments. */
  readonly seed: number;
  /** The job that is disturbed; a video of the tiny recogniser when absent. */
  readonly job?: Partial<VideoJobRequest>;
  readonly say?: (line: string) => void;
}

const SMALL = { kind: 'video', model: TINY_RECOGNISER, frames: 12, iterations: 150, seed: 5 };

async function inPlace<T>(classes: number, work: (place: Place) => Promise<T>): Promise<T> {
  const folder = await mkdtemp(join(tmpdir(), 'neuroreel-chaos-'));
  try {
    const models = join(folder, 'models');
    await writeTinyModels(models, { classes });
    return await work({ data: join(folder, 'data'), models });
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

const sleep = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));
const times = (job: Job, state: Job['state']): number => job.events.filter((event) => event.state === state).length;

/** Milliseconds from the submission of a job to its end. */
const duration = ({ createdAt, endedAt }: Job): number => Date.parse(endedAt!) - Date.parse(createdAt);

/** `kill -9` of the server at a random moment of each of `size` jobs, and a new server. */
export function killServer({ size, seed, job, say }: Chaos): Promise<Counts> {
  return inPlace(3, async (place) => {
    const random = new Random(`${seed}:server`);
    const request = { ...SMALL, ...job };
    let server = await ServerProcess.start(place);
    try {
      await server.call('PUT', '/v1/jobs/whole', request);
      const whole = await server.end('whole');
      const expected = await server.mp4('whole');
      const counts = { jobs: size, killedWhileRunning: 0, succeeded: 0, identical: 0, lost: 0, doubled: 0 };
      for (let i = 0; i < size; i++) {
        const id = `job-${i}`;
        await server.call('PUT', `/v1/jobs/${id}`, request);
        await sleep((random.uint32() / 2 ** 32) * duration(whole));
        await server.kill();
        server = await ServerProcess.start(place);
        const ended = await server.end(id);
        if (times(ended, 'starting') > 1) counts.killedWhileRunning++;
        if (ended.state === 'succeeded') counts.succeeded++;
        if ((await server.mp4(id)) === expected) counts.identical++;
        say?.(`${id}: ${ended.events.map(({ state }) => state).join(' ')}`);
      }
      const all = await server.jobs();
      counts.lost = size + 1 - new Set(all.map(({ id }) => id)).size;
      counts.doubled = all.length - (size + 1) + all.filter((one) => times(one, 'succeeded') > 1).length;
      return counts;
    } finally {
      await server.kill();
    }
  });
}

/** The end of the worker at a random moment of each of `size` jobs, in a server that goes on. */
export function killWorker({ size, seed, job, say }: Chaos): Promise<Counts> {
  return inPlace(3, async ({ data, models }) => {
    const random = new Random(`${seed}:worker`);
    const request = parseWith(jobRequest, { ...SMALL, ...job });
    const registry = ModelRegistry.open({ folders: [models] });
    const silent = { info: () => undefined, warn: () => undefined, error: () => undefined };
    const manager = await JobManager.open({
      ...{ dataFolder: data, log: silent, queueLimit: 10, cancelGraceMs: 5000, checkpointSeconds: 0.1 },
      kinds: jobKinds(registry, { modelFolders: [models], runtime: 'auto' }),
      now: () => new Date(),
      newId: () => 'none',
    });
    const end = async (id: string): Promise<Job> => {
      while (!isFinal(manager.get(id).state)) await sleep(10);
      return manager.get(id);
    };
    try {
      await manager.start();
      await manager.submit('whole', request);
      const whole = await end('whole');
      const expected = manager.artifact('whole', 'video.mp4').sha256;
      const counts = { jobs: size, killedWhileRunning: 0, succeeded: 0, identical: 0 };
      for (let i = 0; i < size; i++) {
        const id = `job-${i}`;
        await manager.submit(id, request);
        await sleep((random.uint32() / 2 ** 32) * duration(whole));
        manager.killWorker(id);
        const ended = await end(id);
        if (times(ended, 'starting') > 1) counts.killedWhileRunning++;
        if (ended.state === 'succeeded') counts.succeeded++;
        if (manager.artifacts(id).some(({ sha256 }) => sha256 === expected)) counts.identical++;
        say?.(`${id}: ${ended.events.map(({ state }) => state).join(' ')}`);
      }
      return counts;
    } finally {
      await manager.close(1000);
    }
  });
}

/** A batch of `size` units: paused, the server stopped and started, resumed, the server killed, to its end. */
export function batch({ size, job, say }: Chaos): Promise<Counts> {
  return inPlace(size, async (place) => {
    const { seed, ...template } = { ...SMALL, frames: 160, iterations: 3, ...job };
    const request = { kind: 'batch', units: 'all', job: { ...template, seed } };
    const finished = (share: number) => (one: Job) => (one.batch?.succeeded ?? 0) >= size * share;
    let server = await ServerProcess.start(place);
    try {
      await server.call('PUT', '/v1/jobs/batch', request);
      await server.until('batch', finished(1 / 3));
      await server.call('POST', '/v1/jobs/batch/pause');
      await server.until('batch', ({ state }) => state === 'paused');
      await server.stop();
      server = await ServerProcess.start(place);
      say?.(`paused and restarted at ${(await server.job('batch')).batch?.succeeded} of ${size}`);
      await server.call('POST', '/v1/jobs/batch/resume');
      await server.until('batch', finished(2 / 3));
      await server.kill();
      server = await ServerProcess.start(place);
      say?.(`killed and restarted at ${(await server.job('batch')).batch?.succeeded} of ${size}`);
      await server.end('batch');
      const jobs = (await server.jobs('&parent=batch')).reverse();
      const ends = jobs.map(({ endedAt }) => endedAt ?? '');
      return {
        jobs: jobs.length,
        succeeded: jobs.filter(({ state }) => state === 'succeeded').length,
        inOrder: ends.every((at, i) => i === 0 || ends[i - 1]! <= at) ? 1 : 0,
        twice: jobs.filter((one) => times(one, 'succeeded') > 1).length,
      };
    } finally {
      await server.kill();
    }
  });
}
