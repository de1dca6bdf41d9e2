/** How the server sends files. */
import { basename, dirname } from 'node:path';
import type { Response } from 'express';
import type { ArtifactFile } from '../jobs/artifacts.js';

/** Reports and plots bring their own styles, and may do nothing else: they run nothing and load nothing; pictures are in them. */
const DOCUMENT_POLICY =
  "default-src 'none'; style-src 'unsafe-inline'; img-src data:; base-uri 'none'; form-action 'none'; frame-ancestors 'none'; sandbox";

const policyOf = (type: string) => (/html|svg/.test(type) ? { 'Content-Security-Policy': DOCUMENT_POLICY } : {});

/** A file that a job left; parts of it where the request has a range. */
export function sendArtifact(response: Response, { path, type, sha256 }: ArtifactFile): Promise<void> {
  response.set({
    ...{ 'Content-Type': type, 'Cache-Control': 'private, no-cache', ETag: `"${sha256}"` },
    ...policyOf(type),
  });
  return send(response, path);
}

/** A file whose name says all that its content depends on: it may be kept for a while without asking again. */
export function sendDerived(response: Response, path: string, type: string, seconds = 60): Promise<void> {
  const tag = basename(path).replace(/[^\w.-]/g, '');
  response.set({
    ...{ 'Content-Type': type, 'Cache-Control': `private, max-age=${seconds}`, ETag: `"${tag}"` },
    ...policyOf(type),
  });
  return send(response, path);
}

function send(response: Response, path: string): Promise<void> {
  return new Promise((resolve, reject) => {
    // The folder is a hidden one for some users (~/.local/...).
    const options = { root: dirname(path), dotfiles: 'allow' as const, cacheControl: false };
    response.sendFile(basename(path), options, (error) => {
      // A viewer that went away in the middle of a download is nobody's error.
      if (error === undefined || response.headersSent) resolve();
      else reject(error);
    });
  });
}
