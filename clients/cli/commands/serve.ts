/** `neuroreel serve`: the server, until it is told to stop. */
import { Option, type Command } from 'commander';
import { closeOnSignals, configFromEnvironment, createServer } from '../../../src/server/index.js';
import { action } from '../command.js';
import {
  deviceOption,
  examples,
  memoryOption,
  modelFolderOption,
  runtimeOption,
  type GlobalOptions,
} from '../options.js';
import { number } from '../option-values.js';
import type { Output } from '../output.js';
import { moreModelFolders, openRegistry, memoryChoice, runtimeChoice } from '../settings.js';

interface ServeOptions extends GlobalOptions {
  readonly host?: string;
  readonly port?: number;
  readonly data?: string;
  readonly models?: string[];
  readonly token?: string;
  readonly tokensFile?: string;
  readonly insecure?: boolean;
  readonly runtime?: string;
  readonly device?: string;
  readonly memory?: string;
  readonly log?: string;
  readonly checkpointSeconds?: number;
  readonly stallSeconds?: number;
  readonly retentionDays?: number;
  readonly retentionSize?: string;
  readonly allowPrivateWebhooks?: boolean;
}

export function define(command: Command): void {
  command
    .addOption(new Option('--host <address>', 'address to listen on (NEUROREEL_HOST; default 127.0.0.1)'))
    .addOption(
      new Option('--port <n>', 'port to listen on, 0 for any free one (NEUROREEL_PORT; default 8160)').argParser(
        number,
      ),
    )
    .addOption(new Option('--data <folder>', 'folder for jobs and what they make (NEUROREEL_DATA; default data)'))
    .addOption(modelFolderOption())
    .addOption(new Option('--token <secret>', 'secret that clients must send (NEUROREEL_TOKEN)'))
    .addOption(
      new Option('--tokens-file <path>', 'tokens with scopes, a line each: scope:token (NEUROREEL_TOKENS_FILE)'),
    )
    .addOption(new Option('--insecure', 'listen beyond this machine without a token: anybody may use the server'))
    .addOption(runtimeOption())
    .addOption(deviceOption())
    .addOption(memoryOption())
    .addOption(
      new Option(
        '--checkpoint-seconds <n>',
        'time between checkpoints of a job (NEUROREEL_CHECKPOINT_SECONDS; default 10)',
      ).argParser(number),
    )
    .addOption(
      new Option(
        '--stall-seconds <n>',
        'replace a worker without a sign of life (NEUROREEL_STALL_SECONDS; default 600)',
      ).argParser(number),
    )
    .addOption(
      new Option('--retention-days <n>', 'remove jobs that ended longer ago (NEUROREEL_RETENTION_DAYS)').argParser(
        number,
      ),
    )
    .addOption(
      new Option('--retention-size <size>', 'remove the oldest jobs beyond this, like 20G (NEUROREEL_RETENTION_SIZE)'),
    )
    .addOption(new Option('--allow-private-webhooks', 'webhooks may go to this machine and to private networks'))
    .addOption(new Option('--log <level>', 'least important messages to log (NEUROREEL_LOG; default info)'))
    .action(action(serve));
  examples(command, [
    ['on this machine only, page at http://127.0.0.1:8160/', 'neuroreel serve'],
    ['on any free port, with models of your own', 'neuroreel serve --port 0 --models ~/models'],
    [
      'for the network; clients need the token',
      'NEUROREEL_TOKEN=$(openssl rand -hex 16) neuroreel serve --host 0.0.0.0',
    ],
  ]);
}

async function serve(out: Output, options: ServeOptions): Promise<void> {
  const { host, port, data, models, token, tokensFile, insecure, log } = options;
  const { checkpointSeconds, stallSeconds, retentionDays, retentionSize, allowPrivateWebhooks } = options;
  const environment = configFromEnvironment(process.env);
  const { runtime, device } = runtimeChoice(options);
  const memory = memoryChoice(options.memory);
  const given = Object.entries({
    ...{ memory, host, port, dataFolder: data, token, tokensFile, insecure, logLevel: log },
    ...{ checkpointSeconds, stallSeconds, retentionDays, retentionSize, allowPrivateWebhooks },
  }).filter(([, value]) => value !== undefined);
  const server = await createServer({
    ...(out.quiet && { logLevel: 'warn' as const }),
    ...environment,
    ...Object.fromEntries(given),
    modelFolders: moreModelFolders(models),
    runtime,
    device,
  });
  closeOnSignals(server);
  const url = await server.listen().catch(async (error: unknown) => {
    await server.close();
    throw error;
  });
  for (const { name, error } of openRegistry(models).problems())
    out.note(`Model ${name} is left out: ${error.message}`);
  const { dataFolder, modelFolders } = server.config;
  out.result({ url, pid: process.pid, dataFolder, modelFolders }, `neuroreel is at ${url}`);
}
