/** A request as the command that makes the same without this page. */
import type { JobRequestInput } from '../../../src/protocol/jobs.js';

/** Options of `neuroreel KIND` by the field of the request; a test holds them to its `--help`. */
const OPTIONS = ['model', 'layer', 'position', 'prior', 'preset', 'settings', 'seed', 'iterations', 'device'];
export const COMMANDS: Readonly<Record<string, Readonly<Record<string, string>>>> = {
  video: named([...OPTIONS, 'unit', 'frames', 'fps']),
  image: { ...named([...OPTIONS, 'starts']), units: 'unit' },
  audit: named([
    'model',
    'compare',
    'clips',
    'conditions',
    'permutations',
    'delta',
    'seed',
    'crops',
    'frames',
    'device',
  ]),
};

function named(names: readonly string[]): Record<string, string> {
  return Object.fromEntries(names.map((name) => [name, name]));
}

/** Characters of a line that is not broken. */
const LINE = 72;

/** A word as a shell of POSIX takes it. */
export const quoted = (word: string): string =>
  /^[A-Za-z0-9_./:,=@%+-]+$/.test(word) ? word : `'${word.replaceAll("'", "'\\''")}'`;

function valueOf(value: unknown): string {
  if (Array.isArray(value)) return value.join(',');
  return typeof value === 'string' ? value : JSON.stringify(value);
}

/** Options one below the other where they do not fit one line. */
function inLines(parts: readonly string[]): string {
  const line = parts.join(' ');
  return line.length <= LINE ? line : parts.join(' \\\n  ');
}

export interface CommandLine {
  readonly line: string;
  /** Fields that the command has no option for. */
  readonly missing: readonly string[];
}

/** @returns null for a kind that has no command */
export function commandLine({ kind, ...fields }: JobRequestInput): CommandLine | null {
  const options = COMMANDS[kind];
  if (options === undefined) return null;
  const set = Object.entries(fields).filter(([, value]) => value !== undefined);
  const known = set.filter(([name]) => name in options);
  const words = known.map(([name, value]) => `--${options[name]} ${quoted(valueOf(value))}`);
  return {
    line: inLines([`neuroreel ${kind}`, ...words]),
    missing: set.map(([name]) => name).filter((name) => !(name in options)),
  };
}

/** A request as a call of curl. */
export function curlLine(request: JobRequestInput, server: string, hasToken: boolean): string {
  const token = hasToken ? ' -H "Authorization: Bearer $NEUROREEL_TOKEN"' : '';
  const body = quoted(JSON.stringify(request));
  return `curl -X POST ${new URL('v1/jobs', server).href}${token} -H 'Content-Type: application/json' -d ${body}`;
}
