/** How much memory this process may use: the machine's, and less where a container (a control group) limits it. */
import { memorySize } from '../protocol/runtimes.js';
import { parseWith } from '../protocol/validation.js';
import { readFileSync } from 'node:fs';
import { freemem, totalmem } from 'node:os';
import { join } from 'node:path';

/** All in bytes. */
export interface Memory {
  readonly total: number;
  /** What can be had without swapping, caches of files included. */
  readonly free: number;
  /** The container's limit; null where there is none. */
  readonly limit: number | null;
  /** What may still be used: the least of what is free on the machine and within every limit. */
  readonly usable: number;
}

/** What a control group allows and what of that is free. */
interface Group {
  readonly limit: number;
  readonly free: number;
}

function textOf(path: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return '';
  }
}

/** The number of bytes after a name in a file of `name number` lines, or `name: number kB`. */
function numberIn(text: string, name: string): number | null {
  const found = new RegExp(`^${name}:?\\s+(\\d+)(\\s+kB)?`, 'm').exec(text);
  return found ? Number(found[1]) * (found[2] ? 1024 : 1) : null;
}

/** A group's files by version of the interface; the last is the part of the caches that is given back when needed. */
const FILES = {
  2: { limit: 'memory.max', used: 'memory.current', cached: 'inactive_file' },
  1: { limit: 'memory.limit_in_bytes', used: 'memory.usage_in_bytes', cached: 'total_inactive_file' },
} as const;

/** The group at a folder; null where it sets no limit below what the machine has. */
function groupAt(folder: string, version: 1 | 2, total: number): Group | null {
  const files = FILES[version];
  const limit = /^\d+\s*$/.test(textOf(join(folder, files.limit)))
    ? Number(textOf(join(folder, files.limit)))
    : Infinity;
  if (limit >= total) return null;
  const used =
    Number(textOf(join(folder, files.used))) - (numberIn(textOf(join(folder, 'memory.stat')), files.cached) ?? 0);
  return { limit, free: Math.max(0, limit - Math.max(0, used)) };
}

/** The folders of the groups that this process is in, the innermost first, with the version of their interface. */
function groupFolders(root: string): { folder: string; version: 1 | 2 }[] {
  return textOf(join(root, 'proc/self/cgroup'))
    .split('\n')
    .flatMap((line) => {
      const [, controllers, path] = /^\d+:([^:]*):(\/.*)$/.exec(line) ?? [];
      const version = controllers === '' ? 2 : controllers?.split(',').includes('memory') ? 1 : null;
      if (version === null || path === undefined) return [];
      const mount = join(root, version === 2 ? 'sys/fs/cgroup' : 'sys/fs/cgroup/memory');
      const parts = path.split('/').filter(Boolean);
      // Within a container the path may be that of the host, of which only the mount itself is seen.
      return Array.from({ length: parts.length + 1 }, (_, i) => ({
        folder: join(mount, ...parts.slice(0, parts.length - i)),
        version,
      }));
    });
}

/**
 * Reads how much memory there is.
 * @param root where /proc and /sys are
 */
export function readMemory(root = '/'): Memory {
  const info = textOf(join(root, 'proc/meminfo'));
  const total = numberIn(info, 'MemTotal') ?? totalmem();
  const free = numberIn(info, 'MemAvailable') ?? freemem();
  const groups = groupFolders(root).flatMap(({ folder, version }) => groupAt(folder, version, total) ?? []);
  const limit = groups.length === 0 ? null : Math.min(...groups.map((group) => group.limit));
  return { total, free, limit, usable: Math.min(free, ...groups.map((group) => group.free)) };
}

/** What a run may take unless it is told. */
export const DEFAULT_BUDGET = '50%';

/**
 * The bytes that a text as `memorySize` allows it stands for.
 * @param free bytes of which a share is taken
 * @throws NeuroreelError REQUEST_INVALID for anything else
 */
export function budgetBytes(text: string, free = readMemory().usable): number {
  const { number, unit } = /^(?<number>[\d.]+) ?(?<unit>[KMGT%]?)$/.exec(parseWith(memorySize, text))!.groups!;
  if (unit === '%') return (Math.min(100, Number(number)) / 100) * free;
  return Number(number) * 1024 ** ['', 'K', 'M', 'G', 'T'].indexOf(unit!);
}
