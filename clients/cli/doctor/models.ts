/** The checks of the models: which there are, which are broken, and whether those of the default video load. */
import { existsSync } from 'node:fs';
import { ModelRegistry } from '../../../src/engine/models/registry.js';
import { NeuroreelError, parseWith, videoJobRequest } from '../../../src/protocol/index.js';
import { userModels } from '../settings.js';
import type { Check } from './check.js';

/** @param folders where models are looked for, in this order */
export function modelChecks(folders: readonly string[]): Check[] {
  const name = 'models';
  try {
    const registry = ModelRegistry.open({ folders });
    const problems = registry.problems();
    const names = registry.list().map((model) => model.name);
    const overview: Check = { name, state: 'ok', found: `${names.join(', ') || 'none'}; in ${folders.join(', ')}` };
    const broken = problems.map((problem): Check => ({
      name,
      state: 'warning',
      found: `${problem.name} is left out: ${problem.error.message}`,
      remedy: problem.error instanceof NeuroreelError ? problem.error.remedy : undefined,
    }));
    return [overview, ...missingFolders(folders), ...broken, defaultModels(registry)];
  } catch (error) {
    return [asProblem(error)];
  }
}

function asProblem(error: unknown): Check {
  if (!(error instanceof NeuroreelError)) throw error;
  const { message, remedy, code } = error;
  return { name: 'models', state: 'problem', found: message, remedy, code };
}

/** Folders that somebody named and that are not there. The user's own is made when it is needed. */
function missingFolders(folders: readonly string[]): Check[] {
  return folders
    .filter((folder) => folder !== userModels() && !existsSync(folder))
    .map((folder) => ({
      name: 'models',
      state: 'warning',
      found: `there is no folder ${folder}`,
      remedy: 'Correct --models or NEUROREEL_MODELS.',
    }));
}

/** Loads the models of a video for which nothing is said, with every hash checked. */
function defaultModels(registry: ModelRegistry): Check {
  const { model } = parseWith(videoJobRequest, { kind: 'video' });
  try {
    const { manifest } = registry.loadRecogniser(model);
    const { prior } = manifest.defaults;
    if (prior !== undefined) registry.loadPrior(prior);
    return {
      name: 'models',
      state: 'ok',
      found: `${[model, prior].filter(Boolean).join(' and ')} load, files unchanged`,
    };
  } catch (error) {
    return asProblem(error);
  }
}
