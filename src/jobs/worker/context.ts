/** What a job's module works with, in the worker: its reports become messages, wishes of the server are looked at between steps. */
import { NeuroreelError, type JobRun, type Steering } from '../../protocol/index.js';
import { EvolutionWriter } from '../evolution-writer.js';
import { readCheckpoint, writeCheckpoint, type Snapshot } from '../checkpoint.js';
import {
  JobCanceled,
  JobParked,
  PIXELS_PER_SECOND,
  UNWATCHED_PIXELS_SECONDS,
  type ClipReport,
  type JobContext,
  type JobEvent,
  type PictureReport,
  type SentFrames,
  type ServerMessage,
  type StepFrames,
  type StepReport,
  type Wishes,
  type WorkerMessage,
  type WorkerStart,
} from '../worker-contract.js';
import { share } from './shared-file.js';

/** Frames on their way to the server are waited for before the next part of a step, no longer than so. */
const SENDING_MS = 100;

/** Lets the event loop read what has come. */
const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

const sleep = (milliseconds: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, milliseconds));

export class WorkerContext implements JobContext {
  readonly id: string;
  readonly request: WorkerStart['request'];
  readonly settings: unknown;
  readonly folder: string;
  readonly work: string;
  readonly checkpointSeconds: number;
  readonly inputs: WorkerStart['inputs'];
  readonly #send: (message: WorkerMessage) => Promise<void>;
  readonly #shares: boolean;
  readonly #beatMs: number;
  #wishes: Wishes;
  #wake: () => void = () => undefined;
  readonly #abort = new AbortController();
  readonly #events: JobEvent[];
  readonly #steering: WorkerStart['steering'][number][];
  #encoding = false;
  #lastPixels = -Infinity;
  #lastBeat = -Infinity;
  /** Frames that the server has not taken yet: it is busy, and more would pile up. */
  #untaken = 0;
  #sending: Promise<void> | null = null;
  #latest: Snapshot | null = null;
  #written = 0;
  #writtenAt = performance.now();
  readonly #evolution: EvolutionWriter | null;

  /** @param send resolves when the message is on its way, and never rejects */
  constructor(start: WorkerStart, send: (message: WorkerMessage) => Promise<void>) {
    this.id = start.id;
    this.request = start.request;
    this.settings = start.settings;
    this.folder = start.folder;
    this.work = start.work;
    this.#send = send;
    this.#wishes = start.wishes;
    this.#shares = start.shares;
    this.#beatMs = start.beatMs;
    this.#events = [...start.events];
    this.#steering = [...start.steering];
    this.checkpointSeconds = start.checkpointSeconds;
    this.inputs = start.inputs;
    const { request } = start;
    const every = 'keyframeEvery' in request ? request.keyframeEvery : undefined;
    this.#evolution = every === undefined ? null : new EvolutionWriter(this.work, every);
  }

