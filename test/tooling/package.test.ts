/** The project installs and runs where nothing but a package registry can be reached, whichever registry that is. */
import { existsSync, readFileSync, statSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';

interface LockedPackage {
  readonly version?: string;
  readonly resolved?: string;
  readonly integrity?: string;
  readonly hasInstallScript?: boolean;
  readonly optionalDependencies?: Readonly<Record<string, string>>;
}
interface PackageJson {
  readonly bin: Readonly<Record<string, string>>;
  readonly scripts: Readonly<Record<string, string>>;
}

const root = fileURLToPath(new URL('../..', import.meta.url));
const read = (name: string): string => readFileSync(`${root}${name}`, 'utf8');
const packageJson = JSON.parse(read('package.json')) as PackageJson;
const lock = (JSON.parse(read('package-lock.json')) as { packages: Record<string, LockedPackage> }).packages;
const locked = Object.entries(lock).filter(([path]) => path !== '');

/** Packages that have an install script, and why they do without it. */
const WITHOUT_THEIR_SCRIPT: readonly (readonly [RegExp, string])[] = [
  [/^@ffmpeg-installer\/.+$/, 'marks the binary as executable, which it already is in the archive'],
  [
    /^@tensorflow\/tfjs-node-gpu$/,
    'downloads libtensorflow; optional, and brought by `npm rebuild` where it is wanted',
  ],
  [/^@scarf\/scarf$/, 'reports that it was installed'],
  [/^core-js$/, 'prints a message'],
  [/^esbuild$/, 'checks and shortens the way to the binary, which comes in a package of its own'],
  [/^onnxruntime-node$/, 'downloads the CUDA provider; the CPU provider is in the package'],
];

const nameOf = (path: string): string => path.slice(path.lastIndexOf('node_modules/') + 'node_modules/'.length);

describe('installing', () => {
  it('runs no install scripts', () => {
    expect(read('.npmrc').split('\n')).toContain('ignore-scripts=true');
    const own = ['preinstall', 'install', 'postinstall', 'prepare', 'prepublish'];
    expect(Object.keys(packageJson.scripts).filter((name) => own.includes(name))).toEqual([]);
  });

  it('needs none of the install scripts that packages have', () => {
    const names = locked.filter(([, entry]) => entry.hasInstallScript).map(([path]) => nameOf(path));
    const unknown = names.filter((name) => !WITHOUT_THEIR_SCRIPT.some(([pattern]) => pattern.test(name)));
    expect(unknown, 'packages to look at: does everything work without their script?').toEqual([]);
  });

  it('names no registry in the lockfile', () => {
    expect(locked.filter(([, entry]) => entry.resolved !== undefined).map(([path]) => path)).toEqual([]);
  });

  it('has a version and a hash of every package in the lockfile', () => {
    expect(locked.filter(([, { version, integrity }]) => !version || !integrity).map(([path]) => path)).toEqual([]);
  });

  // npm ci refuses a lockfile from which the binaries for other platforms were left out.
  it("has every package's optional dependencies in the lockfile", () => {
    const names = new Set(locked.map(([path]) => nameOf(path)));
    const missing = locked.flatMap(([, { optionalDependencies = {} }]) =>
      Object.keys(optionalDependencies).filter((name) => !names.has(name)),
    );
    expect(missing).toEqual([]);
  });

  it('has one name and one version in package.json and in the lockfile', () => {
    const { name, version } = JSON.parse(read('package.json')) as { name: string; version: string };
    expect(lock['']).toMatchObject({ name, version });
  });
});

describe('scripts and settings', () => {
  it('has a script for everything that CONTRIBUTING.md and .ci/run name', () => {
    const texts = read('CONTRIBUTING.md') + read('README.md') + read('.ci/run');
    const named = [...texts.matchAll(/npm run ([\w:-]+)/g)].map(([, name]) => name!);
    expect(named.length).toBeGreaterThan(0);
    expect(named.filter((name) => !(name in packageJson.scripts))).toEqual([]);
  });

  it('has the files that its scripts and its bin name', () => {
    const named = Object.values(packageJson.scripts).flatMap(
      (script) => script.match(/[\w./-]+\.(mjs|js|ts)\b/g) ?? [],
    );
    for (const path of [...named, ...Object.values(packageJson.bin)]) {
      expect(existsSync(`${root}${path}`), path).toBe(true);
    }
  });

  it('has a .ci/run that may be executed', () => {
    expect(statSync(`${root}.ci/run`).mode & 0o111).toBe(0o111);
  });
});

describe('README.md and CONTRIBUTING.md', () => {
  const pages = ['README.md', 'CONTRIBUTING.md'];

  it.each(pages)('%s links to files that exist', (page) => {
    const links = [...read(page).matchAll(/\]\((?!https?:)([^)#]+)[^)]*\)/g)].map(([, path]) => path!);
    expect(links.filter((path) => !existsSync(`${root}${path}`))).toEqual([]);
  });

  it.each(pages)('%s names files and folders that exist', (page) => {
    const named = [...read(page).matchAll(/`((?:src|test|models|scripts|docs|clients)\/[\w./-]*)`/g)];
    expect(named.map(([, path]) => path!).filter((path) => !existsSync(`${root}${path}`))).toEqual([]);
  });
});
