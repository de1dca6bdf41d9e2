/** Opens the database of a data folder and brings it to the present form. */
import Database from 'libsql';
import { NeuroreelError } from '../../protocol/index.js';
import { diskError } from './disk.js';
import { MIGRATIONS } from './migrations.js';

export type Db = Database.Database;

/** Milliseconds that a statement waits for another process (a backup, for one) to let go of the database. */
const BUSY_MS = 5000;

/**
 * A write-ahead log, foreign keys, and every migration that the file lacks, each in a transaction of its own.
 * @throws {NeuroreelError} STORE_INCOMPATIBLE for a file of a newer version or none of a database; DISK_FULL,
 *   DATA_FOLDER_UNWRITABLE
 */
export function openDatabase(path: string): Db {
  let db: Db | null = null;
  try {
    db = new Database(path, { timeout: BUSY_MS });
    db.pragma('journal_mode = WAL');
    db.pragma('synchronous = NORMAL');
    db.pragma('foreign_keys = ON');
    migrate(db, path);
    return db;
  } catch (error) {
    db?.close();
    if (error instanceof NeuroreelError) throw error;
    const { code } = error as { code?: string };
    if (code === 'SQLITE_NOTADB' || code === 'SQLITE_CORRUPT') {
      throw new NeuroreelError('STORE_INCOMPATIBLE', `${path} is damaged, or no database.`, { cause: error });
    }
    throw diskError(path, error);
  }
}

/** Number of the last migration that a database has had. */
export function versionOf(db: Db): number {
  return Number((db.pragma('user_version') as { user_version: number }[])[0]!.user_version);
}

function migrate(db: Db, path: string): void {
  const version = versionOf(db);
  if (version > MIGRATIONS.length) {
    const message = `${path} has form ${version}; this neuroreel knows ${MIGRATIONS.length} forms.`;
    throw new NeuroreelError('STORE_INCOMPATIBLE', message);
  }
  MIGRATIONS.slice(version).forEach((sql, i) => {
    db.transaction(() => {
      db.exec(sql);
      db.exec(`PRAGMA user_version = ${version + i + 1}`);
    }).immediate();
  });
}
