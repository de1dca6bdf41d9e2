/**
 * Text messages of the WebSocket stream `/v1/stream`, subprotocol `neuroreel.v1`. Binary messages are frames: see
 * `frame-header.ts`.
 */
import { z } from 'zod';
import { errorBody } from './http.js';
import { activationHistory, job, jobId, jobProgress, jobState, MAX_FRAMES } from './jobs.js';
import { steering } from './steering.js';
import { SUBPROTOCOL } from './wire.js';

/** Largest message that a client may send, in bytes. */
export const MAX_MESSAGE_BYTES = 64 * 1024;

/** Frames in view `strip` at most. */
export const MAX_STRIP = 64;

export const frameView = z
  .strictObject({
    view: z
      .enum(['play', 'frame', 'sheet', 'strip'])
      .default('play')
      .describe(
        '`play`: the frames in turn; `frame`: one of them; `sheet`: all of them tiled in one picture; `strip`: some of ' +
          'them, evenly spaced from the first to the last, side by side.',
      ),
    index: z
      .int()
      .min(0)
      .max(MAX_FRAMES - 1)
      .optional()
      .describe('View `frame`: which one (0, the first, when absent).'),
    count: z.int().min(1).max(MAX_STRIP).optional().describe('View `strip`: how many frames (8 when absent).'),
    format: z
      .enum(['jpeg', 'webp', 'png', 'raw'])
      .default('jpeg')
      .describe('How pictures are encoded; `raw` is RGB bytes, row by row.'),
    maxFps: z
      .number()
      .min(0.1)
      .max(60)
      .optional()
      .describe('Send at most so many a second; for `play` also the speed at which the frames go by (12).'),
    quality: z.int().min(1).max(100).default(80).describe('Quality of JPEG and WebP.'),
    width: z
      .int()
      .min(8)
      .max(4096)
      .optional()
      .describe('Width of a frame (of a tile, for a sheet or strip) in pixels; as the model has it when absent.'),
  })
  .describe('Which frames a viewer wants.');
export type FrameView = z.output<typeof frameView>;

export const MAX_REPLAY_RATE = 60;

const replay = z
  .strictObject({
    rate: z.number().min(0.1).max(MAX_REPLAY_RATE).default(4).describe('Kept iterations that are shown a second.'),
    loop: z.boolean().default(false).describe('Begin again after the last one.'),
  })
  .describe('How the evolution of a job that has ended is played.');
export type ReplayOptions = z.output<typeof replay>;

export const cursor = z
  .string()
  .regex(/^[A-Za-z0-9_-]{1,32}\.[0-9]{1,15}$/, 'expected the `cursor` of an earlier message')
  .describe('A place in the sequence of state changes of a server.');

/** A client may number its messages; what answers one carries the number. */
const re = z.int().min(0).max(0xffffffff).optional().describe('Number of the message, for its answer.');

const subscribe = z
  .strictObject({
    type: z.literal('subscribe'),
    job: jobId,
    frames: frameView.optional().describe('Absent: no frames, only state and progress.'),
    cursor: cursor
      .optional()
      .describe('Of the last message that an earlier connection got: the changes of state since then come first.'),
    replay: replay.optional().describe('Play the evolution of the job, if it has ended and kept one.'),
    re,
  })
  .describe('Watch a job. The answer is a `state` message; subscribing again changes the view.');

const unsubscribe = z
  .strictObject({ type: z.literal('unsubscribe'), job: jobId, re })
  .describe('Stop watching a job. Has no answer.');

const command = <T extends string>(type: T, description: string) =>
  z.strictObject({ type: z.literal(type), job: jobId, re }).describe(`${description} The answer is \`done\`.`);

const pause = command('pause', 'Pause a running job after its step.');
const resume = command('resume', 'Let a paused job go on.');
const cancel = command('cancel', 'Cancel a job.');

const steer = z
  .strictObject({ type: z.literal('steer'), job: jobId, changes: steering, re })
  .describe('Change a running job. The answer is `done`.');

const ping = z
  .strictObject({ type: z.literal('ping'), re })
  .describe('For clients that do not see the pings of WebSocket: is anybody there? The answer is `pong`.');

/** Every message of a client; the type of each is its name in documents and errors. */
export const CLIENT_MESSAGES = { subscribe, unsubscribe, pause, resume, cancel, steer, ping } as const;

export const clientMessage = z.discriminatedUnion(
  'type',
  [subscribe, unsubscribe, pause, resume, cancel, steer, ping],
  {
    error: (issue) =>
      issue.code === 'invalid_union'
        ? `expected one of ${Object.keys(CLIENT_MESSAGES)
            .map((name) => `'${name}'`)
            .join(', ')}`
        : undefined,
  },
);
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
    cursor: cursor.describe('Where the server is now.'),
  })
  .describe('The first message of every connection.');

const state = z
  .strictObject({
    type: z.literal('state'),
    stream: z.int().min(1).describe("Number of the subscription, as in its frames' headers."),
    job,
    cursor,
    history: activationHistory.optional().describe('Only in the answer to `subscribe`: the activations so far.'),
    resumed: z
      .boolean()
      .optional()
      .describe(
        'Only in the answer to a `subscribe` with a cursor. True: the messages before this one brought every change of ' +
          'state since. False: the cursor is too old or of an earlier run of the server; `events` of the job has them.',
      ),
    re,
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
    cursor,
    dropped: z.int().min(0),
  })
  .describe('The last message about a job; the subscription is over.');

const done = z
  .strictObject({
    type: z.literal('done'),
    command: z.enum(['pause', 'resume', 'cancel', 'steer']),
    job: jobId,
    state: jobState.describe('The state of the job when the command was taken.'),
    re,
  })
  .describe('A command was taken. A change of state that it leads to has a message of its own.');

const error = z
  .strictObject({
    type: z.literal('error'),
    job: jobId.optional().describe('The job that it is about, when it is about one.'),
    error: errorBody,
    re,
  })
  .describe('A message could not be honoured. The connection goes on unless a close follows.');

const pong = z.strictObject({ type: z.literal('pong'), re }).describe('The answer to `ping`.');

/** Every message of the server, by its type. */
export const SERVER_MESSAGES = { hello, state, progress, ended, done, pong, error } as const;

export const serverMessage = z.discriminatedUnion('type', [hello, state, progress, ended, done, pong, error]);
export type ServerMessage = z.output<typeof serverMessage>;
