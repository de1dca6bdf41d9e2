/** `neuroreel watch JOB`: a job of a server while it goes on, with its frames; its files when it is done. */
import type { Command } from 'commander';
import { resolve } from 'node:path';
import { action } from '../command.js';
import { onInterrupt } from '../interrupt.js';
import { assertSucceeded } from '../job-result.js';
import { jobInFull } from '../job-words.js';
import { examples, previewOption, type GlobalOptions, type PreviewOptions } from '../options.js';
import type { Output } from '../output.js';
import { Preview } from '../preview/preview.js';
import { fetchArtifacts, followJob } from '../server-job.js';
import { openClient, serverAddress, serverOptions, USUAL_SERVER, type ServerOptions } from '../server-options.js';

interface WatchCommandOptions extends GlobalOptions, PreviewOptions, ServerOptions {
  readonly resume?: boolean;
  readonly out?: string;
}

export function define(command: Command): void {
  command
    .argument('<job>', 'id of the job')
    .option('--resume', 'let it go on first, if it is paused')
    .option('--out <folder>', 'save its files there when it has succeeded')
    .addOption(previewOption());
  serverOptions(command, `default: ${USUAL_SERVER}`).action(action(watch));
  examples(command, [
    ['progress, activation, time left and frames of a job', 'neuroreel watch JOB'],
    ['its files, too', 'neuroreel watch JOB --out out/video'],
    ['wait for it in a script', 'neuroreel watch JOB --quiet && echo done'],
  ]);
}

async function watch(out: Output, options: WatchCommandOptions, id?: string): Promise<void> {
  const client = openClient(serverAddress(options) ?? USUAL_SERVER, options);
  const message = `Job ${id} is no longer watched; it goes on at the server.`;
  const interrupt = onInterrupt(out, { message, goesOn: true });
  try {
    if (options.resume && (await client.jobs.get(id!)).state === 'paused') await client.jobs.resume(id!);
    const preview = await Preview.open(out, options.preview);
    const job = await followJob(id!, { out, client, preview, signal: interrupt.signal });
    assertSucceeded(job, undefined);
    const artifacts = await client.jobs.artifacts(id!);
    const folder = options.out === undefined ? null : resolve(options.out);
    if (folder !== null) await fetchArtifacts(client, id!, folder);
    out.result({ job, artifacts, folder }, jobInFull(job, artifacts));
  } finally {
    interrupt.release();
    client.close();
  }
}
