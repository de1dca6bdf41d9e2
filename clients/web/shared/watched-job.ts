/** A job as it is now, kept so by the stream: state, progress, activations, frames. */
import { signal } from '@preact/signals';
import { useEffect, useMemo } from 'preact/hooks';
import { ClientError } from '../../js/errors.js';
import type { Watch } from '../../js/index.js';
import type { ProgressEvent, StateEvent, WatchEvent } from '../../js/types.js';
import type { Job, JobProgress } from '../../../src/protocol/jobs.js';
import { client } from './api.js';
import { jobs } from './job-list.js';
import { reportFailure, type Failure } from './trouble.js';
import { hasEnded } from './words.js';

const MOST_POINTS = 1500;

/** A curve over the iterations so far. */
export interface Curve {
  readonly iterations: readonly number[];
  readonly values: readonly number[];
}

const EMPTY: Curve = { iterations: [], values: [] };
const halved = <T>(list: readonly T[]): T[] => list.filter((_, index) => index % 2 === 0);

export class WatchedJob {
  readonly id: string;
  /** Null until the server told of it. */
  readonly job = signal<Job | null>(null);
  readonly progress = signal<JobProgress | null>(null);
  /** The activation (of an audit: the flip rate of the recogniser in question) over the iterations. */
  readonly curve = signal<Curve>(EMPTY);
  /** Frames that came too fast for this page or its network. */
  readonly dropped = signal(0);
  /** Why there is no such job. */
  readonly missing = signal<Failure | null>(null);
  /** Where frames come from; null while nothing is listened to. */
  readonly watch = signal<Watch | null>(null);

  constructor(id: string) {
    this.id = id;
  }

  /** Starts to listen; the function that is returned stops it. */
  open(): () => void {
    const watch = client.value.watch(this.id, { frames: { view: 'sheet', maxFps: 10, quality: 85 } });
    this.watch.value = watch;
    void this.#listen(watch);
    return () => {
      watch.close();
      if (this.watch.value === watch) this.watch.value = null;
    };
  }

  async #listen(watch: Watch): Promise<void> {
    try {
      for await (const event of watch.events()) this.#hear(event, watch);
    } catch (error) {
      if (error instanceof ClientError && error.code === 'JOB_UNKNOWN') this.missing.value = error;
      else reportFailure(error);
    }
  }

  #hear(event: WatchEvent, watch: Watch): void {
    this.dropped.value = watch.dropped;
    if (event.type === 'state') this.#state(event);
    if (event.type === 'progress') this.#progress(event);
  }

  /**
   * Takes the job as it was told elsewhere: in an answer, in the list. Over a slow network the stream may lag behind, and it
   * does not tell of steering.
   */
  adopt(told: Job): void {
    const known = this.job.value;
    if (known === null || told.updatedAt < known.updatedAt) return;
    const same = told.updatedAt === known.updatedAt && JSON.stringify(told.steering) === JSON.stringify(known.steering);
    if (!same) this.job.value = told;
  }

  #state({ job, history }: StateEvent): void {
    const known = this.job.value;
    const changed = known?.state !== job.state;
    this.missing.value = null;
    if (known === null || job.updatedAt >= known.updatedAt) this.job.value = job;
    this.progress.value = job.progress;
    if (history !== undefined) this.curve.value = { iterations: history.iterations, values: history.activations };
    if (changed && (hasEnded(job.state) || history === undefined)) void jobs.refresh();
  }

  #progress({ progress }: ProgressEvent): void {
    this.progress.value = progress;
    const { request } = this.job.value ?? {};
    // The curve of an audit is that of the recogniser in question.
    if (request?.kind === 'audit' && (progress.audit?.flipRate == null || progress.audit.model !== request.model))
      return;
    this.#add(progress.iteration, progress.activation);
  }

  #add(iteration: number, value: number): void {
    const { iterations, values } = this.curve.value;
    if (iteration <= (iterations.at(-1) ?? 0)) return;
    const full = iterations.length >= MOST_POINTS;
    this.curve.value = {
      iterations: [...(full ? halved(iterations) : iterations), iteration],
      values: [...(full ? halved(values) : values), value],
    };
  }
}

/** Watches a job as long as the component is there. */
export function useWatchedJob(id: string): WatchedJob {
  const watched = useMemo(() => new WatchedJob(id), [id]);
  const server = client.value;
  // The stream says no more of a job that has ended; one that goes on all the same was tried again.
  const goesOn = watched.job.value !== null && !hasEnded(watched.job.value.state);
  const isOver = watched.watch.value?.isOver === true;
  useEffect(() => watched.open(), [watched, server, goesOn && isOver]);
  const listed = jobs.list.value?.find((job) => job.id === id);
  useEffect(() => {
    if (listed !== undefined) watched.adopt(listed);
  }, [watched, listed]);
  return watched;
}
