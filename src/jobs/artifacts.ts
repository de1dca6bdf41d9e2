/** The files a finished job leaves, by name. A name is never part of a path: content lies under its hash. */
import { extname } from 'node:path';
import type { Artifact } from '../protocol/index.js';

/** Names of the artifacts of a video job. */
export const VIDEO_ARTIFACTS = {
  video: 'video.mp4',
  sheet: 'sheet.png',
  plot: 'activation.png',
  report: 'report.json',
} as const;

/** Names of the artifacts of an image job, besides the pictures themselves. */
export const IMAGE_ARTIFACTS = { montage: 'montage.png', plot: 'activation.png', report: 'report.json' } as const;

/** A label as a part of a file's name. */
export const fileName = (label: string): string =>
  label
    .normalize('NFKD')
    .replace(/[^A-Za-z0-9_]+/g, '-')
    .replace(/^-+|-+$/g, '')
    .slice(0, 60) || 'unit';

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

export function isArtifactName(name: string): boolean {
  return NAME.test(name);
}

export function mediaType(name: string): string {
  return MEDIA_TYPES[extname(name).toLowerCase()] ?? 'application/octet-stream';
}

/** An artifact as clients see it, and where its content lies. */
export interface ArtifactFile extends Artifact {
  readonly path: string;
}

export function artifactOf(job: string, stored: { name: string; bytes: number; sha256: string }): Artifact {
  const { name, bytes, sha256 } = stored;
  return { name, bytes, type: mediaType(name), url: `/v1/jobs/${job}/artifacts/${name}`, sha256 };
}
