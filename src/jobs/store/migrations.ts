/**
 * The forms that the database had, in order: number n brings form n - 1 to form n. An entry is never changed once it was
 * released; what is to be different is one more entry.
 */
export const MIGRATIONS: readonly string[] = [
  `
  CREATE TABLE jobs (
    seq INTEGER PRIMARY KEY AUTOINCREMENT,
    id TEXT NOT NULL UNIQUE,
    parent TEXT REFERENCES jobs(id) ON DELETE CASCADE,
    kind TEXT NOT NULL,
    model TEXT NOT NULL,
    state TEXT NOT NULL,
    ended_at TEXT,
    body TEXT NOT NULL,
    history TEXT NOT NULL,
    fingerprint TEXT NOT NULL,
    secret TEXT,
    states TEXT
  );
  CREATE INDEX jobs_by_state ON jobs(state, seq);
  CREATE INDEX jobs_by_parent ON jobs(parent, seq);
  CREATE TABLE artifacts (
    job TEXT NOT NULL REFERENCES jobs(id) ON DELETE CASCADE,
    name TEXT NOT NULL,
    sha256 TEXT NOT NULL,
    bytes INTEGER NOT NULL,
    PRIMARY KEY (job, name)
  );
  CREATE INDEX artifacts_by_hash ON artifacts(sha256);
  CREATE TABLE idempotency (
    key TEXT PRIMARY KEY,
    job TEXT NOT NULL REFERENCES jobs(id) ON DELETE CASCADE,
    fingerprint TEXT NOT NULL
  );
  CREATE TABLE deliveries (
    seq INTEGER PRIMARY KEY AUTOINCREMENT,
    job TEXT NOT NULL REFERENCES jobs(id) ON DELETE CASCADE,
    url TEXT NOT NULL,
    secret TEXT NOT NULL,
    body TEXT NOT NULL,
    attempts INTEGER NOT NULL DEFAULT 0,
    due_ms INTEGER NOT NULL
  );
  CREATE INDEX deliveries_by_job ON deliveries(job, seq);
  `,
];
