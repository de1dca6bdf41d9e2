/** What can be told about the graphics processors of a machine without loading any of their libraries. */
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';

export interface Machine {
  readonly platform: NodeJS.Platform;
  readonly arch: string;
  /** Ways to a graphics processor: device files on Linux, the name of the system's interface elsewhere. */
  readonly graphics: readonly string[];
  /** Version of NVIDIA's driver; `unknown` where the driver is there and does not say; null where there is none. */
  readonly nvidia: string | null;
  /** Names of NVIDIA's processors, where the driver tells them. */
  readonly nvidiaNames: readonly string[];
}

/** Names in a folder; none where it cannot be read. */
function namesIn(folder: string): string[] {
  try {
    return readdirSync(folder).sort();
  } catch {
    return [];
  }
}

/** The text of a file; null where it cannot be read. */
function textOf(path: string): string | null {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return null;
  }
}

/** Device files of Linux that lead to a graphics processor; `root` is where /dev and /proc are. */
function linuxGraphics(root: string): string[] {
  const dri = namesIn(join(root, 'dev/dri')).filter((name) => name.startsWith('renderD'));
  const nvidia = namesIn(join(root, 'dev')).filter((name) => /^nvidia\d+$/.test(name));
  // Windows' subsystem for Linux has its graphics processor here.
  const windows = existsSync(join(root, 'dev/dxg')) ? ['/dev/dxg'] : [];
  return [...dri.map((name) => `/dev/dri/${name}`), ...nvidia.map((name) => `/dev/${name}`), ...windows];
}

/** Looks at this machine; takes about a millisecond. */
export function detectMachine(
  platform: NodeJS.Platform = process.platform,
  arch: string = process.arch,
  root = '/',
): Machine {
  if (platform !== 'linux') {
    const graphics = platform === 'darwin' ? ['Metal'] : platform === 'win32' ? ['Direct3D'] : [];
    return { platform, arch, graphics, nvidia: null, nvidiaNames: [] };
  }
  const graphics = linuxGraphics(root);
  const driver = textOf(join(root, 'proc/driver/nvidia/version'));
  const version = driver === null ? null : (/\s(\d+\.\d[\d.]*)\s/.exec(driver)?.[1] ?? 'unknown');
  const behindWindows = graphics.includes('/dev/dxg') && existsSync(join(root, 'usr/lib/wsl/lib/libcuda.so.1'));
  const present = graphics.some((path) => path.startsWith('/dev/nvidia')) || behindWindows;
  const folder = join(root, 'proc/driver/nvidia/gpus');
  const nvidiaNames = namesIn(folder).flatMap((name) => {
    const model = /^Model:\s*(.+?)\s*$/m.exec(textOf(join(folder, name, 'information')) ?? '')?.[1];
    return model === undefined ? [] : [model];
  });
  return { platform, arch, graphics, nvidia: present ? (version ?? 'unknown') : null, nvidiaNames };
}
