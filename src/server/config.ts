/** What a server can be told: one schema, filled from options and environment variables. */
import { isIP } from 'node:net';
import { delimiter, resolve } from 'node:path';
import { z } from 'zod';
import { memorySize, NeuroreelError, parseWith } from '../protocol/index.js';
import {
  hashToken,
  MAX_TOKEN_LENGTH,
  MIN_TOKEN_LENGTH,
  parseToken,
  readTokensFile,
  SCOPES,
  type TokenHash,
} from './tokens.js';

export const serverConfig = z
  .strictObject({
    host: z.string().min(1).max(255).default('127.0.0.1').describe('Address to listen on.'),
    port: z.int().min(0).max(65535).default(8160).describe('Port to listen on; 0 takes any free one.'),
    dataFolder: z.string().min(1).default('data').describe('Folder for jobs and their artifacts.'),
    modelFolders: z.array(z.string().min(1)).max(100).default([]).describe('More folders with model packages.'),
    clipFolders: z
      .array(z.string().min(1))
      .max(100)
      .default([])
      .describe('Folders whose folders and lists are sets of clips that audits can be run on.'),
    runtime: z.string().min(1).max(50).default('auto').describe('Runtime that computes the steps.'),
    device: z.string().min(1).max(50).default('auto').describe('Device that it computes on.'),
    memory: memorySize.default('50%').describe('Memory that a job may take.'),
    token: z
      .string()
      .min(MIN_TOKEN_LENGTH, 'expected at least 16 characters')
      .max(MAX_TOKEN_LENGTH)
      .optional()
      .describe('Secret that clients must send, which allows everything; needed to listen beyond this machine.'),
    moreTokens: z
      .array(z.strictObject({ scope: z.enum(SCOPES), sha256: z.string().regex(/^[0-9a-f]{64}$/) }))
      .max(1000)
      .default([])
      .describe('Hashes of more tokens, each with what it may do.'),
    tokensFile: z
      .string()
      .min(1)
      .optional()
      .describe('File of tokens: a line each, `scope:token` or `scope:sha256:HEX`.'),
    insecure: z
      .boolean()
      .default(false)
      .describe('Listen beyond this machine without a token, so that anybody who can reach it may use it.'),
    allowedHosts: z
      .array(z.string().min(1).max(255))
      .max(100)
      .default([])
      .describe('Host names to answer for, besides localhost and addresses of this machine.'),
    allowedOrigins: z
      .array(z.url().max(255))
      .max(100)
      .default([])
      .describe("Origins of web pages that may use the server, besides the server's own."),
    queueLimit: z.int().min(1).max(100_000).default(100).describe('Jobs that may wait.'),
    bodyLimitBytes: z
      .int()
      .min(1024)
      .max(64 * 1024 * 1024)
      .default(64 * 1024)
      .describe('Largest body of a request.'),
    uploadLimitBytes: z
      .int()
      .min(1024)
      .max(64 * 1024 ** 3)
      .default(2 * 1024 ** 3)
      .describe('Largest model package that can be uploaded.'),
    maxRequestsPerMinute: z
      .int()
      .min(1)
      .max(10_000_000)
      .default(6000)
      .describe('Requests that one address may send within a minute.'),
    maxWrongTokensPerMinute: z
      .int()
      .min(1)
      .max(1_000_000)
      .default(30)
      .describe('Wrong tokens that one address may send within a minute.'),
    maxConnections: z.int().min(1).max(100_000).default(512).describe('WebSocket connections at a time.'),
    maxSubscriptions: z.int().min(1).max(10_000).default(64).describe('Jobs that one connection may watch.'),
    maxBacklogBytes: z
      .int()
      .min(16 * 1024)
      .default(1024 * 1024)
      .describe('A viewer for whom more than this piles up unread is hung up on.'),
    maxMessagesPerSecond: z
      .number()
      .min(1)
      .max(1_000_000)
      .default(500)
      .describe('Messages a second that a connection may send in the long run.'),
    heartbeatSeconds: z.number().min(0.01).max(3600).default(15).describe('Time between pings of a connection.'),
    cancelGraceSeconds: z
      .number()
      .min(0)
      .max(3600)
      .default(60)
      .describe('A cancelled job whose step takes longer than this is stopped by force.'),
    checkpointSeconds: z
      .number()
      .min(0.01)
      .max(3600)
      .default(10)
      .describe('Time between checkpoints of a running job: what a crash costs at most.'),
    stallSeconds: z
      .number()
      .min(0.1)
      .max(86_400)
      .default(600)
      .describe('A worker that shows no sign of life for longer is replaced.'),
    retentionDays: z.number().gt(0).max(36_500).optional().describe('Jobs that ended longer ago are removed.'),
    retentionSize: memorySize
      .refine((size) => !size.endsWith('%'), 'expected bytes, not a share')
      .optional()
      .describe('While artifacts take more, the jobs that ended first are removed.'),
    allowPrivateWebhooks: z
      .boolean()
      .default(false)
      .describe('Whether webhooks may go to this machine and to private networks.'),
    logLevel: z
      .enum(['silent', 'fatal', 'error', 'warn', 'info', 'debug', 'trace'])
      .default('info')
      .describe('Least important messages to log (as JSON lines on standard error).'),
  })
  .describe('Configuration of the server.');

