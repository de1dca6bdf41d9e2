/**
 * The file that an audit writes its observations to, one line each, as they are made: so that an audit that was interrupted
 * goes on where it was, and that the raw numbers are there for whoever wants to look at them otherwise.
 */
import { createReadStream } from 'node:fs';
import { open, rm, type FileHandle } from 'node:fs/promises';
import { clipObservation, type ClipObservation } from '../../engine/audit/observation.js';
import { NeuroreelError } from '../../protocol/index.js';

const FORMAT = 'neuroreel.observations/1';

/** What the file is called in an audit's folder. */
export const OBSERVATIONS_FILE = 'observations.jsonl';

/** What must be the same for observations to belong to one audit: anything that JSON can hold. */
export type AuditIdentity = Readonly<Record<string, unknown>>;

interface Place {
  readonly start: number;
  readonly length: number;
}

export class ObservationsFile {
  readonly path: string;
  readonly #file: FileHandle;
  readonly #places: Map<string, Place>;
  #end: number;

  private constructor(path: string, file: FileHandle, places: Map<string, Place>, end: number) {
    this.path = path;
    this.#file = file;
    this.#places = places;
    this.#end = end;
  }

  /**
   * Opens the file, made if need be. A last line that was not finished is cut off.
   * @param identity of the audit
   * @param anew forgets what an earlier audit left
   * @throws {NeuroreelError} REQUEST_INVALID when it holds the observations of another audit
   */
  static async open(path: string, identity: AuditIdentity, anew: boolean): Promise<ObservationsFile> {
    if (anew) await rm(path, { force: true });
    const file = await open(path, 'a+');
    try {
      const { head, places, end } = await scan(path);
      if (head !== null) assertSame(path, head, identity);
      await file.truncate(end);
      const made = new ObservationsFile(path, file, places, end);
      if (head === null) await made.#write(JSON.stringify({ format: FORMAT, identity }));
      return made;
    } catch (error) {
      await file.close();
      throw error;
    }
  }

  /** Observations that are there. */
  get size(): number {
    return this.#places.size;
  }

  /** The observation of a clip with this content by this model; null when there is none, or it is damaged. */
  async find(model: string, clip: string, id: string): Promise<ClipObservation | null> {
    const place = this.#places.get(keyOf({ model, clip, id }));
    if (place === undefined) return null;
    const bytes = Buffer.alloc(place.length);
    await this.#file.read(bytes, 0, place.length, place.start);
    return parse(bytes.toString('utf8'));
  }

  async add(observation: ClipObservation): Promise<void> {
    const start = this.#end;
    const length = await this.#write(JSON.stringify(observation));
    if (observation.id !== null) this.#places.set(keyOf(observation), { start, length });
  }

  /** Writes a line; returns its length without the end of the line. */
  async #write(line: string): Promise<number> {
    const bytes = Buffer.from(`${line}\n`);
    await this.#file.appendFile(bytes);
    this.#end += bytes.length;
    return bytes.length - 1;
  }

  async close(): Promise<void> {
    await this.#file.close();
  }
}

const keyOf = ({ model, clip, id }: { model: string; clip: string; id: string | null }): string =>
  JSON.stringify([model, clip, id]);

function parse(line: string): ClipObservation | null {
  try {
    return clipObservation.safeParse(JSON.parse(line)).data ?? null;
  } catch {
    return null;
  }
}

/** The head, where each observation is, and the end of the last line that was finished. */
async function scan(path: string): Promise<{ head: string | null; places: Map<string, Place>; end: number }> {
  const places = new Map<string, Place>();
  let head: string | null = null;
  let end = 0;
  for await (const line of finishedLines(path)) {
    if (head === null) head = line.toString('utf8');
    else {
      const found = parse(line.toString('utf8'));
      if (found !== null && found.id !== null) places.set(keyOf(found), { start: end, length: line.length });
    }
    end += line.length + 1;
  }
  return { head, places, end };
}

const NEWLINE = 10;

/** Lines that have an end, without it. */
async function* finishedLines(path: string): AsyncGenerator<Buffer> {
  let rest: Buffer[] = [];
  for await (const chunk of createReadStream(path) as AsyncIterable<Buffer>) {
    let from = 0;
    for (let at = chunk.indexOf(NEWLINE); at >= 0; at = chunk.indexOf(NEWLINE, from)) {
      yield Buffer.concat([...rest, chunk.subarray(from, at)]);
      rest = [];
      from = at + 1;
    }
    if (from < chunk.length) rest.push(chunk.subarray(from));
  }
}

function assertSame(path: string, head: string, identity: AuditIdentity): void {
  let found: { format?: unknown; identity?: AuditIdentity } = {};
  try {
    found = JSON.parse(head) as typeof found;
  } catch {
    // Told below.
  }
  const again = 'begin anew (--force), or choose another folder';
  if (found.format !== FORMAT || typeof found.identity !== 'object') {
    throw new NeuroreelError('REQUEST_INVALID', `${path} is damaged: ${again}.`);
  }
  const wanted = JSON.parse(JSON.stringify(identity)) as AuditIdentity;
  const changed = Object.keys({ ...wanted, ...found.identity }).filter(
    (key) => JSON.stringify(wanted[key]) !== JSON.stringify(found.identity![key]),
  );
  if (changed.length === 0) return;
  const message = `${path} holds another audit (its ${changed.join(', ')} differ): ${again}.`;
  throw new NeuroreelError('REQUEST_INVALID', message);
}