  /** Takes in what the server says about the job. */
  hear(message: Extract<ServerMessage, { type: 'wish' | 'taken' | 'steer' }>): void {
    switch (message.type) {
      case 'taken':
        this.#untaken--;
        return;
      case 'steer':
        this.#steering[message.index] = { iteration: null, at: new Date().toISOString(), change: message.change };
        return;
      case 'wish':
        this.#wishes = { ...this.#wishes, ...message.wishes };
        if (this.#wishes.cancel) this.#abort.abort(new JobCanceled());
        else if (this.#wishes.park) this.#abort.abort(new JobParked());
        this.#wake();
    }
  }

  get signal(): AbortSignal {
    return this.#abort.signal;
  }

  get events(): readonly JobEvent[] {
    return [...this.#events];
  }

  started(run: JobRun): void {
    this.#tell({ type: 'started', at: this.#enter('running'), run });
  }

  pixelsDue(iteration: number): boolean {
    if (this.#evolution?.isDue(iteration)) return true;
    if (this.#untaken > 0) return false;
    const every = 'previewEvery' in this.request ? this.request.previewEvery : undefined;
    if (iteration === 1 || (every !== undefined && iteration % every === 0)) return true;
    const wait = this.#wishes.watched ? 1 / PIXELS_PER_SECOND : UNWATCHED_PIXELS_SECONDS;
    return performance.now() - this.#lastPixels >= wait * 1000;
  }

  step(step: StepReport, frames?: StepFrames): void {
    const { iteration, activation } = step;
    if (frames !== undefined && this.#evolution?.isDue(iteration))
      this.#evolution.add({ ...frames, step: iteration, activation, microseconds: 0 });
    this.#postWith(frames, (rest) => ({ type: 'progress', step, ...rest }));
  }

  picture(picture: PictureReport, frames?: StepFrames): void {
    this.#postWith(frames, (rest) => ({ type: 'picture', picture, ...rest }));
  }

  /** Sends the frames with a message, and notes that they are on their way. */
  #postWith(
    frames: StepFrames | undefined,
    message: (rest: { frames: SentFrames | null; microseconds: number }) => WorkerMessage,
  ): void {
    const microseconds = Math.round((performance.timeOrigin + performance.now()) * 1000);
    // The last ones have to be taken first: there is room for one sequence.
    if (frames === undefined || this.#untaken > 0) {
      this.#tell(message({ frames: null, microseconds }));
      return;
    }
    this.#lastPixels = performance.now();
    this.#untaken++;
    const { pixels } = frames;
    const isShared = this.#shares && share(pixels);
    this.#sending = this.#send(
      message({ frames: { ...frames, pixels: isShared ? pixels.length : pixels }, microseconds }),
    );
  }

  clip(report: ClipReport): void {
    this.#tell({ type: 'clip', clip: report });
  }

  async betweenSteps(): Promise<void> {
    this.#beat();
    // The next part blocks this thread: what was not written by then would wait for it.
    if (this.#sending !== null) await Promise.race([this.#sending, sleep(SENDING_MS)]);
    this.#sending = null;
    await turn();
    await this.#throwIfStopped();
    if (!this.#wishes.pause) return;
    await this.flush();
    this.#tell({ type: 'paused', at: this.#enter('paused') });
    while (this.#wishes.pause && !this.#wishes.cancel && !this.#wishes.park) {
      await new Promise<void>((resolve) => (this.#wake = resolve));
    }
    await this.#throwIfStopped();
    this.#tell({ type: 'resumed', at: this.#enter('running') });
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
        this.#tell({ type: 'refused', index, why: error.message });
        continue;
      }
      if (entry.iteration !== null) continue;
      this.#steering[index] = { ...entry, iteration };
      this.#tell({ type: 'steered', index, iteration });
    }
  }

  steeringUpTo(iteration: number): Steering[] {
    return this.steered.flatMap((entry) => (entry.iteration! <= iteration ? [entry.change] : []));
  }

  get steered(): WorkerStart['steering'] {
    return this.#steering.filter((entry) => entry.iteration !== null);
  }

  note(message: string): void {
    this.#tell({ type: 'note', message });
  }

  encoding(frames: number, of: number): void {
    this.#throwIfCanceled();
    const at = this.#encoding ? new Date().toISOString() : this.#enter('encoding');
    this.#encoding = true;
    this.#tell({ type: 'encoding', at, frames, of });
  }

  #throwIfCanceled(): void {
    if (this.#wishes.cancel) throw new JobCanceled();
  }

  async #throwIfStopped(): Promise<void> {
    this.#throwIfCanceled();
    if (!this.#wishes.park) return;
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
    this.#tell({ type: 'checkpoint', iteration: snapshot.iteration });
  }

  /** A sign of life, now and then. */
  #beat(): void {
    const now = performance.now();
    if (now - this.#lastBeat < this.#beatMs) return;
    this.#lastBeat = now;
    this.#tell({ type: 'beat', bytes: process.memoryUsage.rss() });
  }

  #enter(state: JobEvent['state']): string {
    const at = new Date().toISOString();
    this.#events.push({ state, at });
    return at;
  }

  #tell(message: WorkerMessage): void {
    void this.#send(message);
  }
}
