/**
 * Real clips and pictures by how much they excite units: scored in a process, one set after another, kept on disk by the hash of
 * their content, and told as far as they are known.
 */
import { createHash } from 'node:crypto';
import { join } from 'node:path';
import { unitIndex } from '../../engine/models/registry.js';
import { MAX_EXAMPLES, NeuroreelError, type ExamplesQuery, type UnitExamples } from '../../protocol/index.js';
import { clipSet } from '../audit/clip-sets.js';
import type { EngineSettings } from '../kinds.js';
import { manifestOf, type ModelCatalogue } from '../model-catalogue.js';
import { TaskProcess } from '../worker/task-process.js';
import type { ScoredExample, ScoringMessage, ScoringStart } from './contract.js';
import type { WithUnits } from './material.js';

/** Sets of scores that are held in memory. */
const MOST_HELD = 8;
/** Examples that cannot be scored, as far as they are told. */
const MOST_SKIPPED = 20;

export interface ExamplesOptions {
  readonly models: ModelCatalogue;
  readonly settings: Pick<EngineSettings, 'clipFolders' | 'runtime' | 'device' | 'frameCacheFolder'>;
  /** Where scores are kept. */
  readonly folder: string;
}

/** A model with a set of examples. */
export interface ExampleSet {
  readonly key: string;
  readonly manifest: WithUnits;
  readonly sha256: string;
  readonly directory: string;
  /** Folder, list or archive. */
  readonly source: string;
  readonly words: string;
}

interface Held {
  state: UnitExamples['state'];
  scored: ScoredExample[];
  skipped: { name: string; reason: string }[];
  total: number;
  error: string | null;
  reference: { readonly clips: string; readonly activations: Readonly<Record<string, number[]>> } | null;
  /** What is known was read. */
  loaded: Promise<void>;
}

type Ending = Pick<Held, 'state' | 'error'>;

export class RealExamples {
  readonly #options: ExamplesOptions;
  /** The longest unused first. */
  readonly #held = new Map<string, Held>();
  readonly #processes = new Set<TaskProcess<ScoringMessage>>();
  #loading: Promise<void> = Promise.resolve();
  #scoring: Promise<void> = Promise.resolve();
  #closed = false;

  constructor(options: ExamplesOptions) {
    this.#options = options;
  }

  /**
   * The examples that excite a unit most, of those that are scored.
   * @throws {NeuroreelError} MODEL_UNKNOWN, UNIT_UNKNOWN, REQUEST_INVALID for a set that there is not
   */
  async top(name: string, { clips, unit, limit }: ExamplesQuery): Promise<UnitExamples> {
    const set = this.setOf(name, clips);
    const { manifest, sha256, words } = set;
    const index = unitOf(manifest, unit);
    const held = this.#hold(set);
    await held.loaded;
    const { state, scored, skipped, total, error, reference } = held;
    const label = manifest.labels[index]!;
    const own = reference?.activations[label];
    const best = [...scored].sort((a, b) => b.activations[index]! - a.activations[index]!).slice(0, limit);
    return {
      ...{ model: name, sha256, source: words, medium: manifest.kind === 'classifier' ? 'picture' : 'clip', state },
      ...{ scored: scored.length, total, skipped, error, unit: { index, label } },
      examples: best.map(({ activations, answer, ...one }) => ({
        ...one,
        ...{ activation: activations[index]!, answer: manifest.labels[answer]! },
      })),
      reference: own === undefined ? null : { clips: reference!.clips, activations: own },
    };
  }

