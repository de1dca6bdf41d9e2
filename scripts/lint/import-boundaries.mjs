// Who may import whom, as one table, and the lint rule that holds the code to it. A plain rule of our own: the paths of
// this project need no module resolution, and the table also says what no ready-made rule can (types only, packages).
import { dirname, posix, relative, resolve, sep } from 'node:path';
import { fileURLToPath } from 'node:url';

const root = dirname(dirname(dirname(fileURLToPath(import.meta.url))));

/**
 * @typedef {object} Part
 * @property {string} name a name "a/b" belongs to the group "a"
 * @property {string} path a folder, a file without its extension, or `folder/*` for the files right in a folder
 * @property {readonly string[]} mayImport names of parts or groups, besides itself; '*' stands for all
 * @property {readonly string[]} [typesFrom] parts of which it may import types
 * @property {readonly string[]} [packages] the only packages it may import (absent: any; `node:` counts as one)
 */

const BASE = ['protocol', 'engine/base'];
const RUNNING = [...BASE, 'engine/graph', 'engine/ops', 'engine/runtimes'];
const MODELS = [...RUNNING, 'engine/autodiff', 'engine/chunking', 'engine/models'];

/**
 * The parts, inner ones before those that contain them: a file belongs to the first that matches. A file of src/,
 * clients/ or models/ that is in none is an error. All else (test/, scripts/, bin/) may import anything.
 * @type {readonly Part[]}
 */
export const PARTS = [
  // The contract also runs in the browser: nothing of Node, nothing of the project.
  { name: 'protocol', path: 'src/protocol', mayImport: [], packages: ['zod'] },

  { name: 'engine/index', path: 'src/engine/index', mayImport: ['protocol', 'engine'] },
  { name: 'engine/base', path: 'src/engine/*', mayImport: ['protocol'] },
  // A node of the graph carries its op's definition; nobody else below the ops knows of them.
  { name: 'engine/graph', path: 'src/engine/graph', mayImport: BASE, typesFrom: ['engine/ops'] },
  { name: 'engine/ops', path: 'src/engine/ops', mayImport: [...BASE, 'engine/graph'] },
  { name: 'engine/autodiff', path: 'src/engine/autodiff', mayImport: [...BASE, 'engine/graph', 'engine/ops'] },
  { name: 'engine/runtimes', path: 'src/engine/runtimes', mayImport: [...BASE, 'engine/graph', 'engine/ops'] },
  { name: 'engine/chunking', path: 'src/engine/chunking', mayImport: RUNNING },
  { name: 'engine/analysis', path: 'src/engine/analysis', mayImport: MODELS },
  { name: 'engine/models', path: 'src/engine/models', mayImport: [...MODELS, 'engine/formats'] },
  { name: 'engine/formats', path: 'src/engine/formats', mayImport: MODELS },
  { name: 'engine/training', path: 'src/engine/training', mayImport: MODELS },
  {
    name: 'engine/synthesis',
    path: 'src/engine/synthesis',
    mayImport: [...MODELS, 'engine/analysis', 'engine/training'],
  },
  { name: 'engine/evaluation', path: 'src/engine/evaluation', mayImport: MODELS },
  { name: 'engine/audit', path: 'src/engine/audit', mayImport: MODELS },
  { name: 'engine/bench', path: 'src/engine/bench', mayImport: RUNNING },

  { name: 'video', path: 'src/video', mayImport: ['protocol'] },
  { name: 'report', path: 'src/report', mayImport: ['protocol', 'video'] },
  { name: 'jobs', path: 'src/jobs', mayImport: ['protocol', 'engine', 'video', 'report'] },
  { name: 'server', path: 'src/server', mayImport: ['protocol', 'engine', 'video', 'jobs'] },
  { name: 'api', path: 'src/index', mayImport: ['protocol', 'engine', 'video', 'jobs', 'server'] },

  {
    name: 'clients/cli',
    path: 'clients/cli',
    mayImport: ['protocol', 'engine', 'video', 'report', 'jobs', 'server', 'api', 'clients/js'],
  },
  { name: 'clients/js', path: 'clients/js', mayImport: ['protocol'] },
  // `node:` only in the settings of its bundler.
  { name: 'clients/web/build', path: 'clients/web/vite.config', mayImport: [], packages: ['node:'] },
  {
    name: 'clients/web',
    path: 'clients/web',
    mayImport: ['protocol', 'clients/js'],
    packages: ['preact', '@preact/signals', 'uplot'],
  },
  { name: 'models', path: 'models', mayImport: ['protocol', 'engine'] },
];

