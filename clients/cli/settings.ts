/** What the environment says: folders of models, runtime, device. Options come before variables. */
import { existsSync } from 'node:fs';
import { homedir } from 'node:os';
import { delimiter, join, resolve } from 'node:path';
import { ModelRegistry } from '../../src/engine/models/registry.js';
import { placesFor } from '../../src/engine/runtimes/choice.js';
import { packageRoot } from '../../src/jobs/package-root.js';
import { memorySize, parseWith } from '../../src/protocol/index.js';

export type Environment = Readonly<Record<string, string | undefined>>;

/** Models that come with neuroreel. */
export const shippedModels = join(packageRoot, 'models');

/** The folder for what can be had again: `neuroreel` in the XDG cache folder. */
export function userCache(env: Environment = process.env): string {
  return join(env['XDG_CACHE_HOME'] || join(env['HOME'] || homedir(), '.cache'), 'neuroreel');
}

/** The folder of a user's own models, where every command looks: `neuroreel/models` in the XDG data folder. */
export function userModels(env: Environment = process.env): string {
  const home = env['HOME'] || homedir();
  return join(env['XDG_DATA_HOME'] || join(home, '.local', 'share'), 'neuroreel', 'models');
}

/** The folders that NEUROREEL_MODELS names. */
export function namedFolders(env: Environment = process.env): string[] {
  return (env['NEUROREEL_MODELS'] ?? '')
    .split(delimiter)
    .filter(Boolean)
    .map((folder) => resolve(folder));
}

/** Where commands look for models besides the shipped ones: options, NEUROREEL_MODELS, the user's folder. */
export function moreModelFolders(options: readonly string[] = [], env: Environment = process.env): string[] {
  return [...options.map((folder) => resolve(folder)), ...namedFolders(env), userModels(env)];
}

/** The installed models; the first package of a name wins. */
export function openRegistry(options: readonly string[] = []): ModelRegistry {
  return ModelRegistry.open({ folders: [shippedModels, ...moreModelFolders(options)] });
}

/** Where imported models go: the first folder of NEUROREEL_MODELS, or the user's. */
export function importFolder(env: Environment = process.env): string {
  return namedFolders(env)[0] ?? userModels(env);
}

/** Where trained models go: beside their recipes in a clone, else to the user's. */
export function trainFolder(env: Environment = process.env): string {
  return existsSync(join(packageRoot, 'src')) ? shippedModels : userModels(env);
}

/** What computing may take: the option, else NEUROREEL_MEMORY; undefined where neither says. */
export function memoryChoice(option: string | undefined, env: Environment = process.env): string | undefined {
  const text = option ?? (env['NEUROREEL_MEMORY'] || undefined);
  return text === undefined ? undefined : parseWith(memorySize, text);
}

export interface RuntimeChoice {
  readonly runtime: string;
  readonly device: string;
}

/**
 * Names of the runtime and of the device: the options, else NEUROREEL_RUNTIME and NEUROREEL_DEVICE, else `auto`.
 * @throws {NeuroreelError} REQUEST_INVALID when there is none of that name, or the runtime does not have that device
 */
export function runtimeChoice(options: Partial<RuntimeChoice>, env: Environment = process.env): RuntimeChoice {
  const runtime = options.runtime ?? (env['NEUROREEL_RUNTIME'] || 'auto');
  const device = options.device ?? (env['NEUROREEL_DEVICE'] || 'auto');
  placesFor(runtime, device);
  return { runtime, device };
}
