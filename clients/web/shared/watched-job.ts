/** A job as it is now, kept so by the stream: state, progress, activations, frames. */
import { signal } from '@preact/signals';
import { useEffect, useMemo } from 'preact/hooks';
import type { FrameHeader } from '../../../src/protocol/frame-header.js';
import type { Job, JobProgress } from '../../../src/protocol/jobs.js';
import { connection, type ProgressMessage, type StateMessage } from './connection.js';
import { jobs } from './job-list.js';
import type { Failure } from './trouble.js';
import { hasEnded } from './words.js';

const MOST_POINTS = 1500;

/** A curve over the iterations so far. */
export interface Curve {
  readonly iterations: readonly number[];
  readonly values: readonly number[];
}

const EMPTY: Curve = { iterations: [], values: [] };
const halved = <T>(list: readonly T[]): T[] => list.filter((_, index) => index % 2 === 0);

type FrameListener = (header: FrameHeader, picture: Uint8Array, frames: number) => void;

export class WatchedJob {
  readonly id: string;
  /** Null until the server told of it. */
  readonly job = signal<Job | null>(null);
  readonly progress = signal<JobProgress | null>(null);
  /** The activation (of an audit: the flip rate of the recogniser in question) over the iterations. */
  readonly curve = signal<Curve>(EMPTY);
  /** Frames that came too fast for this page. */
  readonly dropped = signal(0);
  /** Why there is no such job. */
  readonly missing = signal<Failure | null>(null);
  #listener: FrameListener | null = null;
  /** The newest frames, for a listener that comes later. */
  #last: Parameters<FrameListener> | null = null;

  constructor(id: string) {
    this.id = id;
  }

  /** Starts to listen; the function that is returned stops it. */
  open(): () => void {
    return connection.watch({
      job: this.id,
      frames: { view: 'sheet', maxFps: 10, quality: 85 },
      state: (message) => this.#state(message),
      progress: (message) => this.#progress(message),
      frame: (header, picture) => this.#frame(header, picture),
      error: (error) => {
        if (error.code === 'JOB_UNKNOWN') this.missing.value = error;
      },
    });
  }

  /** Who is to get the frames; null for nobody. */
  set onFrames(listener: FrameListener | null) {
    this.#listener = listener;
    if (this.#last !== null) listener?.(...this.#last);
  }

  #state({ job, history }: StateMessage): void {
    const changed = this.job.value?.state !== job.state;
    this.missing.value = null;
    this.job.value = job;
    this.progress.value = job.progress;
    if (history !== undefined) this.curve.value = { iterations: history.iterations, values: history.activations };
    if (changed && (hasEnded(job.state) || history === undefined)) void jobs.refresh();
  }

  #progress({ progress, dropped }: ProgressMessage): void {
    this.progress.value = progress;
    this.dropped.value = dropped;
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

  #frame(header: FrameHeader, picture: Uint8Array): void {
    const run = this.job.value?.run;
    if (run == null || !('frames' in run) || header.kind !== 'sheet') return;
    this.#last = [header, picture, run.frames];
    this.#listener?.(...this.#last);
  }
}

/** Watches a job as long as the component is there. */
export function useWatchedJob(id: string): WatchedJob {
  const watched = useMemo(() => new WatchedJob(id), [id]);
  useEffect(() => watched.open(), [watched]);
  return watched;
}
