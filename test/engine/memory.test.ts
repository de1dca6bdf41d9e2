import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { budgetBytes, readMemory, type Memory } from '../../src/engine/memory.js';

let root: string;
beforeEach(() => (root = mkdtempSync(join(tmpdir(), 'neuroreel-memory-'))));
afterEach(() => rmSync(root, { recursive: true, force: true }));

const MB = 1024 ** 2;
const MEMINFO = `MemTotal:       ${8000 * 1024} kB\nMemFree:  1 kB\nMemAvailable:   ${6000 * 1024} kB\n`;

function memoryWith(files: Readonly<Record<string, string>>): Memory {
  for (const [path, text] of Object.entries({ 'proc/meminfo': MEMINFO, ...files })) {
    mkdirSync(dirname(join(root, path)), { recursive: true });
    writeFileSync(join(root, path), text);
  }
  return readMemory(root);
}

describe('the memory that may be used', () => {
  it("is what is free on the machine, where no container's limit is set", () => {
    const whole = { total: 8000 * MB, free: 6000 * MB, limit: null, usable: 6000 * MB };
    expect(memoryWith({})).toEqual(whole);
    expect(memoryWith({ 'proc/self/cgroup': '0::/\n', 'sys/fs/cgroup/memory.max': 'max\n' })).toEqual(whole);
  });

  it('is what a control group of version 2 leaves, caches that are given back not counted', () => {
    const memory = memoryWith({
      'proc/self/cgroup': '0::/\n',
      'sys/fs/cgroup/memory.max': `${1000 * MB}\n`,
      'sys/fs/cgroup/memory.current': `${700 * MB}\n`,
      'sys/fs/cgroup/memory.stat': `anon 1\nactive_file 5\ninactive_file ${200 * MB}\n`,
    });
    expect(memory).toEqual({ total: 8000 * MB, free: 6000 * MB, limit: 1000 * MB, usable: 500 * MB });
  });

  it('is what the narrowest of the groups around a process leaves', () => {
    const memory = memoryWith({
      'proc/self/cgroup': '0::/user/job\n',
      'sys/fs/cgroup/user/job/memory.max': `${4000 * MB}`,
      'sys/fs/cgroup/user/job/memory.current': `${100 * MB}`,
      'sys/fs/cgroup/user/memory.max': `${2000 * MB}`,
      'sys/fs/cgroup/user/memory.current': `${1500 * MB}`,
    });
    expect(memory).toMatchObject({ limit: 2000 * MB, usable: 500 * MB });
  });

  it('is what a control group of version 1 leaves, also where its path is that of the host', () => {
    const memory = memoryWith({
      'proc/self/cgroup': '4:memory:/docker/abc\n1:cpu:/docker/abc\n0::/\n',
      'sys/fs/cgroup/memory/memory.limit_in_bytes': `${512 * MB}\n`,
      'sys/fs/cgroup/memory/memory.usage_in_bytes': `${300 * MB}\n`,
      'sys/fs/cgroup/memory/memory.stat': `cache 1\ntotal_inactive_file ${50 * MB}\n`,
    });
    expect(memory).toMatchObject({ limit: 512 * MB, usable: 262 * MB });
  });

  it('is not bounded by the huge number that version 1 has for no limit', () => {
    const memory = memoryWith({
      'proc/self/cgroup': '4:memory:/\n',
      'sys/fs/cgroup/memory/memory.limit_in_bytes': '9223372036854771712\n',
    });
    expect(memory).toMatchObject({ limit: null, usable: 6000 * MB });
  });

  it('is never negative', () => {
    const memory = memoryWith({
      'proc/self/cgroup': '0::/\n',
      'sys/fs/cgroup/memory.max': `${100 * MB}`,
      'sys/fs/cgroup/memory.current': `${101 * MB}`,
    });
    expect(memory.usable).toBe(0);
  });

  it('of this machine makes sense', () => {
    const { total, free, usable } = readMemory();
    expect(usable).toBeGreaterThan(0);
    expect(usable).toBeLessThanOrEqual(free);
    expect(free).toBeLessThanOrEqual(total);
  });
});

describe('a budget', () => {
  it.each([
    ['4G', 4 * 2 ** 30],
    ['1.5 M', 1.5 * 2 ** 20],
    ['1024', 1024],
    ['50%', 500],
    ['100%', 1000],
    ['250%', 1000],
  ])('of %s is a number of bytes', (text, bytes) => {
    expect(budgetBytes(text, 1000)).toBe(bytes);
  });

  it.each(['', 'much', '-1G', '4X', '1e9', '50 percent', '9'.repeat(40)])('of %j is refused', (text) => {
    expect(() => budgetBytes(text, 1000)).toThrow(/K, M, G or T/);
  });
});
