// Runs test/chaos/main.ts, which is not part of the build, on the compiled program.
import { mkdir, rm } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { build } from 'esbuild';

const here = dirname(fileURLToPath(import.meta.url));
const root = join(here, '..', '..');
const folder = join(root, 'out');
await mkdir(folder, { recursive: true });
const outfile = join(folder, `chaos.${process.pid}.mjs`);
const entryPoints = [join(here, 'main.ts')];
await build({ entryPoints, outfile, bundle: true, platform: 'node', format: 'esm', packages: 'external' });
try {
  await import(pathToFileURL(outfile).href);
} finally {
  await rm(outfile, { force: true });
}
