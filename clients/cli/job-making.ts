/** Has a job done, here or by a server, with the same flags and the same files either way. */
import type { ModelRegistry } from '../../src/engine/models/registry.js';
import { parseWith, jobRequest, type JobRequestInput } from '../../src/protocol/index.js';
import { findFfmpeg } from '../../src/video/ffmpeg-binary.js';
import type { NeuroreelClient } from '../js/index.js';
import { runEmbedded } from './embedded.js';
import { onInterrupt } from './interrupt.js';
import { commandLine, quoted } from './invocation.js';
import { JobDisplay } from './job-display.js';
import { assertSucceeded } from './job-result.js';
import type { ComputeOptions, PreviewOptions } from './options.js';
import type { Output } from './output.js';
import { Preview } from './preview/preview.js';
import { fetchArtifacts, followJob, setAside } from './server-job.js';
import { openClient, refuseWithServer, serverAddress, type ServerOptions } from './server-options.js';
import { memoryChoice, openRegistry, runtimeChoice } from './settings.js';

export type MakingOptions = ComputeOptions & ServerOptions & Partial<PreviewOptions>;

export interface Making {
  /** What is made, a word: `video`. */
  readonly what: string;
  /** Makes the request; gets the labels of a model. */
  readonly request: (labelsOf: LabelsOf) => Promise<JobRequestInput> | JobRequestInput;
  /** Folder for the files. */
  readonly folder: string;
  readonly options: MakingOptions;
}

/** The labels of a model; none where there is no such model, which the job finds out. */
export type LabelsOf = (model: string) => Promise<readonly string[]> | readonly string[];

/** Digits are an index, unless they are a label. */
export function unitOf(text: string, labels: readonly string[]): number | string {
  return /^\d+$/.test(text) && !labels.includes(text) ? Number(text) : text;
}

/** Makes what the request asks for; its files are in the folder then. @throws {NeuroreelError} */
export async function makeJob(out: Output, making: Making): Promise<void> {
  const address = serverAddress(making.options);
  if (address === undefined) return makeHere(out, making);
  refuseWithServer(making.options, ['models', 'runtime', 'threads', 'memory']);
  const client = openClient(address, making.options);
  try {
    await makeThere(out, making, client);
  } finally {
    client.close();
  }
}

async function makeHere(out: Output, { what, request, folder, options }: Making): Promise<void> {
  const models = openRegistry(options.models);
  const asked = parseWith(jobRequest, await request((model) => labelsIn(models, model)));
  const settings = {
    ...{ modelFolders: models.folders, threads: options.threads, memory: memoryChoice(options.memory) },
    ...runtimeChoice(options),
  };
  if (asked.kind === 'video') await findFfmpeg();
  const preview = await Preview.open(out, options.preview ?? 'none');
  const message = `The ${what} was not finished; what it reached is kept.`;
  const interrupt = onInterrupt(out, { message, goesOn: true });
  const listener = new JobDisplay(out);
  try {
    await runEmbedded({
      ...{ request: asked, models, settings, folder, listener, preview, signal: interrupt.signal },
      onResumed: () => out.note(`The ${what} goes on where it was interrupted.`),
    });
  } finally {
    interrupt.release();
    listener.end();
  }
}

const labelsIn = (models: ModelRegistry, name: string): readonly string[] =>
  models.list().find((model) => model.name === name)?.labels ?? [];

async function makeThere(
  out: Output,
  { what, request, folder, options }: Making,
  client: NeuroreelClient,
): Promise<void> {
  const labelsOf: LabelsOf = async (name) =>
    (await client.models.list()).find((one) => one.name === name)?.labels ?? [];
  const asked = await request(labelsOf);
  const preview = await Preview.open(out, options.preview ?? 'none');
  const { id, state } = await client.jobs.submit({
    ...asked,
    ...(options.device && { device: options.device }),
  } as never);
  const again = `${commandLine(['watch', id, '--resume', '--out', folder, '--server'])} ${quoted(client.url)}`;
  const message = `The ${what} was not finished; the server keeps job ${id}.`;
  const interrupt = onInterrupt(out, { message, goesOn: true, command: again });
  out.note(`Job ${id} is ${state} at ${client.url}`);
  try {
    const job = await followJob(id, { out, client, preview, signal: interrupt.signal });
    assertSucceeded(job, undefined);
    await fetchArtifacts(client, id, folder);
  } catch (error) {
    if (interrupt.signal.aborted) await setAside(client, id);
    throw error;
  } finally {
    interrupt.release();
  }
}
