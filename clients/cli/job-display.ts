/** Shows a job while it goes on: iterations with activation and time left, then the frames that are encoded. */
import type { Job, JobProgress } from '../../src/protocol/index.js';
import type { Output } from './output.js';
import type { Progress } from './progress.js';

/** Who wants to know how a job goes, wherever it runs. */
export interface JobListener {
  /** The job entered another state. */
  state(job: Job): void;
  /** An iteration is done, or frames were encoded. */
  progress(progress: JobProgress): void;
}

export class JobDisplay implements JobListener {
  readonly #out: Output;
  #encoding = false;
  #bar: Progress | null = null;
  #shown: 'optimising' | 'encoding' | null = null;

  constructor(out: Output) {
    this.#out = out;
  }

  state({ state, run }: Job): void {
    if (state === 'running' && this.#bar === null && run !== null && 'unit' in run) {
      const { unit, frames, width, height, runtime } = run;
      this.#out.note(`Unit ${unit.index} (${unit.label}), ${frames} frames of ${width}x${height}, ${runtime}.`);
    }
    if (state === 'encoding') this.#encoding = true;
  }

  progress(progress: JobProgress): void {
    if (this.#encoding) {
      this.#show('encoding', progress.framesToEncode).update(progress.framesEncoded, 'frames', null);
      return;
    }
    const { iteration, iterations, activation, etaSeconds } = progress;
    this.#show('optimising', iterations).update(iteration, `activation ${activation.toFixed(2)}`, etaSeconds);
  }

  end(): void {
    this.#out.endProgress();
    this.#bar = null;
  }

  #show(what: 'optimising' | 'encoding', total: number): Progress {
    if (this.#bar === null || this.#shown !== what) {
      this.#bar = this.#out.progress(what, total);
      this.#shown = what;
    }
    return this.#bar;
  }
}
