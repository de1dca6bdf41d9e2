/** Turns what zod finds wrong into one catalogued error whose sentence names the fields. */
import type { z } from 'zod';
import { NeuroreelError, type ErrorCode } from './errors.js';

/** One thing wrong with a value: where, as `a.b[2]` (empty for the value itself), and what. */
export interface FieldProblem {
  readonly field: string;
  readonly problem: string;
}

const MOST_PROBLEMS = 20;
const LONGEST_ECHO = 60;

/** `['a', 2, 'b']` -> `a[2].b` */
function fieldName(path: readonly PropertyKey[]): string {
  return path.reduce<string>((name, key) => {
    if (typeof key === 'number') return `${name}[${key}]`;
    return name === '' ? String(key) : `${name}.${String(key)}`;
  }, '');
}

function valueAt(value: unknown, path: readonly PropertyKey[]): unknown {
  return path.reduce<unknown>((at, key) => (at as Record<PropertyKey, unknown> | null | undefined)?.[key], value);
}

/** A short text of a value for a message; never the whole of a large one. */
function echo(value: unknown): string {
  if (value === undefined) return 'nothing';
  if (typeof value === 'object' && value !== null) return Array.isArray(value) ? 'a list' : 'an object';
  const text = JSON.stringify(value) ?? typeof value;
  return text.length > LONGEST_ECHO ? `${text.slice(0, LONGEST_ECHO)}...` : text;
}

function problemOf(issue: z.core.$ZodIssue, value: unknown): FieldProblem[] {
  if (issue.code === 'unrecognized_keys') {
    return issue.keys.map((key) => ({ field: fieldName([...issue.path, key]), problem: 'is not a known field' }));
  }
  const sentence = issue.message.replace(/^Invalid input: /, '').replace(/^Too (big|small): /, '');
  const got = echo(valueAt(value, issue.path));
  return [{ field: fieldName(issue.path), problem: `${sentence}, got ${got}` }];
}

/** The sentence of a list of problems, for example `frames: expected number to be >=1, got 0`. */
export function describeProblems(problems: readonly FieldProblem[]): string {
  return problems.map(({ field, problem }) => (field === '' ? problem : `${field}: ${problem}`)).join('; ');
}

/**
 * The value as its schema gives it back (defaults filled in).
 * @param code the error to throw: REQUEST_INVALID for requests, MESSAGE_INVALID for WebSocket messages, ...
 * @throws {NeuroreelError} `code`; `details` is a list of {@link FieldProblem}s
 */
export function parseWith<S extends z.ZodType>(
  schema: S,
  value: unknown,
  code: ErrorCode = 'REQUEST_INVALID',
): z.output<S> {
  const result = schema.safeParse(value);
  if (result.success) return result.data;
  const problems = result.error.issues.flatMap((issue) => problemOf(issue, value)).slice(0, MOST_PROBLEMS);
  throw new NeuroreelError(code, `${describeProblems(problems)}.`, { details: problems, cause: result.error });
}
