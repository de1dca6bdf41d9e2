// Runs a command where WebGPU has a graphics processor to run on: SwiftShader, a program that implements Vulkan on the CPU.
// It is slow and right, which is what tests need. It is taken from Chromium where that is installed, else out of Debian's
// package chromium-common, which is downloaded and unpacked below out/, not installed.
//
//   node scripts/software-vulkan.mjs npx vitest run --config vitest.webgpu.config.ts
import { execFileSync, spawnSync } from 'node:child_process';
import { copyFileSync, existsSync, mkdirSync, mkdtempSync, readdirSync, renameSync, rmSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const root = dirname(dirname(fileURLToPath(import.meta.url)));
const installed = '/usr/lib/chromium';
const cache = join(root, 'out', 'swiftshader');
const DRIVER = 'vk_swiftshader_icd.json';
const FILES = [DRIVER, 'libvk_swiftshader.so', 'libvulkan.so.1'];

const isComplete = (folder) => FILES.every((name) => existsSync(join(folder, name)));

/** Downloads the package to a folder beside the cache and takes the three files out of it. */
function fetchPackage() {
  mkdirSync(dirname(cache), { recursive: true });
  const work = mkdtempSync(`${cache}.`);
  try {
    execFileSync('apt-get', ['download', 'chromium-common'], { cwd: work, stdio: ['ignore', 'ignore', 'pipe'] });
    const archive = readdirSync(work).find((name) => name.endsWith('.deb'));
    execFileSync('dpkg', ['-x', archive, 'unpacked'], { cwd: work, stdio: ['ignore', 'ignore', 'pipe'] });
    const fresh = join(work, 'swiftshader');
    mkdirSync(fresh);
    for (const name of FILES) copyFileSync(join(work, 'unpacked', installed, name), join(fresh, name));
    rmSync(cache, { recursive: true, force: true });
    renameSync(fresh, cache);
  } finally {
    rmSync(work, { recursive: true, force: true });
  }
}

/** The folder that has the driver and the loader. */
function softwareVulkan() {
  const found = [installed, cache].find(isComplete);
  if (found) return found;
  try {
    fetchPackage();
  } catch (error) {
    const why = String(error.stderr ?? '').trim() || error.message;
    console.error(`SwiftShader could not be had from Debian's package chromium-common: ${why}`);
    console.error('Install Chromium, or run `apt-get update` first where apt-get knows no packages.');
    process.exit(4);
  }
  return cache;
}

const [command, ...args] = process.argv.slice(2);
if (!command) {
  console.error('usage: node scripts/software-vulkan.mjs COMMAND [ARGUMENT ...]');
  process.exit(2);
}
const folder = softwareVulkan();
const env = {
  ...process.env,
  LD_LIBRARY_PATH: [folder, process.env.LD_LIBRARY_PATH].filter(Boolean).join(':'),
  VK_ICD_FILENAMES: join(folder, DRIVER),
};
// It would go before the other one.
delete env.VK_DRIVER_FILES;
const { status, signal, error } = spawnSync(command, args, { stdio: 'inherit', env });
if (error) console.error(`${command} could not be started: ${error.message}`);
if (signal) console.error(`${command} was ended by ${signal}`);
process.exit(status ?? 1);
