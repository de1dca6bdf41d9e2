/** Shows a job while it goes on: iterations with activation and time left, then the frames that are encoded. */
import type { Job, JobKind, JobProgress } from '../../src/protocol/index.js';
import type { Output } from './output.js';
import type { Progress } from './progress.js';

/** Who wants to know how a job goes, wherever it runs. */
export interface JobListener {
  /** The job entered another state. */
  state(job: Job): void;
  /** An iteration is done, or frames were encoded. */
  progress(progress: JobProgress): void;
}

/** What is done until something is encoded, and what is encoded. */
const WORDS: Readonly<Record<JobKind, readonly [doing: string, files: string]>> = {
  video: ['optimising', 'frames'],
  image: ['optimising', 'files'],
  figure: ['making', 'frames'],
  audit: ['auditing', 'files'],
  batch: ['jobs', 'files'],
};

/** What is to be seen of the work besides how far it is. */
function factsOf({ activation, audit, figure }: JobProgress, kind: JobKind): string {
  if (audit)
    return `clips  ${audit.clip}${audit.flipRate === null ? '' : `  flips ${(100 * audit.flipRate).toFixed(1)} %`}`;
  const value = kind === 'batch' ? '' : `activation ${activation.toFixed(2)}`;
  return figure ? `${figure.picture} ${figure.iteration}/${figure.iterations}  ${value}` : value;
}

function runWords({ run }: Job): string | null {
  if (run === null) return null;
  if ('unit' in run) {
    const { unit, frames, width, height, runtime, units } = run;
    const what = units ? `${frames} pictures` : `${frames} frames`;
    return `Unit ${unit.index} (${unit.label}), ${what} of ${width}x${height}, ${runtime}.`;
  }
  if ('clips' in run) return `${run.models.join(', ')} on ${run.clips} clips, ${run.runtime}.`;
  return null;
}

export class JobDisplay implements JobListener {
  readonly #out: Output;
  #kind: JobKind = 'video';
  #encoding = false;
  #told = false;
  #bar: Progress | null = null;
  #shown: string | null = null;

  constructor(out: Output) {
    this.#out = out;
  }

  state(job: Job): void {
    this.#kind = job.request.kind;
    const words = runWords(job);
    if (job.state === 'running' && !this.#told && words !== null) {
      this.#told = true;
      this.#out.note(words);
    }
    if (job.state === 'paused') this.#out.note(`Job ${job.id} is paused.`);
    this.#encoding = job.state === 'encoding';
  }

  progress(progress: JobProgress): void {
    const [doing, files] = WORDS[this.#kind];
    if (this.#encoding) {
      if (progress.framesToEncode === 0) return;
      this.#show('encoding', progress.framesToEncode).update(progress.framesEncoded, files, null);
      return;
    }
    const { iteration, iterations, etaSeconds } = progress;
    this.#show(doing, iterations).update(iteration, factsOf(progress, this.#kind), etaSeconds);
  }

  end(): void {
    this.#out.endProgress();
    this.#bar = null;
  }

  #show(what: string, total: number): Progress {
    if (this.#bar === null || this.#shown !== what) {
      this.#bar = this.#out.progress(what, total);
      this.#shown = what;
    }
    return this.#bar;
  }
}
