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

/** Long enough that most of its time is steps, and that checkpoints lie between them. */
const DISTURBED = { kind: 'video', model: TINY_RECOGNISER, frames: 12, iterations: 3000, seed: 5 };
/** One of many. */
const BRIEF = { kind: 'video', model: TINY_RECOGNISER, frames: 160, iterations: 3 };

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

/** What a job was when something was killed under it. */
const MOMENTS = ['queued', 'starting', 'running', 'encoding', 'ended'] as const;
type Moment = (typeof MOMENTS)[number];

/**
 * Milliseconds that a job takes from its submission to its end, without what it did in vain: a start before it was interrupted,
 * and the time until it was taken up again.
 */
function lifeOf({ events }: Job, killedAt = Infinity): number {
  const spent: Partial<Record<Job['state'], number>> = {};
  for (const [i, { state, at }] of events.slice(0, -1).entries()) {
    const end = events[i + 1]!;
    const isCut = end.state === 'queued';
    const ms = (isCut ? Math.min(killedAt, Date.parse(end.at)) : Date.parse(end.at)) - Date.parse(at);
    // Steps are not made again; a start and the files are.
    spent[state] = state === 'running' ? (spent.running ?? 0) + ms : ms;
  }
  return Object.values(spent).reduce((sum, ms) => sum + ms, 0);
}

/** A job's states, each with the milliseconds after the one before. */
function story({ id, events }: Job): string {
  const since = (i: number): string =>
    i === 0 ? '' : ` +${Date.parse(events[i]!.at) - Date.parse(events[i - 1]!.at)} ms`;
  return `${id}: ${events.map(({ state }, i) => state + since(i)).join(', ')}`;
}

/** `size` random moments of a life, 0 to 1, one in each part of it when it is cut into so many, in random order. */
function momentsOf(size: number, random: Random): number[] {
  return Array.from(random.permutation(size), (part) => (part + random.uniform()) / size);
}

/** Counts of kills by what they hit, and of what came of the jobs. */
class Tally {
  readonly hits: Record<Moment, number> = { queued: 0, starting: 0, running: 0, encoding: 0, ended: 0 };
  jobs = 0;
  succeeded = 0;
  identical = 0;

  add(hit: Moment, ended: Job, isIdentical: boolean): void {
    this.hits[hit]++;
    this.jobs++;
    if (ended.state === 'succeeded') this.succeeded++;
    if (isIdentical) this.identical++;
  }

  get counts(): Counts {
    const hits = MOMENTS.map((moment) => [`hit ${moment}`, this.hits[moment]]);
    const { jobs, succeeded, identical } = this;
    return { jobs, succeeded, identical, ...Object.fromEntries(hits) };
  }
}

/** What a job was when the server was killed, as its states tell afterwards. */
function hitByServer({ events, endedAt }: Job, killedAt: number): Moment {
  const again = events.findIndex(({ state }, i) => i > 0 && state === 'queued');
  if (again > 0) return events[again - 1]!.state as Moment;
  return Date.parse(endedAt!) <= killedAt ? 'ended' : 'queued';
}

/** `kill -9` of the server at a random moment of each of `size` jobs, and a new server. */
export function killServer({ size, seed, job, say }: Chaos): Promise<Counts> {
  return inPlace(3, async (place) => {
    const random = new Random(`${seed}:server`);
    const request = { ...DISTURBED, ...job };
    let server = await ServerProcess.start(place);
    try {
      // The first one finds a cold server.
      for (const id of ['cold', 'whole']) {
        await server.call('PUT', `/v1/jobs/${id}`, request);
        await server.end(id);
      }
      const whole = await server.job('whole');
      say?.(story(whole));
      const expected = await server.mp4('whole');
      const tally = new Tally();
      // As long as the last job's: machines get slower and faster.
      let life = lifeOf(whole);
      for (const [i, moment] of momentsOf(size, random).entries()) {
        const id = `job-${i}`;
        await server.call('PUT', `/v1/jobs/${id}`, request);
        await sleep(moment * life);
        const killedAt = Date.now();
        await server.kill();
        server = await ServerProcess.start(place);
        const ended = await server.end(id);
        life = lifeOf(ended, killedAt);
        tally.add(hitByServer(ended, killedAt), ended, (await server.mp4(id)) === expected);
        say?.(story(ended));
      }
      const all = await server.jobs();
      const submitted = size + 2;
      const lost = submitted - new Set(all.map(({ id }) => id)).size;
      const doubled = all.length - submitted + all.filter((one) => times(one, 'succeeded') > 1).length;
      return { ...tally.counts, lost, doubled };
    } finally {
      await server.kill();
    }
  });
}

/** The end of the worker at a random moment of each of `size` jobs, in a server that goes on. */
export function killWorker({ size, seed, job, say }: Chaos): Promise<Counts> {
  return inPlace(3, async ({ data, models }) => {
    const random = new Random(`${seed}:worker`);
    const request = parseWith(jobRequest, { ...DISTURBED, ...job });
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
      for (const id of ['cold', 'whole']) {
        await manager.submit(id, request);
        await end(id);
      }
      const whole = manager.get('whole');
      say?.(story(whole));
      const expected = manager.artifact('whole', 'video.mp4').sha256;
      const tally = new Tally();
      let life = lifeOf(whole);
      for (const [i, moment] of momentsOf(size, random).entries()) {
        const id = `job-${i}`;
        await manager.submit(id, request);
        await sleep(moment * life);
        const { state } = manager.get(id);
        const killedAt = Date.now();
        manager.killWorker(id);
        const ended = await end(id);
        life = lifeOf(ended, killedAt);
        const isIdentical = manager.artifacts(id).some(({ sha256 }) => sha256 === expected);
        tally.add(isFinal(state) ? 'ended' : (state as Moment), ended, isIdentical);
        say?.(story(ended));
      }
      return tally.counts;
    } finally {
      await manager.close(1000);
    }
  });
}

/** A batch of `size` units: paused, the server stopped and started, resumed, the server killed, to its end. */
export function batch({ size, job, say }: Chaos): Promise<Counts> {
  return inPlace(size, async (place) => {
    const { seed, ...template } = { ...BRIEF, seed: 5, ...job };
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
