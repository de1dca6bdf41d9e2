/** One job at a worker: passes on what is wished of it, and makes progress and states of what the worker says. */
import type { Job, JobProgress, Steering } from '../protocol/index.js';
import { EventLoopMonitor } from './event-loop.js';
import type { FrameBus } from './frame-bus.js';
import type { History } from './history.js';
import type { JobKindEntry } from './kinds.js';
import { Pace } from './pace.js';
import type { JobEventName } from './states.js';
import { thinned } from './thinned.js';
import { NO_WISHES, type StepFrames, type WorkerStart } from './worker-contract.js';
import { JobWorker, type WorkerEnd, type WorkerNews } from './worker/job-worker.js';
import type { Workers } from './worker/workers.js';

export interface RunParts {
  readonly cancelGraceMs: number;
  readonly checkpointSeconds: number;
  readonly stallMs: number;
  readonly workers: Workers;
  readonly frames: FrameBus;
  readonly log: { warn(fields: object, message: string): void };
  readonly history: History;
  /** The job as it is now. */
  job(): Job;
  happens(event: JobEventName, at: string): void;
  patch(change: Partial<Job>): void;
  progress(progress: JobProgress): void;
  save(): void;
  /** To be called when the job gave others room. */
  startNext(): void;
}

type NewsOf<T extends WorkerNews['type']> = Extract<WorkerNews, { type: T }>;

export class Run {
  readonly #parts: RunParts;
  readonly #pace = new Pace();
  readonly #monitor = new EventLoopMonitor();
  #worker: JobWorker | null = null;
  #wish: 'run' | 'pause' | 'cancel' = 'run';
  /** It was told to let go of its worker, with so much patience. */
  #parkMs: number | null = null;

  constructor(parts: RunParts) {
    this.#parts = parts;
  }

  get isPaused(): boolean {
    return this.#wish === 'pause';
  }

  get isCanceled(): boolean {
    return this.#wish === 'cancel';
  }

