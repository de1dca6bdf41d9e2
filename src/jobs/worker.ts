/** Entry of a job's worker thread: loads the module of the job's kind, runs it, and tells the main thread how it goes. */
import { getPriority, setPriority } from 'node:os';
import { isMainThread, parentPort, workerData, type MessagePort } from 'node:worker_threads';
import { NeuroreelError, type JobRun, type Steering } from '../protocol/index.js';
import { EvolutionWriter } from './evolution.js';
import { readCheckpoint, writeCheckpoint, type Snapshot } from './checkpoint.js';
import { isDiskFull } from './store/disk.js';
import {
  CONTROL,
  JobCanceled,
  JobParked,
  PIXELS_PER_SECOND,
  UNWATCHED_PIXELS_SECONDS,
  type ClipReport,
  type JobContext,
  type JobEvent,
  type JobModule,
  type MainMessage,
  type PictureReport,
  type StepFrames,
  type StepReport,
  type WireError,
  type WorkerMessage,
  type WorkerStart,
} from './worker-contract.js';

class WorkerContext implements JobContext {
  readonly id: string;
  readonly request: WorkerStart['request'];
  readonly settings: unknown;
  readonly folder: string;
  readonly work: string;
  readonly checkpointSeconds: number;
  readonly inputs: WorkerStart['inputs'];
  readonly #port: MessagePort;
  readonly #control: Int32Array;
  readonly #abort = new AbortController();
  readonly #events: JobEvent[];
  readonly #steering: WorkerStart['steering'][number][];
  #encoding = false;
  #lastPixels = -Infinity;
  #latest: Snapshot | null = null;
  #written = 0;
  #writtenAt = performance.now();
  readonly #evolution: EvolutionWriter | null;

