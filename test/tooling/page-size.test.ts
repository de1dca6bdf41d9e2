/** The page as it was built stays small, and brings all it needs itself. */
import { readdirSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { gzipSync } from 'node:zlib';
import { describe, expect, it } from 'vitest';

const folder = fileURLToPath(new URL('../../dist/web/', import.meta.url));
const files = readdirSync(folder, { recursive: true, encoding: 'utf8' });
const read = (name: string): Buffer => readFileSync(`${folder}${name}`);

const MOST_BYTES_OF_SCRIPT = 150_000;

describe('the page', () => {
  it('has less than 150 kB of JavaScript, gzipped', () => {
    const scripts = files.filter((name) => name.endsWith('.js'));
    expect(scripts.length).toBeGreaterThan(0);
    const bytes = scripts.reduce((sum, name) => sum + gzipSync(read(name)).byteLength, 0);
    expect(bytes).toBeLessThan(MOST_BYTES_OF_SCRIPT);
  });

  it('loads nothing from elsewhere', () => {
    const addresses = files
      .filter((name) => /\.(html|css)$/.test(name))
      .flatMap((name) => [
        ...read(name)
          .toString()
          .matchAll(/(?:src|href)="([^"]+)"|url\(([^)]+)\)/g),
      ])
      .map(([, attribute, url]) => attribute ?? url);
    expect(addresses.filter((address) => !/^\.\//.test(address ?? ''))).toEqual([]);
  });
});
