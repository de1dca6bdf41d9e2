/** Bodies of HTTP answers that belong to no other file: errors, health, models, tickets. */
import { z } from 'zod';
import { ERRORS, type ErrorCode } from './errors.js';
import { SUBPROTOCOL } from './wire.js';

const errorCode = z
  .enum(Object.keys(ERRORS) as [ErrorCode, ...ErrorCode[]])
  .describe('Stable code; docs/errors.md lists them all.');

export const errorBody = z
  .strictObject({
    code: errorCode,
    message: z.string().describe('What is wrong this time.'),
    remedy: z.string().describe('What to do.'),
    details: z.unknown().optional().describe('More for programs; depends on the code.'),
  })
  .describe('An error as every part of neuroreel reports it.');
export type ErrorBody = z.output<typeof errorBody>;

export const errorAnswer = z.strictObject({ error: errorBody });

export const modelSummary = z
  .object({
    name: z.string().describe('Name of the model package.'),
    kind: z.enum(['recogniser', 'prior', 'classifier']).describe('What it does.'),
    title: z.string().describe('One line for people.'),
    labels: z.array(z.string()).describe('Labels of its units, by index; empty for a prior.'),
    input: z.object({ width: z.int(), height: z.int() }).loose().describe('Size of a frame in pixels.'),
    licence: z.string().describe('Licence of the weights.'),
    default: z
      .object({ unit: z.union([z.int(), z.string()]).optional(), prior: z.string().optional() })
      .loose()
      .optional()
      .describe('Unit and prior that a job takes when its request names none.'),
    sha256: z.string().optional().describe('Hash over the package.'),
  })
  .loose()
  .describe('An installed model package.');
export type ModelSummary = z.output<typeof modelSummary>;

export const modelList = z.strictObject({ models: z.array(modelSummary) });

export const health = z
  .strictObject({
    status: z.enum(['ok', 'stopping']),
    version: z.string().describe('Version of neuroreel.'),
    protocol: z.literal(SUBPROTOCOL).describe('Version of the protocol.'),
    uptimeSeconds: z.number(),
    jobs: z.strictObject({ queued: z.int(), active: z.int(), finished: z.int() }),
    viewers: z.int().describe('Open WebSocket connections.'),
    eventLoop: z.strictObject({
      maxPauseMs: z.number().describe("Longest pause of the main thread's event loop since the start, milliseconds."),
      p99PauseMs: z.number().describe('99th percentile of its pauses, milliseconds.'),
    }),
    memoryBytes: z.int().describe('Resident memory of the process.'),
  })
  .describe('How the server is.');
export type Health = z.output<typeof health>;

export const ticket = z
  .strictObject({
    ticket: z.string().describe('Opens one WebSocket as `/v1/stream?ticket=...`.'),
    expiresAt: z.iso.datetime().describe('Until when.'),
  })
  .describe('A ticket for browsers, which cannot send an Authorization header with a WebSocket.');

export const uploadedFile = z
  .strictObject({
    name: z.string().describe('Name of the package.'),
    path: z.string().describe('Path within it.'),
    bytes: z.int().min(0),
    sha256: z.string().describe('SHA-256 of what arrived, hexadecimal.'),
  })
  .describe('A file of a model package that has arrived.');
export type UploadedFile = z.output<typeof uploadedFile>;

export const uploadQuery = z.strictObject({
  sha256: z
    .string()
    .regex(/^[0-9a-f]{64}$/, 'expected 64 hexadecimal digits')
    .describe('SHA-256 of the file, hexadecimal.'),
});

export const readiness = z.strictObject({ ready: z.literal(true) }).describe('New work is taken.');

export const replayQuery = z.strictObject({
  rate: z.coerce.number().min(1).max(60).default(8).describe('Kept iterations that are shown a second.'),
  frame: z.coerce
    .number()
    .int()
    .min(0)
    .max(4095)
    .optional()
    .describe('Only this frame; all of them tiled when absent.'),
});
export type ReplayQuery = z.output<typeof replayQuery>;