  /** Does the job until its worker has ended. */
  async do(kind: JobKindEntry, place: Pick<WorkerStart, 'folder' | 'work' | 'inputs'>): Promise<WorkerEnd> {
    try {
      if (this.#wish === 'cancel') return { outcome: 'canceled' };
      if (this.#parkMs !== null) return { outcome: 'parked' };
      const { id, request, events, steering } = this.#parts.job();
      const { checkpointSeconds, stallMs, frames, workers } = this.#parts;
      const { module, settings } = kind;
      const wishes = { ...NO_WISHES, watched: frames.isWatched(id), pause: this.#wish === 'pause' };
      const start = { id, request, module, settings, ...place, events, steering, checkpointSeconds, wishes };
      const hearing = {
        onNews: (news: WorkerNews) => this.#hear(news),
        onLine: (line: string) => this.#parts.log.warn({ job: id }, `its worker prints: ${line}`),
      };
      this.#worker = new JobWorker(start, { process: workers.take(), stallMs, ...hearing });
      return await this.#worker.ended;
    } finally {
      this.#monitor.stop();
      this.#parts.patch({ eventLoopMaxPauseMs: this.#monitor.maxPauseMs });
    }
  }

  watch(watched: boolean): void {
    if (this.#worker !== null) this.#worker.watched = watched;
  }

  cancel(): void {
    this.#wish = 'cancel';
    this.#worker?.cancel(this.#parts.cancelGraceMs);
  }

  pause(): void {
    if (this.#wish === 'run') this.#wish = 'pause';
    if (this.#worker !== null) this.#worker.paused = true;
  }

  resume(): void {
    if (this.#wish === 'pause') this.#wish = 'run';
    if (this.#worker !== null) this.#worker.paused = false;
  }

  steer(index: number, change: Steering): void {
    this.#worker?.steer(index, change);
  }

  /** Lets go of the worker; the job goes on later from what it kept. */
  park(graceMs: number): void {
    if (this.#parkMs !== null) return;
    this.#parkMs = graceMs;
    this.#worker?.park(graceMs);
  }

  /** As {@link park}, for a server that stops; a job that is being cancelled is cancelled. */
  interrupt(graceMs: number): void {
    if (this.#wish === 'cancel') this.#worker?.cancel(graceMs);
    else {
      this.#parkMs = graceMs;
      this.#worker?.park(graceMs);
    }
  }

  kill(signal?: NodeJS.Signals): void {
    this.#worker?.kill(signal);
  }

  /** Bytes of memory that the worker takes. */
  get bytes(): number {
    return this.#worker?.bytes ?? 0;
  }

  #hear(news: WorkerNews): void {
    const parts = this.#parts;
    switch (news.type) {
      case 'started':
        parts.patch({ run: news.run });
        parts.happens('run', news.at);
        parts.workers.makeReady();
        return;
      case 'paused':
        parts.happens('pause', news.at);
        this.#parts.startNext();
        return;
      case 'resumed':
        parts.happens('run', news.at);
        return;
      case 'progress':
        this.#hearStep(news);
        return;
      case 'picture':
        this.#hearPicture(news);
        return;
      case 'clip':
        this.#hearClip(news);
        return;
      case 'encoding':
        this.#hearEncoding(news);
        return;
      case 'checkpoint':
        parts.patch({ crashes: 0 });
        parts.save();
        return;
      case 'steered':
        this.#amendSteering(news.index, { iteration: news.iteration });
        return;
      case 'refused':
        parts.log.warn({ job: parts.job().id }, `a change was refused: ${news.why}`);
        this.#amendSteering(news.index, { iteration: null, refused: news.why });
        return;
      case 'note':
        parts.log.warn({ job: this.#parts.job().id }, news.message);
        return;
    }
  }

  #hearStep({ step, frames, microseconds }: NewsOf<'progress'>): void {
    const { run, request } = this.#parts.job();
    const { iteration, iterations, activation, smoothness, frameActivations } = step;
    this.#pace.add(step.seconds);
    this.#parts.history.add(iteration, activation);
    this.#parts.progress({
      ...{ iteration, iterations, activation, smoothness },
      ...(frameActivations !== undefined && { frameActivations: thinned(frameActivations) }),
      ...this.#paceOf(iterations - iteration),
      framesEncoded: 0,
      framesToEncode: request.kind === 'video' && run !== null && 'unit' in run ? run.frames : 0,
    });
    this.#show(frames, { step: iteration, activation, microseconds });
  }

  #hearPicture({ picture, frames, microseconds }: NewsOf<'picture'>): void {
    const { done, total, activation, seconds, figure } = picture;
    const before = this.#parts.job().progress?.iteration ?? 0;
    for (let i = before; seconds !== null && i < done; i++) this.#pace.add(seconds);
    if (seconds !== null) this.#parts.history.add(done, activation);
    this.#parts.progress({
      ...{ iteration: done, iterations: Math.max(1, total), activation, smoothness: 0 },
      ...this.#paceOf(total - done),
      ...{ framesEncoded: 0, framesToEncode: 0, figure },
    });
    this.#show(frames, { step: figure.iteration, activation, microseconds });
  }

  #show(frames: StepFrames | null, about: { step: number; activation: number; microseconds: number }): void {
    if (frames !== null) this.#parts.frames.publish(this.#parts.job().id, { ...frames, ...about });
  }

  #paceOf(left: number): Pick<JobProgress, 'secondsPerIteration' | 'etaSeconds'> {
    return { secondsPerIteration: this.#pace.secondsPerIteration, etaSeconds: this.#pace.eta(left) };
  }

  #hearClip({ clip }: NewsOf<'clip'>): void {
    const { done, total, seconds, audit } = clip;
    const { request, crashes } = this.#parts.job();
    if (seconds !== null) {
      this.#pace.add(seconds);
      if (crashes > 0) this.#parts.patch({ crashes: 0 });
    }
    // The curve is that of the model in question, not of those that it is compared with.
    if (audit.flipRate !== null && 'model' in request && audit.model === request.model)
      this.#parts.history.add(done, audit.flipRate);
    this.#parts.progress({
      ...{ iteration: done, iterations: Math.max(1, total), activation: audit.flipRate ?? 0, smoothness: 0 },
      ...this.#paceOf(total - done),
      ...{ framesEncoded: 0, framesToEncode: 0, audit },
    });
  }

  #hearEncoding({ at, frames, of }: NewsOf<'encoding'>): void {
    const { state, progress } = this.#parts.job();
    if (state !== 'encoding') this.#parts.happens('encode', at);
    if (progress === null) return;
    this.#parts.progress({ ...progress, etaSeconds: 0, framesEncoded: frames, framesToEncode: of });
  }

  #amendSteering(index: number, change: Partial<Job['steering'][number]>): void {
    const { steering } = this.#parts.job();
    this.#parts.patch({ steering: steering.map((entry, i) => (i === index ? { ...entry, ...change } : entry)) });
    this.#parts.save();
  }
}
