/** The models that are installed: folders of packages, in order; the first package of a name wins. */
import { existsSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { NeuroreelError } from '../../protocol/errors.js';
import type { ModelSummary } from '../../protocol/http.js';
import type { ClassifierManifest, ModelManifest, PriorManifest, RecogniserManifest } from '../../protocol/manifest.js';
import { layerShapes, type LayerShapes } from './classifier.js';
import { readManifest, readOutline, readPackage, type ModelPackage } from './package.js';

export class ModelRegistry {
  readonly folders: readonly string[];
  /** By the hash of the manifest. */
  readonly #layers = new Map<string, LayerShapes>();

  private constructor(folders: readonly string[]) {
    this.folders = folders;
  }

  static open({ folders }: { folders: readonly string[] }): ModelRegistry {
    return new ModelRegistry(folders);
  }

  /** Folders of all packages by name, readable or not. */
  #directories(): Map<string, string> {
    const found = new Map<string, string>();
    for (const folder of this.folders) {
      if (!existsSync(folder)) continue;
      for (const name of namesIn(folder)) {
        const directory = join(folder, name);
        if (!found.has(name) && existsSync(join(directory, 'model.json'))) found.set(name, directory);
      }
    }
    return found;
  }

  /** What is installed; packages whose manifest is broken are left out (see `problems`). */
  list(): ModelSummary[] {
    return [...this.#directories().values()].flatMap((directory) => {
      try {
        return [summaryOf(readManifest(directory))];
      } catch {
        return [];
      }
    });
  }

  /** The packages that `list` leaves out, with the reason. */
  problems(): { name: string; error: Error }[] {
    return [...this.#directories()].flatMap(([name, directory]) => {
      try {
        readManifest(directory);
        return [];
      } catch (error) {
        return [{ name, error: error as Error }];
      }
    });
  }

  /** The folder of a package; throws MODEL_UNKNOWN with the names there are. */
  directory(name: string): string {
    const directories = this.#directories();
    const directory = directories.get(name);
    if (directory === undefined) {
      const names = [...directories.keys()].join(', ') || 'none';
      throw new NeuroreelError('MODEL_UNKNOWN', `No model is named ${JSON.stringify(name)}; there are: ${names}.`);
    }
    return directory;
  }

  /**
   * Shapes of the layers of a classifier or recogniser for one picture; its weights are not read.
   * @throws NeuroreelError MODEL_UNKNOWN, MODEL_INVALID, MODEL_HASH_MISMATCH, GRAPH_INVALID
   */
  layers(name: string): LayerShapes {
    const directory = this.directory(name);
    const { sha256 } = readManifest(directory);
    const known = this.#layers.get(sha256);
    if (known) return known;
    const { manifest, graphs } = readOutline(directory);
    if (manifest.kind === 'prior') throw new NeuroreelError('MODEL_UNKNOWN', `"${name}" is a prior: it has no units.`);
    const shapes = layerShapes({ manifest, graphs });
    this.#layers.set(sha256, shapes);
    return shapes;
  }

  /** Loads a package with all its hashes checked. */
  load(name: string): ModelPackage {
    return readPackage(this.directory(name));
  }

  /** Loads a package that must be of a kind; throws MODEL_UNKNOWN when it is of another. */
  loadRecogniser(name: string): ModelPackage<RecogniserManifest> {
    return ofKind(this.load(name), 'recogniser');
  }

  loadClassifier(name: string): ModelPackage<ClassifierManifest> {
    return ofKind(this.load(name), 'classifier');
  }

  /** Loads a package that has units: a recogniser or a classifier. */
  loadWithUnits(name: string): ModelPackage<RecogniserManifest> | ModelPackage<ClassifierManifest> {
    const model = this.load(name);
    return isClassifier(model) ? model : ofKind(model, 'recogniser');
  }

  loadPrior(name: string): ModelPackage<PriorManifest> {
    return ofKind(this.load(name), 'prior');
  }
}

function namesIn(folder: string): string[] {
  try {
    return readdirSync(folder).sort();
  } catch (cause) {
    throw new NeuroreelError('CONFIG_INVALID', `The folder of models ${folder} cannot be read.`, { cause });
  }
}

/** Whether a package is a classifier's. */
export function isClassifier(model: ModelPackage): model is ModelPackage<ClassifierManifest> {
  return model.manifest.kind === 'classifier';
}

function ofKind<K extends ModelManifest['kind']>(
  model: ModelPackage,
  kind: K,
): ModelPackage<Extract<ModelManifest, { kind: K }>> {
  if (model.manifest.kind !== kind) {
    throw new NeuroreelError('MODEL_UNKNOWN', `"${model.manifest.name}" is a ${model.manifest.kind}, not a ${kind}.`);
  }
  return model as ModelPackage<Extract<ModelManifest, { kind: K }>>;
}

function summaryOf({ manifest, sha256 }: { manifest: ModelManifest; sha256: string }): ModelSummary {
  const { name, kind, title, licence, quality } = manifest;
  const common = { name, kind, title, licence, quality, sha256 };
  if (manifest.kind === 'prior') return { ...common, labels: [], input: manifest.output };
  return { ...common, labels: manifest.labels, input: manifest.input, default: manifest.defaults };
}

/** Index of a unit given by index or label; throws UNIT_UNKNOWN with the units there are. */
export function unitIndex(
  { labels, name }: { readonly labels: readonly string[]; readonly name: string },
  unit: number | string,
): number {
  const index = typeof unit === 'number' ? unit : labels.indexOf(unit);
  if (Number.isInteger(index) && index >= 0 && index < labels.length) return index;
  const some = labels.slice(0, 12).join(', ') + (labels.length > 12 ? ', ...' : '');
  throw new NeuroreelError('UNIT_UNKNOWN', `${name} has no unit ${JSON.stringify(unit)}; there are: ${some}.`);
}
