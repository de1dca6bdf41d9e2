/** A server as the command line uses it: jobs over HTTP, their progress over the WebSocket stream. */
import { createWriteStream } from 'node:fs';
import { rename, rm } from 'node:fs/promises';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import type { ReadableStream } from 'node:stream/web';
import { WebSocket } from 'ws';
import type { z } from 'zod';
import {
  artifactList,
  errorAnswer,
  jobWithHistory,
  NeuroreelError,
  parseWith,
  serverMessage,
  STREAM_PATH,
  SUBPROTOCOL,
  TOKEN_SUBPROTOCOL_PREFIX,
  type Artifact,
  type ClientMessageInput,
  type Job,
  type JobRequestInput,
  type JobWithHistory,
} from '../../src/protocol/index.js';
import { writing } from './errors.js';
import type { JobListener } from './job-display.js';

export class ServerClient {
  readonly #url: URL;
  readonly #token: string | undefined;

  /** @param url address of the server, for example `http://127.0.0.1:8160/` */
  constructor(url: string, token?: string) {
    this.#url = new URL(url);
    this.#token = token;
  }

  /** Makes a job, or finds the one that the same request made. */
  submit(id: string, request: JobRequestInput): Promise<JobWithHistory> {
    return this.#json(jobWithHistory, 'PUT', `/v1/jobs/${id}`, request);
  }

  job(id: string): Promise<JobWithHistory> {
    return this.#json(jobWithHistory, 'GET', `/v1/jobs/${id}`);
  }

  cancel(id: string): Promise<JobWithHistory> {
    return this.#json(jobWithHistory, 'POST', `/v1/jobs/${id}/cancel`);
  }

  async artifacts(id: string): Promise<Artifact[]> {
    return (await this.#json(artifactList, 'GET', `/v1/jobs/${id}/artifacts`)).artifacts;
  }

  /** Saves an artifact; the file appears when it is complete. */
  async download(artifact: Artifact, path: string): Promise<void> {
    const response = await this.#call('GET', artifact.url);
    const partial = `${path}.part`;
    try {
      await writing(path, async () => {
        await pipeline(Readable.fromWeb(response.body as ReadableStream), createWriteStream(partial));
        await rename(partial, path);
      });
    } catch (error) {
      await rm(partial, { force: true });
      throw error;
    }
  }

  /**
   * Follows a job over the stream until it has ended, well or badly.
   * @throws {NeuroreelError} what the server says; JOB_INTERRUPTED when the connection breaks
   */
  async follow(id: string, listener: JobListener): Promise<Job> {
    const protocols = [SUBPROTOCOL];
    if (this.#token !== undefined) {
      protocols.push(TOKEN_SUBPROTOCOL_PREFIX + Buffer.from(this.#token).toString('base64url'));
    }
    const address = new URL(STREAM_PATH, this.#url);
    address.protocol = address.protocol.replace('http', 'ws');
    const socket = new WebSocket(address, protocols);
    try {
      await untilEnded(socket, id, listener);
    } finally {
      socket.close();
    }
    return this.job(id);
  }

  async #json<S extends z.ZodType>(schema: S, method: string, path: string, body?: unknown): Promise<z.output<S>> {
    const response = await this.#call(method, path, body);
    return parseWith(schema, await response.json(), 'INTERNAL');
  }

  async #call(method: string, path: string, body?: unknown): Promise<Response> {
    const headers: Record<string, string> = {};
    if (body !== undefined) headers['Content-Type'] = 'application/json';
    if (this.#token !== undefined) headers['Authorization'] = `Bearer ${this.#token}`;
    const response = await fetch(new URL(path, this.#url), {
      method,
      headers,
      ...(body !== undefined && { body: JSON.stringify(body) }),
    });
    if (response.ok) return response;
    const { error } = parseWith(errorAnswer, await response.json(), 'INTERNAL');
    throw new NeuroreelError(error.code, error.message, { details: error.details });
  }
}

function untilEnded(socket: WebSocket, id: string, listener: JobListener): Promise<void> {
  return new Promise((resolve, reject) => {
    const fail = (why: string): void =>
      reject(new NeuroreelError('JOB_INTERRUPTED', `The stream of job ${id} broke: ${why}.`));
    socket.on('open', () => socket.send(JSON.stringify({ type: 'subscribe', job: id } satisfies ClientMessageInput)));
    socket.on('error', (error) => fail(error.message));
    socket.on('close', (code) => fail(`closed with ${code}`));
    socket.on('message', (data: Buffer, isBinary) => {
      if (isBinary) return;
      try {
        const message = parseWith(serverMessage, JSON.parse(data.toString()), 'INTERNAL');
        if (message.type === 'state') listener.state(message.job);
        if (message.type === 'progress') listener.progress(message.progress);
        if (message.type === 'ended') resolve();
        if (message.type === 'error') {
          reject(new NeuroreelError(message.error.code, message.error.message, { details: message.error.details }));
        }
      } catch (error) {
        reject(error);
      }
    });
  });
}
