/** A job that a server does, as the command line shows it: submitted, followed with its frames, its files fetched. */
import { createWriteStream } from 'node:fs';
import { mkdir, rename, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import type { ReadableStream } from 'node:stream/web';
import { isArtifactName } from '../../src/jobs/artifacts.js';
import { NeuroreelError, type Job } from '../../src/protocol/index.js';
import { ClientError, isFinal, type Frame, type NeuroreelClient, type WatchEvent } from '../js/index.js';
import { writing } from './errors.js';
import { JobDisplay } from './job-display.js';
import type { Output } from './output.js';
import type { Preview } from './preview/preview.js';

/** Where a server keeps what it does; a part of commands to go on with. */
export interface Following {
  readonly out: Output;
  readonly client: NeuroreelClient;
  readonly preview: Preview | null;
  /** Aborting it ends the following, not the job. */
  readonly signal: AbortSignal;
}

/** Follows a job until it has ended. @throws {NeuroreelError} SERVER_UNREACHABLE, JOB_UNKNOWN, ...; the signal's reason */
export async function followJob(id: string, { out, client, preview, signal }: Following): Promise<Job> {
  const display = new JobDisplay(out);
  const stopFrames = new AbortController();
  const showing: Promise<void>[] = [];
  const onEvent = (event: WatchEvent): void => {
    if (event.type === 'state') {
      display.state(event.job);
      if (event.job.progress !== null && event.job.state === 'running') display.progress(event.job.progress);
      if (preview !== null && event.job.state === 'running' && showing.length === 0) {
        showing.push(showFrames(client, event.job, preview, stopFrames.signal));
      }
    }
    if (event.type === 'progress') display.progress(event.progress);
    if (event.type === 'connection' && event.state === 'lost')
      out.note('The connection is lost; trying to restore it.');
  };
  try {
    return await client.wait(id, { signal, onEvent });
  } finally {
    stopFrames.abort();
    await Promise.all(showing);
    await preview?.end();
    display.end();
  }
}

/** Shows frames of a job until it is told to stop; one without frames has none. */
async function showFrames(
  client: NeuroreelClient,
  { id, run }: Job,
  preview: Preview,
  signal: AbortSignal,
): Promise<void> {
  const size = run !== null && 'width' in run ? run : { width: 64, height: 64 };
  const view = preview.viewFor(size);
  try {
    for await (const frame of client.frames(id, view, { signal })) preview.show(pictureOf(frame));
  } catch (error) {
    // The job is followed on another stream, which tells what is wrong.
    if (!(error instanceof ClientError) && !signal.aborted) throw error;
  }
}

function pictureOf({ header, picture }: Frame) {
  return { pixels: picture, width: header.width * header.frame, height: header.height };
}

/**
 * Saves all files of a job; each appears when it is complete.
 * @returns their names
 */
export async function fetchArtifacts(client: NeuroreelClient, id: string, folder: string): Promise<string[]> {
  const names = (await client.jobs.artifacts(id)).map(({ name }) => name);
  await writing(folder, () => mkdir(folder, { recursive: true }));
  for (const name of names) {
    // A server could name a file anywhere.
    if (!isArtifactName(name))
      throw new NeuroreelError('PROTOCOL_MISMATCH', `${JSON.stringify(name)} is no name of a file.`);
    const { body } = await client.jobs.artifact(id, name);
    const [path, partial] = [join(folder, name), join(folder, `${name}.part`)];
    try {
      await writing(path, async () => {
        await pipeline(Readable.fromWeb(body as ReadableStream), createWriteStream(partial));
        await rename(partial, path);
      });
    } catch (error) {
      await rm(partial, { force: true });
      throw error;
    }
  }
  return names;
}

/**
 * Sets a job aside that was interrupted here, so that it can be gone on with.
 * @returns whether it is paused; false when it has ended or is about to
 */
export async function setAside(client: NeuroreelClient, id: string): Promise<boolean> {
  try {
    return !isFinal((await client.jobs.pause(id)).state);
  } catch (error) {
    if (error instanceof ClientError) return false;
    throw error;
  }
}
