/** The files a finished job leaves, by name. A name never leads out of the job's folder. */
import { lstat, readdir } from 'node:fs/promises';
import { extname, join } from 'node:path';
import { NeuroreelError, type Artifact } from '../protocol/index.js';

/** Names of the artifacts of a video job. */
export const VIDEO_ARTIFACTS = {
  video: 'video.mp4',
  sheet: 'sheet.png',
  plot: 'activation.png',
  report: 'report.json',
} as const;

const MEDIA_TYPES: Readonly<Record<string, string>> = {
  '.mp4': 'video/mp4',
  '.png': 'image/png',
  '.jpg': 'image/jpeg',
  '.svg': 'image/svg+xml',
  '.html': 'text/html; charset=utf-8',
  '.csv': 'text/csv; charset=utf-8',
  '.jsonl': 'application/x-ndjson; charset=utf-8',
  '.json': 'application/json; charset=utf-8',
  '.txt': 'text/plain; charset=utf-8',
};

/** No separators, no leading dot, nothing that a file system could take for something else than a name. */
const NAME = /^[A-Za-z0-9][A-Za-z0-9._-]{0,127}$/;

export function mediaType(name: string): string {
  return MEDIA_TYPES[extname(name).toLowerCase()] ?? 'application/octet-stream';
}

async function plainFileSize(path: string): Promise<number | null> {
  try {
    const stats = await lstat(path);
    return stats.isFile() ? stats.size : null;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return null;
    throw error;
  }
}

/** @param folder the job's artifacts folder; need not exist */
export async function listArtifacts(job: string, folder: string): Promise<Artifact[]> {
  let names: string[];
  try {
    names = await readdir(folder);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return [];
    throw error;
  }
  const artifacts: Artifact[] = [];
  for (const name of names.filter((n) => NAME.test(n)).sort()) {
    const bytes = await plainFileSize(join(folder, name));
    if (bytes !== null)
      artifacts.push({ name, bytes, type: mediaType(name), url: `/v1/jobs/${job}/artifacts/${name}` });
  }
  return artifacts;
}

/**
 * Checks that `name` is a plain file of the folder (no link, no folder).
 * @throws {NeuroreelError} ARTIFACT_UNKNOWN
 */
export async function assertArtifact(job: string, folder: string, name: string): Promise<void> {
  if (!NAME.test(name) || (await plainFileSize(join(folder, name))) === null) {
    throw new NeuroreelError('ARTIFACT_UNKNOWN', `Job ${job} has no artifact ${JSON.stringify(name.slice(0, 60))}.`);
  }
}
