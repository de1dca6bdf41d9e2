/**
 * One running ffmpeg: bytes in with backpressure, bytes out on demand, and an end that is always reported. The only file
 * that knows fluent-ffmpeg, which is archived; what it leaves undone is done here.
 */
import type { ChildProcess } from 'node:child_process';
import { PassThrough } from 'node:stream';
import ffmpeg from 'fluent-ffmpeg';
import { NeuroreelError } from '../protocol/errors.js';
import type { FfmpegBinary } from './ffmpeg-binary.js';

export interface FfmpegJob {
  readonly binary: FfmpegBinary;
  /** Options before `-i`, and what is read: a file, or null for what `write` is given. */
  readonly input: { readonly options: readonly string[]; readonly file: string | null };
  /** Options before the output, and what is written: a file, or null for what `read` yields. */
  readonly output: { readonly options: readonly string[]; readonly file: string | null };
  /** Aborting kills the process; everything that waits is rejected with the signal's reason. */
  readonly signal?: AbortSignal;
  /** ffmpeg is killed when it neither takes nor gives anything for so long while it is waited for. Default 120 000. */
  readonly stallMs?: number;
  /** Called with each line that ffmpeg prints on standard error. */
  readonly onLine?: (line: string) => void;
}

const TAIL_LINES = 30;
const TAIL_LINE_LENGTH = 400;
const BUFFER_BYTES = 1 << 20;

export class FfmpegProcess {
  /** Resolves when ffmpeg has ended well, rejects as `write`, `end` and `read` do. Never an unhandled rejection. */
  readonly done: Promise<void>;
  readonly #job: FfmpegJob;
  readonly #input: PassThrough | null;
  readonly #output: PassThrough | null;
  readonly #tail: string[] = [];
  readonly #waiting = new Set<() => void>();
  #child: ChildProcess | null = null;
  #settled = false;
  #killed: { reason: unknown } | null = null;
  #watchdog: NodeJS.Timeout | null = null;

  /** Starts ffmpeg. @throws the signal's reason when it is aborted already. */
  constructor(job: FfmpegJob) {
    job.signal?.throwIfAborted();
    this.#job = job;
    this.#input = job.input.file === null ? new PassThrough({ highWaterMark: BUFFER_BYTES }) : null;
    // No 'close' event: fluent-ffmpeg kills ffmpeg 20 ms after it, even if that has delivered everything and is about to end.
    this.#output = job.output.file === null ? new PassThrough({ autoDestroy: false, emitClose: false }) : null;
    this.#input?.on('drain', () => this.#active());
    this.done = this.#run();
    this.done.catch(() => undefined);
  }

  /** Process id while ffmpeg runs. */
  get pid(): number | undefined {
    const child = this.#child;
    return child && child.exitCode === null && child.signalCode === null ? child.pid : undefined;
  }

  /** The last lines ffmpeg printed, at most 30. */
  get tail(): readonly string[] {
    return this.#tail;
  }

