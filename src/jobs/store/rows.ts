/** The tables of jobs, artifacts and deliveries, as functions over one database; all of them are synchronous. */
import {
  isFinal,
  job as jobSchema,
  NeuroreelError,
  parseWith,
  type ActivationHistory,
  type Job,
  type JobQuery,
  type JobState,
} from '../../protocol/index.js';
import type { Db } from './database.js';

/** A job as it is stored: what clients see, and what they do not. */
export interface StoredJob {
  /** Order of submission. */
  readonly seq: number;
  readonly job: Job;
  readonly history: ActivationHistory;
  /** Hash of what was submitted: equal for equal submissions. */
  readonly fingerprint: string;
  /** Key of the webhook's signatures. */
  readonly secret: string | null;
  /** States that the webhook is told of; null for all. */
  readonly states: readonly JobState[] | null;
}

export interface StoredArtifact {
  readonly name: string;
  readonly sha256: string;
  readonly bytes: number;
}

export interface Delivery {
  readonly seq: number;
  readonly job: string;
  readonly url: string;
  readonly secret: string;
  readonly body: string;
  readonly attempts: number;
  readonly due_ms: number;
}

interface JobRow {
  seq: number;
  id: string;
  body: string;
  history: string;
  fingerprint: string;
  secret: string | null;
  states: string | null;
}

/** @throws {NeuroreelError} JOB_RECORD_INVALID */
function fromRow(row: JobRow): StoredJob {
  try {
    return {
      seq: row.seq,
      job: parseWith(jobSchema, JSON.parse(row.body), 'JOB_RECORD_INVALID'),
      history: JSON.parse(row.history) as ActivationHistory,
      fingerprint: row.fingerprint,
      secret: row.secret,
      states: row.states === null ? null : (JSON.parse(row.states) as JobState[]),
    };
  } catch (cause) {
    const message = `The record of job ${row.id} cannot be read: ${(cause as Error).message}`;
    throw new NeuroreelError('JOB_RECORD_INVALID', message, { cause });
  }
}

const COLUMNS = 'seq, id, body, history, fingerprint, secret, states';

/** Name of the model that a request is about; empty where a figure is left to choose. */
export function modelOf(request: Job['request']): string {
  return (request.kind === 'batch' ? request.job.model : request.model) ?? '';
}

export class Rows {
  readonly #db: Db;

  constructor(db: Db) {
    this.#db = db;
  }

  /** Does all of it or nothing; within another such call, it is part of that. */
  together<T>(work: () => T): T {
    if (this.#db.inTransaction) return work();
    return this.#db.transaction(work).immediate();
  }

  /** Adds a job; returns its place in the order. */
  insert({ job, history, fingerprint, secret, states }: Omit<StoredJob, 'seq'>): number {
    const { lastInsertRowid } = this.#db
      .prepare(
        `INSERT INTO jobs (id, parent, kind, model, state, ended_at, body, history, fingerprint, secret, states)
         VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`,
      )
      .run(
        ...[job.id, job.parent, job.request.kind, modelOf(job.request), job.state, job.endedAt, JSON.stringify(job)],
        ...[JSON.stringify(history), fingerprint, secret, states === null ? null : JSON.stringify(states)],
      );
    return Number(lastInsertRowid);
  }

  update(job: Job, history: ActivationHistory): void {
    this.#db
      .prepare('UPDATE jobs SET state = ?, ended_at = ?, body = ?, history = ? WHERE id = ?')
      .run(job.state, job.endedAt, JSON.stringify(job), JSON.stringify(history), job.id);
  }

  /** @throws {NeuroreelError} JOB_RECORD_INVALID */
  get(id: string): StoredJob | null {
    const row = this.#db.prepare(`SELECT ${COLUMNS} FROM jobs WHERE id = ?`).get(id) as JobRow | undefined;
    return row === undefined ? null : fromRow(row);
  }

  /** Jobs that have not ended, in the order of their submission; and an error for each that cannot be read. */
  live(): { jobs: StoredJob[]; problems: NeuroreelError[] } {
    const rows = this.#db
      .prepare(
        `SELECT ${COLUMNS} FROM jobs WHERE state IN ('queued', 'starting', 'running', 'paused', 'encoding') ORDER BY seq`,
      )
      .all() as JobRow[];
    const problems: NeuroreelError[] = [];
    const jobs = rows.flatMap((row) => {
      try {
        return [fromRow(row)];
      } catch (error) {
        problems.push(error as NeuroreelError);
        return [];
      }
    });
    return { jobs, problems };
  }

  /** Jobs that fit, newest first; `next` is the cursor of those that follow. */
  list(query: JobQuery): { jobs: StoredJob[]; next: string | null } {
    const { where, values } = conditionsOf(query);
    const rows = this.#db
      .prepare(`SELECT ${COLUMNS} FROM jobs WHERE ${where} ORDER BY seq DESC LIMIT ?`)
      .all(...values, query.limit + 1) as JobRow[];
    const shown = rows.slice(0, query.limit);
    return { jobs: shown.map(fromRow), next: rows.length > query.limit ? String(shown.at(-1)!.seq) : null };
  }

  /** The jobs of a batch, in order: ids and states. */
  children(parent: string): { id: string; state: JobState }[] {
    return this.#db.prepare('SELECT id, state FROM jobs WHERE parent = ? ORDER BY seq').all(parent) as {
      id: string;
      state: JobState;
    }[];
  }

