/** Jobs over HTTP. */
import type { Artifact, JobWithHistory } from '../../src/protocol/index.js';
import { ClientError } from './errors.js';
import { queryOf, type Http } from './http.js';
import type { JobFilter, JobPage, JobSubmission, Steering } from './types.js';

export interface SubmitOptions {
  /** Id of your choice; the server's when absent. The same request under the same id is the same job. */
  readonly id?: string;
  /** The same key with the same request is the same job; only without `id`. A new one for each call when absent. */
  readonly idempotencyKey?: string;
  readonly signal?: AbortSignal;
}

interface Abortable {
  readonly signal?: AbortSignal;
}

/** Waits before a submission that got no answer is sent again, milliseconds. */
const SUBMIT_WAITS_MS = [300, 1000];

/** 128 random bits; randomUUID is not there on pages without TLS. */
function newKey(): string {
  const bytes = crypto.getRandomValues(new Uint8Array(16));
  return [...bytes].map((byte) => byte.toString(16).padStart(2, '0')).join('');
}

const sleep = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));
const jobPath = (id: string, rest = ''): string => `/v1/jobs/${encodeURIComponent(id)}${rest}`;

export class Jobs {
  readonly #http: Http;

  constructor(http: Http) {
    this.#http = http;
  }

  /**
   * Submits a job. When no answer comes, the same is sent again twice: that is safe, since the id or the key makes it
   * the same job.
   * @throws {ClientError} REQUEST_INVALID, MODEL_UNKNOWN, QUEUE_FULL, JOB_ID_TAKEN, ...
   */
  async submit(request: JobSubmission, options: SubmitOptions = {}): Promise<JobWithHistory> {
    const { id, idempotencyKey = newKey(), signal } = options;
    const [method, path] = id === undefined ? ['POST', '/v1/jobs'] : ['PUT', jobPath(id)];
    const headers: Record<string, string> = id === undefined ? { 'Idempotency-Key': idempotencyKey } : {};
    for (let attempt = 0; ; attempt++) {
      try {
        return await this.#http.json(method, path, { body: request, headers, ...(signal && { signal }) });
      } catch (error) {
        const wait = SUBMIT_WAITS_MS[attempt];
        if (wait === undefined || !(error instanceof ClientError) || error.code !== 'SERVER_UNREACHABLE') throw error;
        await sleep(wait);
        signal?.throwIfAborted();
      }
    }
  }

  /** A job, with its activations so far. */
  get(id: string, options: Abortable = {}): Promise<JobWithHistory> {
    return this.#http.json('GET', jobPath(id), options);
  }

  /** One part of the list of jobs, newest first. */
  list(filter: JobFilter = {}, options: Abortable = {}): Promise<JobPage> {
    return this.#http.json('GET', `/v1/jobs${queryOf({ ...filter })}`, options);
  }

  /** All jobs that fit, newest first, fetched part by part as they are asked for. */
  async *all(filter: JobFilter = {}, options: Abortable = {}): AsyncGenerator<JobPage['jobs'][number], void, void> {
    let cursor = filter.cursor;
    do {
      const page: JobPage = await this.list({ ...filter, ...(cursor !== undefined && { cursor }) }, options);
      yield* page.jobs;
      cursor = page.next ?? undefined;
    } while (cursor !== undefined);
  }

  /** Cancels a job; of one that has ended already, says how. */
  cancel(id: string): Promise<JobWithHistory> {
    return this.#http.json('POST', jobPath(id, '/cancel'));
  }

  /** @throws {ClientError} JOB_STATE_CONFLICT */
  pause(id: string): Promise<JobWithHistory> {
    return this.#http.json('POST', jobPath(id, '/pause'));
  }

  /** @throws {ClientError} JOB_STATE_CONFLICT */
  resume(id: string): Promise<JobWithHistory> {
    return this.#http.json('POST', jobPath(id, '/resume'));
  }

  /** Puts a failed or cancelled job back into the queue. @throws {ClientError} JOB_STATE_CONFLICT */
  retry(id: string): Promise<JobWithHistory> {
    return this.#http.json('POST', jobPath(id, '/retry'));
  }

  /** Changes a job from its next iteration on. @throws {ClientError} STEER_UNSUPPORTED, JOB_STATE_CONFLICT */
  steer(id: string, changes: Steering): Promise<JobWithHistory> {
    return this.#http.json('POST', jobPath(id, '/steer'), { body: changes });
  }

  /** Deletes a job that has ended, and all that it left. @throws {ClientError} JOB_STATE_CONFLICT */
  async delete(id: string): Promise<void> {
    await this.#http.call('DELETE', jobPath(id));
  }

  /** The files that a job left. */
  async artifacts(id: string, options: Abortable = {}): Promise<Artifact[]> {
    return (await this.#http.json<{ artifacts: Artifact[] }>('GET', jobPath(id, '/artifacts'), options)).artifacts;
  }

  /**
   * A file of a job, as the answer of the server: `.blob()`, `.json()`, `.body` as a stream.
   * @param range bytes from (inclusive) and to (inclusive), for a part of it
   * @throws {ClientError} ARTIFACT_UNKNOWN, RANGE_UNSATISFIABLE
   */
  artifact(id: string, name: string, options: Abortable & { range?: [number, number] } = {}): Promise<Response> {
    const { range, signal } = options;
    return this.#http.call('GET', jobPath(id, `/artifacts/${encodeURIComponent(name)}`), {
      ...(range && { headers: { Range: `bytes=${range[0]}-${range[1]}` } }),
      ...(signal && { signal }),
    });
  }

  /** Address of a file of a job, for links and `<video>`; of a server that asks for a token, fetch it instead. */
  artifactAddress(id: string, name: string): string {
    return this.#http.address(jobPath(id, `/artifacts/${encodeURIComponent(name)}`)).href;
  }

  /** Address of a small picture of what a job left. */
  thumbnailAddress(id: string): string {
    return this.#http.address(jobPath(id, '/thumbnail.webp')).href;
  }

  /** Address of the MP4 of how a job evolved, if its request had `keyframeEvery`. @param frame absent: all, tiled */
  replayAddress(id: string, { rate, frame }: { rate?: number; frame?: number } = {}): string {
    const url = this.#http.address(jobPath(id, '/replay.mp4'));
    if (rate !== undefined) url.searchParams.set('rate', String(rate));
    if (frame !== undefined) url.searchParams.set('frame', String(frame));
    return url.href;
  }
}