/** As a server works with it: of the tokens only the hashes are left. */
export type ServerConfig = Omit<z.output<typeof serverConfig>, 'token' | 'moreTokens' | 'tokensFile'> & {
  readonly tokens: readonly TokenHash[];
};
/** As given by callers: what is absent gets its default. */
export type ServerConfigInput = z.input<typeof serverConfig>;

const LOOPBACK_NAMES = ['localhost', '127.0.0.1', '::1'];

export function isLoopback(host: string): boolean {
  return LOOPBACK_NAMES.includes(host) || (isIP(host) === 4 && host.startsWith('127.'));
}

/**
 * Fills in defaults and checks what belongs together.
 * @throws {NeuroreelError} CONFIG_INVALID; BIND_NEEDS_TOKEN when `host` is not loopback, and there is no token and no
 *   `insecure`
 */
export function resolveConfig(input: ServerConfigInput): ServerConfig {
  const { token, moreTokens, tokensFile, ...config } = parseWith(serverConfig, input, 'CONFIG_INVALID');
  const tokens: TokenHash[] = [
    ...(token === undefined ? [] : [{ scope: 'admin' as const, sha256: hashToken(token) }]),
    ...moreTokens,
    ...(tokensFile === undefined ? [] : readTokensFile(tokensFile)),
  ];
  if (!isLoopback(config.host) && tokens.length === 0 && !config.insecure) {
    throw new NeuroreelError('BIND_NEEDS_TOKEN', `Listening on ${config.host} needs a token.`);
  }
  return {
    ...config,
    tokens,
    dataFolder: resolve(config.dataFolder),
    modelFolders: config.modelFolders.map((f) => resolve(f)),
    clipFolders: config.clipFolders.map((f) => resolve(f)),
  };
}

function numberFrom(name: string, text: string): number {
  const value = Number(text);
  if (text.trim() === '' || !Number.isFinite(value)) {
    throw new NeuroreelError('CONFIG_INVALID', `${name}: expected a number, got ${JSON.stringify(text)}.`);
  }
  return value;
}

const list = (_: string, text: string): string[] => text.split(',').flatMap((part) => part.trim() || []);
const text = (_: string, value: string): string => value;

/** Environment variables of the server, and how each is read. */
const VARIABLES: Readonly<
  Record<string, { field: keyof ServerConfigInput; read: (name: string, text: string) => unknown }>
> = {
  NEUROREEL_HOST: { field: 'host', read: text },
  NEUROREEL_PORT: { field: 'port', read: numberFrom },
  NEUROREEL_DATA: { field: 'dataFolder', read: text },
  NEUROREEL_MODELS: { field: 'modelFolders', read: (_, value) => value.split(delimiter).filter((part) => part !== '') },
  NEUROREEL_CLIPS: { field: 'clipFolders', read: (_, value) => value.split(delimiter).filter((part) => part !== '') },
  NEUROREEL_RUNTIME: { field: 'runtime', read: text },
  NEUROREEL_DEVICE: { field: 'device', read: text },
  NEUROREEL_MEMORY: { field: 'memory', read: text },
  NEUROREEL_TOKEN: { field: 'token', read: text },
  NEUROREEL_TOKENS: {
    field: 'moreTokens',
    read: (name, value) => list(name, value).map((part) => parseToken(part, name)),
  },
  NEUROREEL_TOKENS_FILE: { field: 'tokensFile', read: text },
  NEUROREEL_ALLOWED_HOSTS: { field: 'allowedHosts', read: list },
  NEUROREEL_ALLOWED_ORIGINS: { field: 'allowedOrigins', read: list },
  NEUROREEL_QUEUE_LIMIT: { field: 'queueLimit', read: numberFrom },
  NEUROREEL_CHECKPOINT_SECONDS: { field: 'checkpointSeconds', read: numberFrom },
  NEUROREEL_STALL_SECONDS: { field: 'stallSeconds', read: numberFrom },
  NEUROREEL_RETENTION_DAYS: { field: 'retentionDays', read: numberFrom },
  NEUROREEL_RETENTION_SIZE: { field: 'retentionSize', read: text },
  NEUROREEL_ALLOW_PRIVATE_WEBHOOKS: {
    field: 'allowPrivateWebhooks',
    read: (_, value) => /^(1|true|yes)$/i.test(value),
  },
  NEUROREEL_LOG: { field: 'logLevel', read: text },
};

/**
 * The options that the environment sets; empty variables count as unset.
 * @throws {NeuroreelError} CONFIG_INVALID when a number is none
 */
export function configFromEnvironment(env: Readonly<Record<string, string | undefined>>): ServerConfigInput {
  const entries = Object.entries(VARIABLES).flatMap(([name, { field, read }]) => {
    const value = env[name];
    return value === undefined || value === '' ? [] : [[field, read(name, value)] as const];
  });
  return Object.fromEntries(entries);
}
