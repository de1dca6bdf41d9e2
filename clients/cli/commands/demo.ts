/** `neuroreel demo`: the main job from end to end, through the real server, and then the probe. */
import { Option, type Command } from 'commander';
import { mkdir, rm } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { QUICK_CONDITIONS } from '../../../src/engine/audit/conditions.js';
import { formatReport } from '../../../src/engine/audit/format-report.js';
import { createServer, type NeuroreelServer } from '../../../src/server/index.js';
import { auditWithProgress } from '../auditing.js';
import { action } from '../command.js';
import { writing } from '../errors.js';
import { duration } from '../format.js';
import { onInterrupt } from '../interrupt.js';
import { assertSucceeded, videoResult, videoWords } from '../job-result.js';
import {
  computeOptions,
  examples,
  previewOption,
  type ComputeOptions,
  type GlobalOptions,
  type PreviewOptions,
} from '../options.js';
import { number } from '../option-values.js';
import type { Output } from '../output.js';
import { Preview } from '../preview/preview.js';
import { fetchArtifacts, followJob } from '../server-job.js';
import { openClient } from '../server-options.js';
import { moreModelFolders, openRegistry, runtimeChoice } from '../settings.js';

interface DemoOptions extends GlobalOptions, PreviewOptions, Omit<ComputeOptions, 'threads' | 'memory'> {
  readonly out: string;
  readonly port: number;
  readonly model: string;
  readonly unit?: string;
  readonly frames: number;
  readonly iterations?: number;
}

export function define(command: Command): void {
  command
    .option('--out <folder>', 'folder for what the demo makes', 'out/demo')
    .addOption(new Option('--port <n>', 'port of the live page, 0 for any free one').argParser(number).default(0))
    .option('--model <name>', 'the recogniser', 'figures-lrcn')
    .option('--unit <label>', 'the unit (default: as the model says)')
    .option('--frames <n>', 'frames of the video', number, 160)
    .option('--iterations <n>', 'iterations (default: as the preset says)', number)
    .addOption(previewOption());
  computeOptions(command, ['threads', 'memory']).action(action(demo));
  examples(command, [
    ['all of it, to out/demo/', 'neuroreel demo'],
    ['the live page at a port of your choice', 'neuroreel demo --port 8160'],
  ]);
}

async function demo(out: Output, options: DemoOptions): Promise<void> {
  const started = performance.now();
  const folder = resolve(options.out);
  const dataFolder = join(folder, '.data');
  const { runtime, device } = runtimeChoice(options);
  await writing(folder, () => mkdir(folder, { recursive: true }));
  const server = await createServer({
    port: options.port,
    dataFolder,
    modelFolders: moreModelFolders(options.models),
    runtime,
    device,
    logLevel: 'silent',
  });
  const interrupt = onInterrupt(out, { message: 'The demo was not finished.', goesOn: false });
  try {
    const url = await server.listen();
    out.say(`Live page, while this runs: ${url}`);
    const video = await makeVideo(out, url, folder, options, interrupt.signal);
    const { model } = options;
    const registry = openRegistry(options.models);
    const conditions = QUICK_CONDITIONS;
    const run = { model, conditions, runtime, device, signal: interrupt.signal };
    const probe = await auditWithProgress(out, registry, run);
    const seconds = (performance.now() - started) / 1000;
    out.result(
      { url, seconds, ...video, probe },
      `\n${formatReport(probe, { width: out.width })}\nAll of it took ${duration(seconds)}; the video is ${video.files.video}`,
    );
  } finally {
    interrupt.release();
    await stop(server, dataFolder);
  }
}

/** Submits the job, follows it, and fetches what it made: what any other client of the server does. */
async function makeVideo(out: Output, url: string, folder: string, options: DemoOptions, signal: AbortSignal) {
  const client = openClient(url, {}, {});
  const { model, unit, frames, iterations } = options;
  try {
    const { id } = await client.jobs.submit({ kind: 'video', model, unit, frames, iterations });
    const preview = await Preview.open(out, options.preview);
    const job = await followJob(id, { out, client, preview, signal });
    assertSucceeded(job, undefined);
    await fetchArtifacts(client, id, folder);
  } finally {
    client.close();
  }
  const result = await videoResult(folder);
  out.say(`\n${videoWords(result)}\n`);
  return result;
}

async function stop(server: NeuroreelServer, dataFolder: string): Promise<void> {
  await server.close();
  await rm(dataFolder, { recursive: true, force: true });
}