  countFinished(): number {
    const row = this.#db
      .prepare(`SELECT count(*) AS n FROM jobs WHERE state IN ('succeeded', 'failed', 'canceled')`)
      .get() as { n: number };
    return row.n;
  }

  /** Removes a job and, if it is a batch, its jobs. Returns the hashes that no job has any more. */
  remove(id: string): string[] {
    return this.together(() => {
      const hashes = this.#db
        .prepare('SELECT DISTINCT sha256 FROM artifacts WHERE job = ? OR job IN (SELECT id FROM jobs WHERE parent = ?)')
        .pluck()
        .all(id, id) as string[];
      this.#db.prepare('DELETE FROM jobs WHERE id = ?').run(id);
      return hashes.filter((sha256) => !this.isUsed(sha256));
    });
  }

  // --- artifacts ---

  isUsed(sha256: string): boolean {
    return this.#db.prepare('SELECT 1 FROM artifacts WHERE sha256 = ? LIMIT 1').get(sha256) !== undefined;
  }

  setArtifacts(job: string, artifacts: readonly StoredArtifact[]): void {
    this.#db.prepare('DELETE FROM artifacts WHERE job = ?').run(job);
    const insert = this.#db.prepare('INSERT INTO artifacts (job, name, sha256, bytes) VALUES (?, ?, ?, ?)');
    for (const { name, sha256, bytes } of artifacts) insert.run(job, name, sha256, bytes);
  }

  artifacts(job: string): StoredArtifact[] {
    return this.#db
      .prepare('SELECT name, sha256, bytes FROM artifacts WHERE job = ? ORDER BY name')
      .all(job) as StoredArtifact[];
  }

  /** Ended jobs that are in no batch, those that ended first before the others, with the bytes that they hold. */
  ended(): { id: string; endedAt: string; bytes: number }[] {
    return this.#db
      .prepare(
        `SELECT id, ended_at AS endedAt,
           (SELECT coalesce(sum(bytes), 0) FROM artifacts
             WHERE job = jobs.id OR job IN (SELECT id FROM jobs AS child WHERE child.parent = jobs.id)) AS bytes
         FROM jobs WHERE parent IS NULL AND state IN ('succeeded', 'failed', 'canceled') ORDER BY ended_at, seq`,
      )
      .all() as { id: string; endedAt: string; bytes: number }[];
  }

  // --- idempotency keys ---

  setKey(key: string, job: string, fingerprint: string): void {
    this.#db.prepare('INSERT INTO idempotency (key, job, fingerprint) VALUES (?, ?, ?)').run(key, job, fingerprint);
  }

  key(key: string): { job: string; fingerprint: string } | null {
    const row = this.#db.prepare('SELECT job, fingerprint FROM idempotency WHERE key = ?').get(key);
    return row === undefined ? null : (row as { job: string; fingerprint: string });
  }

  // --- deliveries of webhooks ---

  addDelivery({ job, url, secret, body, due_ms }: Omit<Delivery, 'seq' | 'attempts'>): void {
    this.#db
      .prepare('INSERT INTO deliveries (job, url, secret, body, due_ms) VALUES (?, ?, ?, ?, ?)')
      .run(job, url, secret, body, due_ms);
  }

  /** The first delivery of each job, those that are due first before the others. */
  deliveries(): Delivery[] {
    return this.#db
      .prepare(
        `SELECT seq, job, url, secret, body, attempts, due_ms FROM deliveries
         WHERE seq IN (SELECT min(seq) FROM deliveries GROUP BY job) ORDER BY due_ms, seq LIMIT 100`,
      )
      .all() as Delivery[];
  }

  postponeDelivery(seq: number, attempts: number, dueMs: number): void {
    this.#db.prepare('UPDATE deliveries SET attempts = ?, due_ms = ? WHERE seq = ?').run(attempts, dueMs, seq);
  }

  removeDelivery(seq: number): void {
    this.#db.prepare('DELETE FROM deliveries WHERE seq = ?').run(seq);
  }
}

/** The filter of a query as SQL with values. */
function conditionsOf(query: JobQuery): { where: string; values: unknown[] } {
  const parts: [string, ...unknown[]][] = [];
  const oneOf = (column: string, list: readonly string[]): [string, ...unknown[]] => [
    `${column} IN (SELECT value FROM json_each(?))`,
    JSON.stringify(list),
  ];
  if (query.parent === undefined) parts.push(['parent IS NULL']);
  else if (query.parent !== 'any') parts.push(['parent = ?', query.parent]);
  if (query.state !== undefined) parts.push(oneOf('state', query.state));
  if (query.kind !== undefined) parts.push(oneOf('kind', query.kind));
  if (query.model !== undefined) parts.push(['model = ?', query.model]);
  if (query.text !== undefined)
    parts.push([`(instr(lower(id), lower(?)) > 0 OR instr(lower(json_extract(body, '$.request')), lower(?)) > 0)`, query.text, query.text]); // prettier-ignore
  if (query.cursor !== undefined) parts.push(['seq < ?', Number(query.cursor)]);
  return {
    where: parts.map(([sql]) => sql).join(' AND ') || '1',
    values: parts.flatMap(([, ...values]) => values),
  };
}

/** Whether a stored job has ended. */
export const hasEnded = ({ job }: StoredJob): boolean => isFinal(job.state);