  /**
   * Has the set scored, as far as it is not; what was added to it since is found.
   * @throws {NeuroreelError} MODEL_UNKNOWN, REQUEST_INVALID, SHUTTING_DOWN
   */
  async score(name: string, clips: string | undefined): Promise<void> {
    if (this.#closed) throw new NeuroreelError('SHUTTING_DOWN', 'The server is being stopped.');
    const set = this.setOf(name, clips);
    const held = this.#hold(set);
    await held.loaded;
    if (held.state === 'scoring' || held.state === 'waiting') return;
    held.state = 'waiting';
    this.#scoring = this.#scoring.then(async () => {
      held.state = 'scoring';
      await this.#run(set, held, true);
    });
  }

  /** What is known about an example. @throws {NeuroreelError} ARTIFACT_UNKNOWN when it is not among the scored */
  async find(
    name: string,
    clips: string | undefined,
    id: string,
  ): Promise<{ set: ExampleSet; example: ScoredExample }> {
    const set = this.setOf(name, clips);
    const held = this.#hold(set);
    await held.loaded;
    const example = held.scored.find((one) => one.id === id);
    if (example !== undefined) return { set, example };
    throw new NeuroreelError('ARTIFACT_UNKNOWN', `Among the examples for ${name} is none with the hash ${id}.`);
  }

  /** @throws {NeuroreelError} MODEL_UNKNOWN, REQUEST_INVALID */
  setOf(name: string, clips: string | undefined): ExampleSet {
    const { manifest, sha256, directory } = manifestOf(this.#options.models, name);
    if (manifest.kind === 'prior') throw new NeuroreelError('MODEL_UNKNOWN', `"${name}" is a prior: it has no units.`);
    const own = manifest.kind === 'recogniser' ? manifest.clips : undefined;
    const common = { manifest, sha256, directory };
    if (clips !== undefined) {
      const source = clipSet(this.#options.settings.clipFolders ?? [], clips);
      return { ...common, source, words: clips, key: JSON.stringify([sha256, source]) };
    }
    if (own === undefined) {
      const what = manifest.kind === 'classifier' ? 'pictures' : 'clips';
      const message = `${name} brings no ${what} of its own: name a set of the server's (clips; GET /v1/clips lists them).`;
      throw new NeuroreelError('REQUEST_INVALID', message);
    }
    const source = join(directory, own);
    return { ...common, source, words: `the clips that ${name} brings`, key: JSON.stringify([sha256, source]) };
  }

  /** Ends the processes; what was scored is kept. */
  async close(): Promise<void> {
    this.#closed = true;
    await Promise.all([...this.#processes].map((process) => process.end()));
  }

  #hold(set: ExampleSet): Held {
    const known = this.#held.get(set.key);
    if (known !== undefined) {
      this.#held.delete(set.key);
      this.#held.set(set.key, known);
      return known;
    }
    const held: Held = {
      ...{ state: 'incomplete', scored: [], skipped: [], total: 0, error: null, reference: null },
      loaded: Promise.resolve(),
    };
    this.#loading = this.#loading.then(() => this.#run(set, held, false));
    held.loaded = this.#loading;
    this.#held.set(set.key, held);
    for (const [key, { state }] of this.#held) {
      if (this.#held.size <= MOST_HELD) break;
      if (state !== 'waiting' && state !== 'scoring') this.#held.delete(key);
    }
    return held;
  }

  /** Runs a process over the set; resolves when it has ended, however it did. */
  async #run(set: ExampleSet, held: Held, score: boolean): Promise<void> {
    if (this.#closed) return;
    const { settings, folder } = this.#options;
    const start: ScoringStart = {
      ...{ directory: set.directory, source: set.source, score, most: MAX_EXAMPLES, runtime: settings.runtime },
      scores: join(folder, `${createHash('sha256').update(set.key).digest('hex')}.jsonl`),
      device: settings.device ?? 'auto',
      frameCacheFolder: settings.frameCacheFolder ?? null,
    };
    const fresh: ScoredExample[] = [];
    const said: { end: Ending | null } = { end: null };
    const process = new TaskProcess<ScoringMessage>('src/jobs/examples/score-process.js', start, (message) => {
      switch (message.type) {
        case 'listed':
          Object.assign(held, { scored: fresh, skipped: [], total: message.total, reference: message.reference });
          break;
        case 'scored':
          fresh.push(message.example);
          break;
        case 'skipped':
          if (held.skipped.length < MOST_SKIPPED) held.skipped.push({ name: message.name, reason: message.reason });
          break;
        case 'done': {
          const all = score || fresh.length + held.skipped.length >= held.total;
          said.end = { state: all ? 'complete' : 'incomplete', error: null };
          void process.end();
          break;
        }
        case 'failed':
          said.end = { state: 'failed', error: withoutPaths(message.message, set) };
          void process.end();
      }
    });
    this.#processes.add(process);
    const words = await process.ended;
    this.#processes.delete(process);
    const died: Ending = this.#closed ? { state: 'incomplete', error: null } : { state: 'failed', error: words };
    Object.assign(held, said.end ?? died);
  }
}

/** A message for clients names the model and the set, not where they are. */
function withoutPaths(message: string, { source, directory, manifest, words }: ExampleSet): string {
  return message.replaceAll(source, words).replaceAll(directory, manifest.name);
}

/** By its label, else by its index. @throws {NeuroreelError} UNIT_UNKNOWN */
function unitOf(manifest: WithUnits, asked: string | undefined): number {
  if (asked === undefined) return unitIndex(manifest, manifest.defaults.unit ?? 0);
  const isIndex = !manifest.labels.includes(asked) && /^\d{1,6}$/.test(asked);
  return unitIndex(manifest, isIndex ? Number(asked) : asked);
}
