// Transpiles src/, clients/cli/, clients/js/ and models/**/*.ts to dist/, file by file, when a source is newer than the last build.
// Used by every command that needs the compiled program, because no install script may run (see .npmrc).
import { existsSync, readFileSync, readdirSync, renameSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const root = dirname(dirname(fileURLToPath(import.meta.url)));
const stampFile = join(root, 'dist', '.built');

function sources() {
  const found = [];
  for (const top of ['src', join('clients', 'cli'), join('clients', 'js'), 'models']) {
    if (!existsSync(join(root, top))) continue;
    for (const entry of readdirSync(join(root, top), { recursive: true })) {
      if (entry.endsWith('.ts') && !entry.endsWith('.d.ts')) found.push(join(top, entry));
    }
  }
  return found.sort();
}

/** A text that changes when any source file is added, removed or edited. */
function stampOf(files) {
  return files.map((f) => `${f} ${statSync(join(root, f)).mtimeMs}`).join('\n');
}

/** Builds when needed; returns true when a build was made. An installed package carries dist/ and no sources: nothing to do. */
export async function ensureBuilt() {
  const files = sources();
  if (files.length === 0 || !files.some((f) => f.startsWith('src'))) return false;
  const stamp = stampOf(files);
  if (existsSync(stampFile) && readFileSync(stampFile, 'utf8') === stamp) return false;
  const { build } = await import('esbuild');
  // Built aside and then put in place, so that another command that runs meanwhile never finds half a program.
  const fresh = join(root, `dist.${process.pid}.new`);
  const old = join(root, `dist.${process.pid}.old`);
  await build({
    absWorkingDir: root,
    entryPoints: files,
    outdir: fresh,
    outbase: '.',
    format: 'esm',
    platform: 'node',
    target: 'node20',
    sourcemap: true,
    logLevel: 'warning',
  });
  writeFileSync(join(fresh, '.built'), stamp);
  try {
    if (existsSync(join(root, 'dist'))) renameSync(join(root, 'dist'), old);
    renameSync(fresh, join(root, 'dist'));
  } catch (error) {
    // Another command built at the same time and was first: its build is as good.
    if (!existsSync(stampFile)) throw error;
  } finally {
    for (const folder of [fresh, old]) rmSync(folder, { recursive: true, force: true });
  }
  return true;
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  console.log((await ensureBuilt()) ? 'built dist/' : 'dist/ is up to date');
}
