/** One piece of work in a process of its own, for what runs models of others in native code: told once what to do. */
import { fork, type ChildProcess } from 'node:child_process';
import { compiled } from '../package-root.js';
import { workerEnvironment } from './process.js';

export class TaskProcess<M> {
  readonly #child: ChildProcess;
  /** Resolves with how it ended, in words, when its last message was told; never rejects. */
  readonly ended: Promise<string>;

  /**
   * @param module path of the compiled source, for example `src/jobs/examples/score-process.js`; it calls `onTask`
   * @param data handed to it; must be cloneable
   * @param onMessage told of each message, in order
   */
  constructor(module: string, data: unknown, onMessage: (message: M) => void) {
    // In a group of its own: a Ctrl-C at the server's terminal is the server's.
    const options = { stdio: ['ignore', 'ignore', 'ignore', 'ipc'] as ['ignore', 'ignore', 'ignore', 'ipc'] };
    const child = fork(compiled(module), [], {
      ...options,
      ...{ serialization: 'advanced', detached: true, execArgv: [], env: workerEnvironment(process.env) },
    });
    this.#child = child;
    child.on('message', (message) => onMessage(message as M));
    this.ended = new Promise((resolve) => {
      child.on('error', (error) => child.pid === undefined && resolve(error.message));
      child.on('close', (code, signal) =>
        resolve(signal === null ? `Its process ended with code ${code}.` : `Its process was ended by ${signal}.`),
      );
    });
    child.send({ data }, () => undefined);
  }

  /** Kills it and waits until it has ended. */
  async end(): Promise<void> {
    this.#child.kill('SIGKILL');
    await this.ended;
  }
}
