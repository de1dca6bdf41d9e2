/** Checks a model package in a thread of its own: hashing gigabytes must not hold up the server. */
import { pathToFileURL } from 'node:url';
import { Worker } from 'node:worker_threads';
import { compiled } from '../../jobs/package-root.js';
import { NeuroreelError } from '../../protocol/index.js';
import type { CheckResult } from './check-package-worker.js';

/** @throws {NeuroreelError} MODEL_INVALID, MODEL_HASH_MISMATCH, GRAPH_INVALID */
export async function checkPackage(folder: string): Promise<void> {
  const worker = new Worker(pathToFileURL(compiled('src/server/models/check-package-worker.js')), {
    workerData: folder,
    name: 'check of a model',
  });
  const result = await new Promise<CheckResult>((resolve) => {
    worker.on('message', resolve);
    worker.on('error', ({ message }) => resolve({ code: 'MODEL_INVALID', message }));
    worker.on('exit', (code) => resolve({ code: 'MODEL_INVALID', message: `The check ended with code ${code}.` }));
  });
  await worker.terminate();
  if (result !== null) throw new NeuroreelError(result.code, result.message);
}
