/** Writes files so that a reader, or the next start after a crash, finds the old content or the new one, never a part. */
import { open, rename, rm } from 'node:fs/promises';

/** How files are written; tests put one in its place that finds the disk full. */
export interface FileWriter {
  /** Writes to a temporary name beside `path`, flushes, then renames. */
  write(path: string, content: string | Uint8Array): Promise<void>;
  /** Flushes a file that is complete, and gives it its final name on the same disk. */
  move(from: string, to: string): Promise<void>;
}

export const fileWriter: FileWriter = {
  async write(path, content) {
    const temporary = `${path}.tmp`;
    try {
      const file = await open(temporary, 'w');
      try {
        await file.writeFile(content);
        await file.sync();
      } finally {
        await file.close();
      }
      await rename(temporary, path);
    } catch (error) {
      await rm(temporary, { force: true });
      throw error;
    }
  },

  async move(from, to) {
    const file = await open(from, 'r+');
    try {
      await file.sync();
    } finally {
      await file.close();
    }
    await rename(from, to);
  },
};
