/** The models that are installed, as jobs and the server look them up. */
import { readManifest } from '../engine/models/package.js';
import { NeuroreelError, type ModelManifest, type ModelSummary } from '../protocol/index.js';

/** What is needed of the engine's registry. */
export interface ModelCatalogue {
  list(): readonly ModelSummary[];
  /** Packages that cannot be listed because their manifest is broken. */
  problems?(): readonly { readonly name: string; readonly error: Error }[];
  /** Folder of a package. Throws MODEL_UNKNOWN. Absent: the models have no packages. */
  directory?(name: string): string;
  /** Shapes of the layers of a model with units for one picture, by name. Throws when its package is broken. Absent: not known. */
  layers?(name: string): ReadonlyMap<string, readonly number[]>;
}

/** Kinds of models that have units. */
export const UNIT_MODELS: readonly ModelSummary['kind'][] = ['recogniser', 'classifier'];

/**
 * The manifest of a model, its hash, and where its package is.
 * @throws {NeuroreelError} MODEL_UNKNOWN, MODEL_INVALID
 */
export function manifestOf(
  models: ModelCatalogue,
  name: string,
): { manifest: ModelManifest; sha256: string; directory: string } {
  if (models.directory === undefined) {
    throw new NeuroreelError('MODEL_UNKNOWN', `There is no package of a model ${JSON.stringify(name.slice(0, 100))}.`);
  }
  const directory = models.directory(name);
  return { ...readManifest(directory), directory };
}

/** @throws {NeuroreelError} MODEL_UNKNOWN with the names there are, and what is wrong with a package of that name */
export function findModel(models: ModelCatalogue, kinds: readonly ModelSummary['kind'][], name: string): ModelSummary {
  const fitting = models.list().filter((model) => kinds.includes(model.kind));
  const found = fitting.find((model) => model.name === name);
  if (found !== undefined) return found;
  const broken = models.problems?.().find((problem) => problem.name === name);
  if (broken !== undefined) throw broken.error;
  const names = fitting.map((model) => model.name).join(', ') || 'none';
  const message = `No ${kinds.join(' or ')} is named ${JSON.stringify(name)}; there are: ${names}.`;
  throw new NeuroreelError('MODEL_UNKNOWN', message);
}
