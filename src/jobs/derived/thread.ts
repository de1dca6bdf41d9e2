/** One piece of work in a thread of its own: what would hold up the server, and needs no progress. */
import { parentPort, workerData, Worker } from 'node:worker_threads';
import { pathToFileURL } from 'node:url';
import { asNeuroreelError, NeuroreelError, type ErrorCode } from '../../protocol/index.js';
import { compiled } from '../package-root.js';

type Answer<T> =
  { readonly value: T } | { readonly error: { readonly code: ErrorCode; readonly message: string; details?: unknown } };

/**
 * Runs the module in a thread and gives what it answers.
 * @param module path of the source, for example `src/jobs/derived/layers-thread.js`; it calls {@link answer}
 * @param data handed to it; must be cloneable
 * @throws {NeuroreelError} what it throws; INTERNAL when it ends without an answer
 */
export async function inThread<T>(module: string, data: unknown): Promise<T> {
  const worker = new Worker(pathToFileURL(compiled(module)), { workerData: data, name: module });
  const failed = (message: string): Answer<T> => ({ error: { code: 'INTERNAL', message } });
  const result = await new Promise<Answer<T>>((resolve) => {
    worker.on('message', resolve);
    worker.on('error', ({ message }) => resolve(failed(message)));
    worker.on('exit', (code) => resolve(failed(`The thread of ${module} ended with code ${code}.`)));
  });
  await worker.terminate();
  if ('value' in result) return result.value;
  const { code, message, details } = result.error;
  throw new NeuroreelError(code, message, { details });
}

/** In the thread: does the work with what was handed over, and answers. */
export async function answer<D, T>(work: (data: D) => T | Promise<T>): Promise<void> {
  let result: Answer<T>;
  try {
    result = { value: await work(workerData as D) };
  } catch (error) {
    const { code, message, details } = asNeuroreelError(error);
    result = { error: { code, message, details } };
  }
  parentPort?.postMessage(result);
}