  /**
   * Hands bytes to ffmpeg; the bytes are copied. Resolves when there is room for more.
   * @throws NeuroreelError FFMPEG_FAILED when ffmpeg has ended or stalls.
   */
  async write(bytes: Uint8Array): Promise<void> {
    if (!this.#input) throw new TypeError('This ffmpeg reads a file.');
    if (!this.#settled) this.#input.write(Buffer.from(bytes));
    while (this.#input.writableNeedDrain && !this.#settled) {
      await this.#watched(new Promise<void>((resolve) => this.#waiting.add(resolve)));
    }
    if (!this.#settled) return;
    await this.done;
    throw new NeuroreelError('FFMPEG_FAILED', 'ffmpeg ended before it had read all frames.');
  }

  /** Closes ffmpeg's input and waits until it has ended well. */
  async end(): Promise<void> {
    this.#input?.end();
    await this.#watched(this.done);
  }

  /** What ffmpeg writes, as it comes; ends when ffmpeg has ended well. Read slowly, and ffmpeg waits. */
  async *read(): AsyncGenerator<Buffer, void> {
    if (!this.#output) throw new TypeError('This ffmpeg writes a file.');
    const chunks = this.#output[Symbol.asyncIterator]() as AsyncIterator<Buffer>;
    for (;;) {
      const next = await this.#watched(chunks.next());
      if (next.done) break;
      yield next.value;
    }
    await this.#watched(this.done);
  }

  /** Ends ffmpeg at once and resolves when it is gone. What waits is rejected with the reason. */
  async kill(reason: unknown = new DOMException('ffmpeg was stopped.', 'AbortError')): Promise<void> {
    if (!this.#settled) this.#killed ??= { reason };
    this.#child?.kill('SIGKILL');
    await this.done.catch(() => undefined);
  }

  async #run(): Promise<void> {
    const { signal } = this.#job;
    const onAbort = () => void this.kill(signal?.reason);
    signal?.addEventListener('abort', onAbort, { once: true });
    try {
      await this.#spawn();
    } catch (error) {
      this.#output?.destroy(error as Error);
      throw error;
    } finally {
      this.#settled = true;
      signal?.removeEventListener('abort', onAbort);
      this.#active();
    }
  }

  #spawn(): Promise<void> {
    const { binary, input, output } = this.#job;
    return new Promise((resolve, reject) => {
      const command = tamed(ffmpeg({ stdoutLines: TAIL_LINES }), binary.path);
      command.input(this.#input ?? input.file!);
      if (input.options.length > 0) command.inputOptions(input.options as string[]);
      command.output(this.#output ?? output.file!);
      // Spread, because fluent-ffmpeg cuts the options of an array at their spaces.
      command.outputOptions(...(output.options as [string, string]));
      command.on('start', () => this.#started(command.ffmpegProc!, reject));
      command.on('stderr', (line: string) => this.#line(line));
      command.on('end', () => (this.#killed ? reject(this.#killed.reason) : resolve()));
      command.on('error', (error: Error) => reject(this.#killed ? this.#killed.reason : this.#failure(error)));
      command.run();
    });
  }

  #started(child: ChildProcess, reject: (reason: unknown) => void): void {
    this.#child = child;
    killAtExit(child);
    child.once('exit', () => {
      // A grandchild may hold the pipes open; who killed the process need not wait for it.
      if (this.#killed) reject(this.#killed.reason);
    });
    if (this.#killed) child.kill('SIGKILL');
  }

  #line(line: string): void {
    this.#active();
    this.#job.onLine?.(line);
    // Progress reports come as key=value and would push the cause of a failure out of the tail.
    if (line.trim() === '' || /^\w+=\s*\S*$/.test(line)) return;
    this.#tail.push(line.slice(0, TAIL_LINE_LENGTH));
    if (this.#tail.length > TAIL_LINES) this.#tail.shift();
  }

  #failure(error: NodeJS.ErrnoException): NeuroreelError {
    if (error.syscall?.startsWith('spawn')) {
      const message = `${this.#job.binary.path} cannot be started (${error.code ?? error.message}).`;
      return new NeuroreelError('FFMPEG_MISSING', message, { cause: error });
    }
    const { exitCode: code = null, signalCode: signal = null } = this.#child ?? {};
    const how = signal
      ? `was killed by ${signal}`
      : code === null
        ? `failed (${error.message})`
        : `ended with exit code ${code}`;
    const said =
      this.#tail.length > 0 ? `ffmpeg ${how}: ${this.#tail.slice(-4).join('; ')}` : `ffmpeg ${how} and said nothing`;
    return new NeuroreelError('FFMPEG_FAILED', said.replace(/\.?$/, '.'), {
      details: { exitCode: code, signal, stderr: [...this.#tail] },
      cause: error,
    });
  }

  /** Something moved: those who wait look again, and the watchdog starts over. */
  #active(): void {
    this.#watchdog?.refresh();
    for (const resolve of this.#waiting) resolve();
    this.#waiting.clear();
  }

  async #watched<T>(promise: Promise<T>): Promise<T> {
    const { stallMs = 120_000 } = this.#job;
    const message = `ffmpeg did nothing for ${stallMs / 1000} s and was stopped.`;
    const watchdog = setTimeout(() => void this.kill(new NeuroreelError('FFMPEG_FAILED', message)), stallMs);
    this.#watchdog = watchdog;
    try {
      return await promise;
    } finally {
      clearTimeout(watchdog);
      if (this.#watchdog === watchdog) this.#watchdog = null;
    }
  }
}

/** Parts of fluent-ffmpeg's command that its type declarations leave out. */
interface Internals {
  ffmpegProc?: ChildProcess;
  _getFfmpegPath(callback: (error: Error | null, path: string) => void): void;
  _checkCapabilities(callback: (error: Error | null) => void): void;
  availableEncoders(callback: (error: Error | null, encoders: object) => void): void;
  _spawnFfmpeg(args: string[], options: object, onProcess: unknown, onEnd: EndCallback): void;
}
type EndCallback = (error: Error | null, stdout: LinesRing, stderr: LinesRing) => void;
interface LinesRing {
  get(): string;
}

/**
 * Makes one command independent of fluent-ffmpeg's habits: the binary is given here instead of remembered for the whole
 * process; the tables of `ffmpeg -formats` and `-encoders`, which it misreads for newer ffmpegs, are not asked for; and a
 * process that cannot be started is an 'error' event, not an exception in the event loop.
 */
function tamed(command: ffmpeg.FfmpegCommand, path: string): ffmpeg.FfmpegCommand & Internals {
  const tame = command as ffmpeg.FfmpegCommand & Internals;
  const spawn = tame._spawnFfmpeg.bind(tame);
  const nothing: LinesRing = { get: () => '' };
  return Object.assign(tame, {
    _getFfmpegPath: (callback) => callback(null, path),
    _checkCapabilities: (callback) => callback(null),
    availableEncoders: (callback) => callback(null, {}),
    _spawnFfmpeg: (args, options, onProcess, onEnd) =>
      spawn(args, options, onProcess, (error, stdout = nothing, stderr = nothing) => onEnd(error, stdout, stderr)),
  } satisfies Partial<Internals>);
}

const running = new Set<ChildProcess>();

/** No ffmpeg outlives this process: a reader of a pipe would, until it noticed. */
function killAtExit(child: ChildProcess): void {
  if (running.size === 0) process.once('exit', killRunning);
  running.add(child);
  child.once('exit', () => {
    running.delete(child);
    if (running.size === 0) process.removeListener('exit', killRunning);
  });
}

function killRunning(): void {
  for (const child of running) child.kill('SIGKILL');
}
