/**
 * The SDK of neuroreel for Node (20.9 or later) and browsers: `import { NeuroreelClient } from 'neuroreel/client'`.
 *
 * Public is what this file exports, and nothing else: `NeuroreelClient` with its `jobs`, `models`, `watch`, `frames`,
 * `events` and `wait`; `Watch`; `Frame` and the helpers that decode it; `ClientError`; the types of the protocol.
 * docs/sdk-javascript.md shows it at work. It imports no package in a browser; in Node `ws` where there is no global
 * WebSocket (before Node 22), and `sharp` when pictures are decoded.
 */
export { NeuroreelClient, type ClientOptions } from './client.js';
export { tileOf, type Pixels } from './decode.js';
export { ClientError } from './errors.js';
export { Frame } from './frame.js';
export type { CallOptions, HttpOptions } from './http.js';
export type { Jobs, SubmitOptions } from './jobs.js';
export type { Models } from './models.js';
export type { ReconnectOptions } from './stream/backoff.js';
export type { Watch, WatchOptions } from './stream/watch.js';
export type * from './types.js';
export { decodeFrame } from '../../src/protocol/frame-header.js';
export { FINAL_STATES, isFinal, SUBPROTOCOL } from '../../src/protocol/wire.js';
