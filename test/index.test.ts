import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import * as neuroreel from '../src/index.js';
import * as protocol from '../src/protocol/index.js';
import * as server from '../src/server/index.js';
import * as video from '../src/video/index.js';

const source = (path: string): string => readFileSync(new URL(`../${path}`, import.meta.url), 'utf8');

describe('the package', () => {
  it('has what its opening words promise', () => {
    for (const name of ['createServer', 'openSynthesis', 'audit', 'train', 'GraphBuilder', 'openRuntime'] as const) {
      expect(typeof neuroreel[name], name).toBe('function');
    }
    expect(neuroreel).toMatchObject(protocol);
  });

  it('loses no name to another of the same spelling', () => {
    // A name that two `export *` have in common is left out of a module without a word.
    for (const part of [protocol, server, video]) {
      expect(Object.keys(part).filter((name) => !(name in neuroreel))).toEqual([]);
    }
  });

  it('is found under the paths that package.json exports', () => {
    const { exports } = JSON.parse(source('package.json')) as { exports: Record<string, string> };
    expect(exports['.']).toBe('./dist/src/index.js');
    expect(exports['./protocol']).toBe('./dist/src/protocol/index.js');
  });
});
