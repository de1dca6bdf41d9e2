import { readFile } from 'node:fs/promises';
import { describe, expect, it } from 'vitest';
import { EXIT, EXIT_CODES, EXIT_MEANINGS } from '../../clients/cli/exit-codes.js';
import { ERRORS, type ErrorCode } from '../../src/protocol/index.js';

describe('exit codes', () => {
  it('are there for every error of the catalogue, and for no other', () => {
    expect(Object.keys(EXIT_CODES).sort()).toEqual(Object.keys(ERRORS).sort());
  });

  it('each have a meaning', () => {
    expect(Object.keys(EXIT_MEANINGS).map(Number)).toEqual(Object.values(EXIT));
    expect(Object.values(EXIT_CODES).filter((code) => !(code in EXIT_MEANINGS) || Number(code) === EXIT.ok)).toEqual(
      [],
    );
  });

  it('are in docs/cli.md, each with its meaning and its errors', async () => {
    const page = await readFile(new URL('../../docs/cli.md', import.meta.url), 'utf8');
    for (const [code, meaning] of Object.entries(EXIT_MEANINGS)) {
      const row = page.split('\n').find((line) => line.startsWith(`| ${code} `)) ?? '';
      expect(row).toContain(meaning);
      const errors = (Object.keys(EXIT_CODES) as ErrorCode[]).filter((error) => EXIT_CODES[error] === Number(code));
      for (const error of errors) expect(row, `the row of ${code} should name ${error}`).toContain(`\`${error}\``);
    }
  });
});
