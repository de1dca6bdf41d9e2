// Builds dist/ when a source has changed since the last build: src/, clients/cli/, clients/js/ and models/**/*.ts transpiled
// file by file, and the page (clients/web) bundled to dist/web.
// Used by every command that needs the compiled program, because no install script may run (see .npmrc).
import { existsSync, readFileSync, readdirSync, renameSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { dirname, join, relative } from 'node:path';
import { fileURLToPath } from 'node:url';

const root = dirname(dirname(fileURLToPath(import.meta.url)));
const stampFile = join(root, 'dist', '.built');

function filesOf(top, wanted) {
  if (!existsSync(join(root, top))) return [];
  return readdirSync(join(root, top), { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile() && wanted(entry.name))
    .map(({ parentPath, name }) => relative(root, join(parentPath, name)));
}

/** What is transpiled. */
function programSources() {
  const isTypeScript = (name) => name.endsWith('.ts') && !name.endsWith('.d.ts');
  return ['src', join('clients', 'cli'), join('clients', 'js'), 'models']
    .flatMap((top) => filesOf(top, isTypeScript))
    .sort();
}

/** What the page is made of, besides parts of the program. */
const pageSources = () => ['web', 'js'].flatMap((name) => filesOf(join('clients', name), () => true)).sort();

/** A text that changes when any source file is added, removed or edited. */
function stampOf(files) {
  return files.map((f) => `${f} ${statSync(join(root, f)).mtimeMs}`).join('\n');
}

async function transpile(files, outdir) {
  const { build } = await import('esbuild');
  await build({
    absWorkingDir: root,
    entryPoints: files,
    outdir,
    outbase: '.',
    format: 'esm',
    platform: 'node',
    target: 'node20',
    sourcemap: true,
    logLevel: 'warning',
  });
}

async function bundlePage(outDir) {
  const { build } = await import('vite');
  await build({ configFile: join(root, 'clients', 'web', 'vite.config.mjs'), logLevel: 'warn', build: { outDir } });
}

/** Builds when needed; returns true when a build was made. An installed package carries dist/ and no sources: nothing to do. */
export async function ensureBuilt() {
  const files = programSources();
  if (files.length === 0 || !files.some((f) => f.startsWith('src'))) return false;
  const stamp = stampOf([...files, ...pageSources()]);
  if (existsSync(stampFile) && readFileSync(stampFile, 'utf8') === stamp) return false;
  // Built aside and then put in place, so that another command that runs meanwhile never finds half a program.
  const fresh = join(root, `dist.${process.pid}.new`);
  const old = join(root, `dist.${process.pid}.old`);
  await Promise.all([transpile(files, fresh), bundlePage(join(fresh, 'web'))]);
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
