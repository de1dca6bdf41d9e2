/** `neuroreel jobs`: the jobs of a server: lists them, shows one, and tells it what to do with them. */
import { InvalidArgumentError, type Command } from 'commander';
import { JOB_KINDS, jobState, type JobKind, type JobState } from '../../../src/protocol/index.js';
import type { NeuroreelClient } from '../../js/index.js';
import { action } from '../command.js';
import { jobInFull, jobTable } from '../job-words.js';
import { examples, type GlobalOptions } from '../options.js';
import { names, whole } from '../option-values.js';
import type { Output } from '../output.js';
import { openClient, serverAddress, serverOptions, USUAL_SERVER, type ServerOptions } from '../server-options.js';

type Options = GlobalOptions & ServerOptions;

interface ListOptions extends Options {
  readonly state?: JobState[];
  readonly kind?: JobKind[];
  readonly model?: string;
  readonly text?: string;
  readonly batch?: string;
  readonly limit: number;
}

/** What can be done to jobs; each is a command of its name that takes ids. */
const DEEDS: Readonly<
  Record<string, readonly [does: string, done: string, act: (client: NeuroreelClient, id: string) => Promise<unknown>]>
> = {
  cancel: ['cancel jobs', 'is cancelled', (client, id) => client.jobs.cancel(id)],
  pause: ['hold jobs', 'is paused', (client, id) => client.jobs.pause(id)],
  resume: ['let paused jobs go on', 'goes on', (client, id) => client.jobs.resume(id)],
  retry: ['put failed or cancelled jobs back into the queue', 'is queued again', (client, id) => client.jobs.retry(id)],
  delete: ['delete jobs that have ended, and all that they left', 'is deleted', (client, id) => client.jobs.delete(id)],
};

/** Names out of a list, with commas between them. */
function oneOf<T extends string>(known: readonly T[]) {
  return (text: string, before?: string[]): T[] => {
    const given = names(text, before);
    const wrong = given.find((name) => !(known as readonly string[]).includes(name));
    if (wrong === undefined) return given as T[];
    throw new InvalidArgumentError(`${wrong} is none of ${known.join(', ')}.`);
  };
}

const usual = `default: ${USUAL_SERVER}`;

export function define(command: Command): void {
  serverOptions(
    command
      .option('--state <list>', `only jobs in these states: ${jobState.options.join(', ')}`, oneOf(jobState.options))
      .option('--kind <list>', `only jobs of these kinds: ${JOB_KINDS.join(', ')}`, oneOf(JOB_KINDS))
      .option('--model <name>', 'only jobs of this model')
      .option('--text <text>', 'only jobs whose id or request has this text')
      .option('--batch <job>', 'the jobs of this batch; `any`: those of all batches, too')
      .option('--limit <n>', 'jobs at most', whole(1, 100_000), 50),
    usual,
  ).action(action(list));
  examples(command, [
    ['the newest jobs', 'neuroreel jobs'],
    ['those that failed, for a script', "neuroreel jobs --state failed --json | jq -r '.jobs[].id'"],
    ['one in full', 'neuroreel jobs show JOB'],
    ['of another server', 'neuroreel jobs --state running,queued --server http://gpu.example:8160/'],
    ['all that failed once more', "neuroreel jobs retry $(neuroreel jobs --state failed --json | jq -r '.jobs[].id')"],
  ]);
  defineShow(command.command('show <job>'));
  for (const [name, [does]] of Object.entries(DEEDS)) defineDeed(command.command(`${name} <jobs...>`), name, does);
}

function defineShow(command: Command): void {
  serverOptions(command.description('a job in full: request, progress, error, files'), usual).action(action(show));
  examples(command, [
    ['a job', 'neuroreel jobs show JOB'],
    ['its activations, for a script', 'neuroreel jobs show JOB --json | jq .job.history'],
  ]);
}

function defineDeed(command: Command, name: string, does: string): void {
  serverOptions(command.description(does), usual).action(
    action((out: Output, options: Options, ...operands) => perform(out, options, name, operands.flat() as string[])),
  );
  examples(command, [[does, `neuroreel jobs ${name} JOB`]]);
}

async function withClient<T>(options: ServerOptions, work: (client: NeuroreelClient) => Promise<T>): Promise<T> {
  const client = openClient(serverAddress(options) ?? USUAL_SERVER, options);
  try {
    return await work(client);
  } finally {
    client.close();
  }
}

async function list(out: Output, options: ListOptions): Promise<void> {
  const { state, kind, model, text, batch, limit } = options;
  const filter = {
    ...(state && { state }),
    ...(kind && { kind }),
    ...(model !== undefined && { model }),
    ...(text !== undefined && { text }),
    ...(batch !== undefined && { parent: batch }),
  };
  const jobs = await withClient(options, async (client) => {
    const found = [];
    for await (const job of client.jobs.all({ ...filter, limit: Math.min(limit, 200) })) {
      if (found.length === limit) break;
      found.push(job);
    }
    return found;
  });
  out.result({ jobs }, jobTable(jobs));
}

async function show(out: Output, options: Options, id?: string): Promise<void> {
  await withClient(options, async (client) => {
    const job = await client.jobs.get(id!);
    const artifacts = job.state === 'succeeded' ? await client.jobs.artifacts(id!) : [];
    out.result({ job, artifacts }, jobInFull(job, artifacts));
  });
}

/** One after the other; the first that cannot be done ends it. */
async function perform(out: Output, options: Options, name: string, ids: readonly string[]): Promise<void> {
  const [, done, act] = DEEDS[name]!;
  await withClient(options, async (client) => {
    const jobs: unknown[] = [];
    for (const id of ids) {
      jobs.push((await act(client, id)) ?? { id });
      out.say(`Job ${id} ${done}.`);
    }
    if (out.json) out.result({ jobs }, '');
  });
}
