/** Entry of the thread that checks a model package: reads all of it, and says what is wrong. */
import { basename } from 'node:path';
import { parentPort, workerData } from 'node:worker_threads';
import { readPackage } from '../../engine/models/package.js';
import { NeuroreelError, type ErrorCode } from '../../protocol/index.js';

/** Null when all is well. */
export type CheckResult = { readonly code: ErrorCode; readonly message: string } | null;

/** The package is named by its own name, not by where the server keeps it. */
function within(message: string, folder: string): string {
  return message.replaceAll(folder, basename(folder));
}

function check(folder: string): CheckResult {
  try {
    readPackage(folder);
    return null;
  } catch (error) {
    const code = error instanceof NeuroreelError ? error.code : 'MODEL_INVALID';
    return { code, message: within(error instanceof Error ? error.message : String(error), folder) };
  }
}

parentPort?.postMessage(check(workerData as string));