/** Packages that are kept to one place, or out of the start of every command. */
export const PACKAGES = [
  {
    pattern: /^fluent-ffmpeg$/,
    onlyIn: ['src/video/ffmpeg-process'],
    why: 'everything that starts ffmpeg is in one file',
  },
  {
    pattern: /^(@tensorflow\/tfjs.*|onnxruntime-.*)$/,
    lazily: true,
    why: 'it is large or may lack its native library: `import type` it, and load it with import() where it is needed',
  },
  {
    pattern: /^(express|ws|pino|commander|fluent-ffmpeg)$/,
    notIn: ['engine'],
    why: 'the engine knows nothing of HTTP, logs, command lines or ffmpeg',
  },
];

const ROOMS = /^(src|clients|models)\//;
const withoutExtension = (path) => path.replace(/\.d\.ts$|\.[cm]?[jt]sx?$/, '');

function isIn(path, place) {
  if (place.endsWith('/*')) return posix.dirname(path) === place.slice(0, -2);
  return path === place || path.startsWith(`${place}/`);
}

/** The part that a path (relative to the root, no extension, forward slashes) belongs to, if any. */
export function partOf(path) {
  return PARTS.find((part) => isIn(path, part.path));
}

const names = (list, part) => list.some((name) => name === part.name || part.name.startsWith(`${name}/`));
const listed = (list) => (list.length === 0 ? 'nothing of the project' : list.join(', '));

/** What is wrong when the file `from` imports the file `to`; null when it may. */
export function projectImportProblem(from, to, typesOnly) {
  if (!ROOMS.test(from)) return null;
  const part = partOf(from);
  if (!part) return `"${from}" is in no part: give its folder an entry in scripts/lint/import-boundaries.mjs.`;
  const target = partOf(to);
  if (target === part || (target && names(part.mayImport, target))) return null;
  const types = part.typesFrom ?? [];
  if (target && typesOnly && names(types, target)) return null;
  const exception = types.length > 0 ? ` (and types of ${listed(types)})` : '';
  return `${part.name} may import ${listed(part.mayImport)}${exception}, not ${target?.name ?? `"${to}"`}.`;
}

const packageOf = (source) => source.split('/', source.startsWith('@') ? 2 : 1).join('/');

/** What is wrong when the file `from` imports a package; null when it may. */
export function packageImportProblem(from, source, { typesOnly, dynamic }) {
  const name = source.startsWith('node:') ? 'node:' : packageOf(source);
  const part = ROOMS.test(from) ? partOf(from) : undefined;
  if (part?.packages && !part.packages.includes(name)) {
    return `${part.name} may import ${part.packages.join(', ') || 'no packages'}, not "${source}".`;
  }
  for (const { pattern, onlyIn, lazily, notIn, why } of PACKAGES) {
    if (!pattern.test(name)) continue;
    const wrong =
      (onlyIn && !onlyIn.some((place) => isIn(from, place))) ||
      (lazily && !typesOnly && !dynamic) ||
      (notIn && part && names(notIn, part));
    if (wrong) return `"${source}" may not be imported like this here: ${why}.`;
  }
  return null;
}

/** Whether an import or export declaration carries types only, and so is gone at run time. */
function carriesTypesOnly(node) {
  if (node.importKind === 'type' || node.exportKind === 'type') return true;
  const specifiers = node.specifiers ?? [];
  return specifiers.length > 0 && specifiers.every((s) => s.importKind === 'type' || s.exportKind === 'type');
}

/** @type {import('eslint').Rule.RuleModule} */
const rule = {
  meta: {
    type: 'problem',
    docs: { description: 'Holds imports to the table of parts in scripts/lint/import-boundaries.mjs.' },
    messages: { wrong: '{{problem}}' },
    schema: [],
  },
  create(context) {
    const from = withoutExtension(relative(root, context.physicalFilename).split(sep).join('/'));

    function check(source, typesOnly, dynamic) {
      if (typeof source?.value !== 'string') return;
      const folder = dirname(context.physicalFilename);
      const to = withoutExtension(relative(root, resolve(folder, source.value)).split(sep).join('/'));
      const problem = source.value.startsWith('.')
        ? projectImportProblem(from, to, typesOnly)
        : packageImportProblem(from, source.value, { typesOnly, dynamic });
      if (problem) context.report({ node: source, messageId: 'wrong', data: { problem } });
    }

    const declaration = (node) => check(node.source, carriesTypesOnly(node), false);
    return {
      ImportDeclaration: declaration,
      ExportNamedDeclaration: declaration,
      ExportAllDeclaration: declaration,
      ImportExpression: (node) => check(node.source, false, true),
      TSImportType: (node) => check(node.source ?? node.argument?.literal, true, false),
    };
  },
};

export const importBoundaries = { rules: { 'import-boundaries': rule } };