  constructor(start: WorkerStart, port: MessagePort) {
    this.id = start.id;
    this.request = start.request;
    this.settings = start.settings;
    this.folder = start.folder;
    this.work = start.work;
    this.#port = port;
    this.#control = new Int32Array(start.control);
    this.#events = [...start.events];
    this.#steering = [...start.steering];
    this.checkpointSeconds = start.checkpointSeconds;
    this.inputs = start.inputs;
    const { request } = start;
    const every = 'keyframeEvery' in request ? request.keyframeEvery : undefined;
    this.#evolution = every === undefined ? null : new EvolutionWriter(this.work, every);
    port.on('message', (message: MainMessage) => {
      if (message !== 'look') {
        this.#steering[message.index] = { iteration: null, at: new Date().toISOString(), change: message.change };
      }
      // Any message means: look at the control words.
      if (this.#flag('cancel')) this.#abort.abort(new JobCanceled());
      else if (this.#flag('park')) this.#abort.abort(new JobParked());
    });
  }

  get signal(): AbortSignal {
    return this.#abort.signal;
  }

  get events(): readonly JobEvent[] {
    return [...this.#events];
  }

  started(run: JobRun): void {
    this.#post({ type: 'started', at: this.#enter('running'), run });
  }

  pixelsDue(iteration: number): boolean {
    if (this.#evolution?.isDue(iteration)) return true;
    // The main thread has not taken the last ones yet: it is busy, and more would pile up.
    if (Atomics.load(this.#control, CONTROL.pixelsSent) !== Atomics.load(this.#control, CONTROL.pixelsSeen))
      return false;
    const every = 'previewEvery' in this.request ? this.request.previewEvery : undefined;
    if (iteration === 1 || (every !== undefined && iteration % every === 0)) return true;
    const wait = this.#flag('watched') ? 1 / PIXELS_PER_SECOND : UNWATCHED_PIXELS_SECONDS;
    return performance.now() - this.#lastPixels >= wait * 1000;
  }

  step(step: StepReport, frames?: StepFrames): void {
    const { iteration, activation } = step;
    if (frames !== undefined && this.#evolution?.isDue(iteration)) {
      // A copy: the original is given away below.
      const pixels = frames.pixels.slice();
      this.#evolution.add({ ...frames, pixels, step: iteration, activation, microseconds: 0 });
    }
    this.#postWith(frames, (rest) => ({ type: 'progress', step, ...rest }));
  }

  picture(picture: PictureReport, frames?: StepFrames): void {
    this.#postWith(frames, (rest) => ({ type: 'picture', picture, ...rest }));
  }

  /** Gives the frames away with a message, and notes that they are on their way. */
  #postWith(
    given: StepFrames | undefined,
    message: (rest: { frames: StepFrames | null; microseconds: number }) => WorkerMessage,
  ): void {
    const microseconds = Math.round((performance.timeOrigin + performance.now()) * 1000);
    if (given === undefined) {
      this.#post(message({ frames: null, microseconds }));
      return;
    }
    this.#lastPixels = performance.now();
    Atomics.add(this.#control, CONTROL.pixelsSent, 1);
    const whole = given.pixels.byteLength === given.pixels.buffer.byteLength ? given.pixels : given.pixels.slice();
    this.#post(message({ frames: { ...given, pixels: whole }, microseconds }), [whole.buffer as ArrayBuffer]);
  }

  clip(report: ClipReport): void {
    this.#post({ type: 'clip', clip: report });
  }

  async betweenSteps(): Promise<void> {
    Atomics.add(this.#control, CONTROL.beats, 1);
    await this.#throwIfStopped();
    if (!this.#flag('pause')) return;
    await this.flush();
    this.#post({ type: 'paused', at: this.#enter('paused') });
    while (this.#flag('pause') && !this.#flag('cancel') && !this.#flag('park')) {
      await new Promise((resolve) => this.#port.once('message', resolve));
    }
    await this.#throwIfStopped();
    this.#post({ type: 'resumed', at: this.#enter('running') });
  }

  /** What was kept of the evolution becomes an artifact. */
  async keepEvolution(): Promise<void> {
    await this.#evolution?.finish(this.folder);
  }

  async kept(): Promise<Snapshot | null> {
    try {
      return await readCheckpoint(this.work);
    } catch (error) {
      this.note((error as Error).message);
      return null;
    }
  }

  async keep(snapshot: Snapshot): Promise<void> {
    this.#latest = snapshot;
    if (performance.now() - this.#writtenAt >= this.checkpointSeconds * 1000) await this.flush();
  }

  async steer(iteration: number, change: (steering: Steering) => void | Promise<void>): Promise<void> {
    for (const [index, entry] of this.#steering.entries()) {
      if (entry.refused !== undefined || (entry.iteration !== null && entry.iteration !== iteration)) continue;
      try {
        await change(entry.change);
      } catch (error) {
        if (!(error instanceof NeuroreelError)) throw error;
        this.#steering[index] = { ...entry, iteration: null, refused: error.message };
        this.#post({ type: 'refused', index, why: error.message });
        continue;
      }
      if (entry.iteration !== null) continue;
      this.#steering[index] = { ...entry, iteration };
      this.#post({ type: 'steered', index, iteration });
    }
  }

  steeringUpTo(iteration: number): Steering[] {
    return this.steered.flatMap((entry) => (entry.iteration! <= iteration ? [entry.change] : []));
  }

  get steered(): WorkerStart['steering'] {
    return this.#steering.filter((entry) => entry.iteration !== null);
  }

  note(message: string): void {
    this.#post({ type: 'note', message });
  }

  encoding(frames: number, of: number): void {
    Atomics.add(this.#control, CONTROL.beats, 1);
    this.#throwIfCanceled();
    const at = this.#encoding ? new Date().toISOString() : this.#enter('encoding');
    this.#encoding = true;
    this.#post({ type: 'encoding', at, frames, of });
  }

  #throwIfCanceled(): void {
    if (this.#flag('cancel')) throw new JobCanceled();
  }

  async #throwIfStopped(): Promise<void> {
    this.#throwIfCanceled();
    if (!this.#flag('park')) return;
    await this.flush();
    throw new JobParked();
  }

  /** Puts what the job was before the step that is under way on the disk, where it is not. */
  async flush(): Promise<void> {
    const snapshot = this.#latest;
    if (snapshot === null || snapshot.iteration === this.#written) return;
    await writeCheckpoint(this.work, snapshot);
    this.#written = snapshot.iteration;
    this.#writtenAt = performance.now();
    this.#post({ type: 'checkpoint', iteration: snapshot.iteration });
  }

  #flag(name: keyof typeof CONTROL): boolean {
    return Atomics.load(this.#control, CONTROL[name]) !== 0;
  }

  #enter(state: JobEvent['state']): string {
    const at = new Date().toISOString();
    this.#events.push({ state, at });
    return at;
  }

  #post(message: WorkerMessage, transfer: ArrayBuffer[] = []): void {
    this.#port.postMessage(message, transfer);
  }
}

function wireError(error: unknown): WireError {
  if (isDiskFull(error)) {
    const { message, stack } = error as Error;
    return { code: 'DISK_FULL', message: `The disk is full: ${message}`, stack };
  }
  if (error instanceof NeuroreelError) {
    return { code: error.code, message: error.message, details: error.details, stack: error.stack };
  }
  const message = error instanceof Error ? error.message : String(error);
  return { code: 'INTERNAL', message, stack: error instanceof Error ? error.stack : undefined };
}

async function outcome(context: WorkerContext, moduleUrl: string): Promise<WorkerMessage> {
  try {
    const kind = (await import(moduleUrl)) as JobModule;
    await kind.run(context);
    await context.keepEvolution();
    return { type: 'succeeded' };
  } catch (error) {
    // What fails because it was aborted is a cancellation, whatever it threw.
    const reason: unknown = context.signal.aborted ? context.signal.reason : error;
    if (reason instanceof JobCanceled) return { type: 'canceled' };
    if (reason instanceof JobParked) return { type: 'parked' };
    return { type: 'failed', error: wireError(error) };
  }
}

/** Steps below the server's own priority ("nice") at which jobs run. */
const JOB_NICENESS = 5;

/**
 * Lets the main thread go first when all cores are busy, so that viewers and requests do not wait for a step. Linux has
 * a priority for each thread, and those that this one starts (the runtime's, ffmpeg) inherit it; elsewhere it would be
 * the whole process's.
 */
function letServerGoFirst(): void {
  if (process.platform === 'linux') setPriority(0, Math.min(19, getPriority(0) + JOB_NICENESS));
}

if (isMainThread || parentPort === null) throw new Error('worker.js runs in a worker thread only');
const start = workerData as WorkerStart;
const port = parentPort;
letServerGoFirst();
const end = await outcome(new WorkerContext(start, port), start.module);
port.postMessage(end);
// Nothing listens any more: the thread may end when whatever the module left has ended.
port.unref();
