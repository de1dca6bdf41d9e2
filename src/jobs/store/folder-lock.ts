/** A data folder belongs to one process: two servers in it would take each other's running jobs for interrupted ones. */
import { mkdir, readFile, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { NeuroreelError } from '../../protocol/index.js';
import { diskError } from './disk.js';
import { fileWriter } from './files.js';

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM';
  }
}

async function assertUnclaimed(dataFolder: string, lock: string): Promise<void> {
  const text = await readFile(lock, 'utf8').catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT') return '';
    throw error;
  });
  const pid = Number.parseInt(text, 10);
  // The own number is left by an earlier process (the first of a container always has the same).
  if (!Number.isInteger(pid) || pid <= 0 || pid === process.pid || !isAlive(pid)) return;
  const message = `The data folder ${dataFolder} is in use by process ${pid} (its number is in ${lock}).`;
  throw new NeuroreelError('DATA_FOLDER_IN_USE', message);
}

/**
 * Makes the folder if need be and claims it for this process. Returns what gives up the claim.
 * @throws {NeuroreelError} DATA_FOLDER_UNWRITABLE, DISK_FULL, DATA_FOLDER_IN_USE
 */
export async function claimFolder(dataFolder: string): Promise<() => Promise<void>> {
  const lock = join(dataFolder, 'server.pid');
  try {
    await mkdir(dataFolder, { recursive: true });
    await assertUnclaimed(dataFolder, lock);
    await fileWriter.write(lock, `${process.pid}\n`);
  } catch (cause) {
    throw diskError(dataFolder, cause);
  }
  return () => rm(lock, { force: true });
}
