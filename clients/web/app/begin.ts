/** What the page does once at its start, and again when a token was given. */
import { connection } from '../shared/connection.js';
import { jobs } from '../shared/job-list.js';
import { loadModels } from '../shared/models.js';
import { reportFailure } from '../shared/trouble.js';
import { listenToAddress } from './router.js';

/** Loads what every section needs and opens the stream. Failures are shown by the shell. */
export async function connect(): Promise<void> {
  try {
    await loadModels();
  } catch (error) {
    reportFailure(error);
  }
  await jobs.refresh();
  connection.connect();
}

export function begin(): void {
  listenToAddress();
  void connect();
  jobs.keepFresh();
}
