/** What the page does once at its start, and again when a token was given. */
import { followConnection } from '../shared/connection.js';
import { jobs } from '../shared/job-list.js';
import { loadModels } from '../shared/models.js';
import { reportFailure } from '../shared/trouble.js';
import { listenToAddress } from './router.js';

/** Loads what every section needs. Failures are shown by the shell. */
export async function connect(): Promise<void> {
  try {
    await loadModels();
  } catch (error) {
    reportFailure(error);
  }
  await jobs.refresh();
}

export function begin(): void {
  listenToAddress();
  followConnection();
  void connect();
  jobs.keepFresh();
}
