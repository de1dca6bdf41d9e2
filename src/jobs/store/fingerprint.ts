/** A hash of what was submitted: equal for equal submissions, in whatever order their fields came. */
import { createHash } from 'node:crypto';

function canonical(value: unknown): string {
  return JSON.stringify(value, (_, part: unknown) =>
    typeof part === 'object' && part !== null && !Array.isArray(part)
      ? Object.fromEntries(Object.entries(part).sort(([a], [b]) => (a < b ? -1 : 1)))
      : part,
  );
}

export function fingerprintOf(submission: object): string {
  return createHash('sha256').update(canonical(submission)).digest('hex');
}
