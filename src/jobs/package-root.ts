/** Finds the folder that neuroreel is installed in, whether this file runs from src/ or from dist/src/. */
import { existsSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

function findRoot(): string {
  let folder = dirname(fileURLToPath(import.meta.url));
  for (;;) {
    const manifest = join(folder, 'package.json');
    if (
      existsSync(manifest) &&
      (JSON.parse(readFileSync(manifest, 'utf8')) as { name?: string }).name === 'neuroreel'
    ) {
      return folder;
    }
    const parent = dirname(folder);
    if (parent === folder) throw new Error('the package.json of neuroreel is missing above its source files');
    folder = parent;
  }
}

/** Absolute path of the package: holds package.json, dist/ and models/. */
export const packageRoot = findRoot();

/** Version in package.json. */
export const packageVersion = (
  JSON.parse(readFileSync(join(packageRoot, 'package.json'), 'utf8')) as { version: string }
).version;

/** Path of a compiled module, for workers: `compiled('src/jobs/worker/main.js')`. */
export function compiled(path: string): string {
  return join(packageRoot, 'dist', path);
}
