/**
 * A worker process, seen from the server: started, told things, ended. It is in a process group of its own, so that a
 * Ctrl-C at the server's terminal reaches neither it nor its ffmpeg, and that all of them are ended together.
 */
import { fork, type ChildProcess } from 'node:child_process';
import type { Readable } from 'node:stream';
import { compiled } from '../package-root.js';
import type { ServerMessage, WorkerMessage } from '../worker-contract.js';
import { WorkerOutput } from './output.js';
import { SharedFile } from './shared-file.js';

/** How a worker process ended. */
export interface ProcessEnd {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
  /** Why it could not be started. */
  readonly error?: Error | undefined;
}

/** What is on its way when a process ends is waited for no longer than so. */
const LAST_WORDS_MS = 1000;
/** A process that hangs in the kernel does not even end when killed: it is not waited for longer than so. */
const END_MS = 2000;

/** Options of this process's Node that are meant for workers, too: not a debugger's port or a profile's file. */
const INHERITED = /^--(max-old-space-size|max-semi-space-size|stack-size|enable-source-maps)(=|$)/;

/** Variables that are none of a worker's business. */
const SECRETS = ['NEUROREEL_TOKEN', 'NEUROREEL_TOKENS', 'NEUROREEL_TOKENS_FILE'];

/** The environment of workers: without secrets, and without what lets Node listen for a debugger. */
export function workerEnvironment(env: NodeJS.ProcessEnv): NodeJS.ProcessEnv {
  const rest = Object.fromEntries(Object.entries(env).filter(([name]) => !SECRETS.includes(name)));
  const options = env['NODE_OPTIONS']?.replace(/(^|\s)--(inspect|debug)\S*/g, '').trim();
  if (options !== undefined) rest['NODE_OPTIONS'] = options;
  return rest;
}

export class WorkerProcess {
  readonly output = new WorkerOutput();
  /** Through which it hands frames over. */
  readonly shared = SharedFile.create();
  /** Told of each message, in order. */
  onMessage: (message: WorkerMessage) => void = () => undefined;
  /** Resolves once, when it has ended and its last message was told; never rejects. */
  readonly ended: Promise<ProcessEnd>;
  readonly #child: ChildProcess;
  #isAlive = true;

  /** Starts one. It does not keep this process alive until {@link ref}. */
  constructor() {
    const child = fork(compiled('src/jobs/worker/main.js'), [], {
      // The fifth is never written to: when this process is gone, however it ended, the worker reads its end.
      stdio: ['ignore', 'pipe', 'pipe', 'ipc', 'pipe', this.shared?.fd ?? 'ignore'],
      serialization: 'advanced',
      detached: true,
      execArgv: process.execArgv.filter((option) => INHERITED.test(option)),
      env: workerEnvironment(process.env),
    });
    this.#child = child;
    for (const stream of [child.stdout, child.stderr]) if (stream !== null) this.output.read(stream);
    (child.stdio[4] as Readable | null | undefined)?.on('error', () => undefined);
    child.on('message', (message) => this.onMessage(message as WorkerMessage));
    this.ended = this.#watchEnd();
    void this.ended.then(() => this.shared?.close());
    this.#hold('unref');
  }

  get isAlive(): boolean {
    return this.#isAlive;
  }

  get pid(): number | undefined {
    return this.#child.pid;
  }

  /** Keeps this process alive as long as it lives. */
  ref(): void {
    this.#hold('ref');
  }

  tell(message: ServerMessage): void {
    // One that has just ended hears nothing: its end is told.
    if (this.#child.connected) this.#child.send(message, () => undefined);
  }

  /** Ends it, and what it has started, at once. */
  kill(signal: NodeJS.Signals = 'SIGKILL'): void {
    const { pid } = this.#child;
    if (pid === undefined) return;
    try {
      process.kill(process.platform === 'win32' ? pid : -pid, signal);
    } catch {
      // It has ended.
    }
  }

  /** Kills it and waits until it has ended. */
  async end(): Promise<void> {
    this.kill();
    let timer: NodeJS.Timeout | undefined;
    const patience = new Promise((resolve) => (timer = setTimeout(resolve, END_MS)));
    await Promise.race([this.ended, patience]);
    clearTimeout(timer);
    this.#hold('unref');
  }

  #watchEnd(): Promise<ProcessEnd> {
    const child = this.#child;
    return new Promise((resolve) => {
      child.on('error', (error) => {
        // Also told of messages that could not be sent.
        if (child.pid !== undefined) return;
        this.#isAlive = false;
        resolve({ code: null, signal: null, error });
      });
      child.on('exit', (code, signal) => {
        this.#isAlive = false;
        // What it has started.
        this.kill();
        const timer = setTimeout(() => resolve({ code, signal }), LAST_WORDS_MS);
        child.on('close', () => {
          clearTimeout(timer);
          resolve({ code, signal });
        });
      });
    });
  }

  #hold(how: 'ref' | 'unref'): void {
    const { stdio, channel } = this.#child;
    this.#child[how]();
    channel?.[how]();
    for (const stream of stdio) (stream as { ref?(): void; unref?(): void } | null)?.[how]?.();
  }
}
