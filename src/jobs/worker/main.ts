/** Entry of a worker process: waits for a job, does it, and tells the server how it goes. The server ends it. */
import { Worker } from 'node:worker_threads';
import { asNeuroreelError } from '../../protocol/index.js';
import { isDiskFull } from '../store/disk.js';
import {
  JobCanceled,
  JobParked,
  type JobModule,
  type Preparation,
  type ServerMessage,
  type WireError,
  type WorkerMessage,
  type WorkerStart,
} from '../worker-contract.js';
import { WorkerContext } from './context.js';
import { letServerGoFirst } from './priority.js';

/** Where the pipe is that ends with the server. */
const SERVER_FD = 4;

/** The server alone says when to end: it sees to it that a job is kept. */
function obeyServerOnly(): void {
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(signal, () => undefined);
  process.on('disconnect', () => process.exit(1));
  new Worker(new URL('./guard.js', import.meta.url), { workerData: SERVER_FD, name: 'guard' }).unref();
}

function wireError(error: unknown): WireError {
  const stack = error instanceof Error ? error.stack : undefined;
  if (isDiskFull(error)) return { code: 'DISK_FULL', message: `The disk is full: ${(error as Error).message}`, stack };
  const { code, message, details } = asNeuroreelError(error);
  return { code, message, details, stack };
}

function send(message: WorkerMessage): Promise<void> {
  return new Promise((resolve) => {
    // Without the server there is nobody to tell.
    if (!process.connected) resolve();
    else process.send!(message, undefined, undefined, () => resolve());
  });
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

let context: WorkerContext | null = null;

async function work(start: WorkerStart): Promise<void> {
  context = new WorkerContext(start, send);
  await send(await outcome(context, start.module));
}

/** Loads modules, until there is a job. */
async function prepare(modules: readonly Preparation[]): Promise<void> {
  for (const { module, settings } of modules) {
    if (context !== null) return;
    try {
      await ((await import(module)) as JobModule).prepare?.(settings);
    } catch {
      // The job that needs it fails with it.
    }
  }
}

process.on('uncaughtException', (error) => {
  void send({ type: 'broke', error: wireError(error) }).then(() => process.exit(1));
});

if (process.send === undefined) throw new Error('The worker is started by the server only.');
letServerGoFirst();
obeyServerOnly();
process.on('message', (message: ServerMessage) => {
  if (message.type === 'do') void work(message.start);
  else if (message.type === 'prepare') void prepare(message.modules);
  else context?.hear(message);
});
