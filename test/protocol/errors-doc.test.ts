import { readFile } from 'node:fs/promises';
import { describe, expect, it } from 'vitest';
import { ERRORS, NeuroreelError } from '../../src/protocol/errors.js';

interface ErrorsDoc {
  readonly errorsDocPath: string;
  renderErrorsDoc(errors: typeof ERRORS): string;
}

describe('the catalogue of errors', () => {
  it('is what docs/errors.md says (run `node scripts/errors-doc.mjs` after a change)', async () => {
    const script = new URL('../../scripts/errors-doc.mjs', import.meta.url).href;
    const { errorsDocPath, renderErrorsDoc } = (await import(script)) as ErrorsDoc;
    expect(await readFile(errorsDocPath, 'utf8')).toBe(renderErrorsDoc(ERRORS));
  });

  it.each(Object.entries(ERRORS))('%s has a status, a meaning and a remedy, each a sentence', (_, entry) => {
    expect(entry.status).toBeGreaterThanOrEqual(400);
    expect(entry.status).toBeLessThan(600);
    for (const text of [entry.meaning, entry.remedy]) expect(text).toMatch(/^\S.{10,}\.$/s);
  });

  it('gives an error its status and remedy, and leaves out details that there are none of', () => {
    const error = new NeuroreelError('JOB_UNKNOWN', 'There is no job a.');
    expect(error.status).toBe(404);
    expect(error.toJSON()).toEqual({ code: 'JOB_UNKNOWN', message: error.message, remedy: ERRORS.JOB_UNKNOWN.remedy });
    expect(new NeuroreelError('JOB_UNKNOWN', 'x', { details: [] }).toJSON()).toHaveProperty('details', []);
  });
});
