/**
 * Text messages of the WebSocket stream `/v1/stream`, subprotocol `neuroreel.v1`. Binary messages are frames: see
 * `frame-header.ts`.
 */
import { z } from 'zod';
import { errorBody } from './http.js';
import { activationHistory, job, jobId, jobProgress, jobState, MAX_FRAMES } from './jobs.js';

export const STREAM_PATH = '/v1/stream';
export const SUBPROTOCOL = 'neuroreel.v1';
/** A token may be offered as a second subprotocol: this prefix and the token in base64url. */
export const TOKEN_SUBPROTOCOL_PREFIX = 'neuroreel.token.';

/** Largest message that a client may send, in bytes. */
export const MAX_MESSAGE_BYTES = 64 * 1024;

/** Close codes that the server uses (RFC 6455 and the IANA registry). */
export const CLOSE = { goingAway: 1001, messageTooLarge: 1009, tooSlow: 1013 } as const;

export const frameView = z
  .strictObject({
    view: z
      .enum(['play', 'frame', 'sheet'])
      .default('play')
      .describe('`play`: the frames in turn; `frame`: one of them; `sheet`: all of them tiled in one picture.'),
    index: z
      .int()
      .min(0)
      .max(MAX_FRAMES - 1)
      .optional()
      .describe('View `frame`: which one (0, the first, when absent).'),
    maxFps: z
      .number()
      .min(0.1)
      .max(60)
      .optional()
      .describe('Send at most so many a second; for `play` also the speed at which the frames go by (12).'),
    quality: z.int().min(1).max(100).default(80).describe('JPEG quality.'),
    width: z
      .int()
      .min(8)
      .max(4096)
      .optional()
      .describe('Width of a frame (of a tile, for a sheet) in pixels; as the model has it when absent.'),
  })
  .describe('Which frames a viewer wants.');
export type FrameView = z.output<typeof frameView>;

const subscribe = z
  .strictObject({
    type: z.literal('subscribe'),
    job: jobId,
    frames: frameView.optional().describe('Absent: no frames, only state and progress.'),
  })
  .describe('Watch a job. The answer is a `state` message; subscribing again changes the view.');

const unsubscribe = z
  .strictObject({ type: z.literal('unsubscribe'), job: jobId })
  .describe('Stop watching a job. Has no answer.');

export const clientMessage = z.discriminatedUnion('type', [subscribe, unsubscribe], {
  error: (issue) => (issue.code === 'invalid_union' ? "expected one of 'subscribe', 'unsubscribe'" : undefined),
});
export type ClientMessage = z.output<typeof clientMessage>;
/** A message as clients send it: fields with a default may be absent. */
export type ClientMessageInput = z.input<typeof clientMessage>;

const hello = z
  .strictObject({
    type: z.literal('hello'),
    protocol: z.literal(SUBPROTOCOL),
    server: z.string().describe('Name and version of the server.'),
    maxMessageBytes: z.int().describe('Largest message that the server takes.'),
    heartbeatSeconds: z.number().describe('The server pings so often, and hangs up after two pings without a pong.'),
  })
  .describe('The first message of every connection.');

const state = z
  .strictObject({
    type: z.literal('state'),
    stream: z.int().min(1).describe("Number of the subscription, as in its frames' headers."),
    job,
    history: activationHistory.optional().describe('Only in the answer to `subscribe`: the activations so far.'),
  })
  .describe('The answer to `subscribe`, and after that each change of state.');

const progress = z
  .strictObject({
    type: z.literal('progress'),
    stream: z.int().min(1),
    job: jobId,
    progress: jobProgress,
    dropped: z.int().min(0).describe('Frames that this viewer read too slowly to get, since it subscribed.'),
  })
  .describe('An iteration is done, or frames were encoded.');

const ended = z
  .strictObject({
    type: z.literal('ended'),
    stream: z.int().min(1),
    job: jobId,
    state: jobState,
    dropped: z.int().min(0),
  })
  .describe('The last message about a job; the subscription is over.');

const error = z
  .strictObject({
    type: z.literal('error'),
    job: jobId.optional().describe('The job that it is about, when it is about one.'),
    error: errorBody,
  })
  .describe('A message could not be honoured. The connection goes on unless a close follows.');

export const serverMessage = z.discriminatedUnion('type', [hello, state, progress, ended, error]);
export type ServerMessage = z.output<typeof serverMessage>;
