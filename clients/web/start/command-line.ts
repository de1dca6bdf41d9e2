/** A request as the command that makes the same without this page. */
import type { JobRequestInput } from '../../../src/protocol/jobs.js';

/** Options of `neuroreel KIND` by the field of the request; a test holds them to its `--help`. */
const SYNTHESIS = ['model', 'preset', 'settings', 'seed', 'iterations', 'device'];
const OPTIONS = [...SYNTHESIS, 'layer', 'position', 'prior'];
export const COMMANDS: Readonly<Record<string, Readonly<Record<string, string>>>> = {
  video: named([...OPTIONS, 'unit', 'frames', 'fps']),
  image: { ...named([...OPTIONS, 'starts']), units: 'unit' },
  figure: {
    ...named([...SYNTHESIS, 'units', 'layers', 'priors', 'checkpoints', 'starts', 'frames', 'real', 'fps']),
    jobs: 'videos',
  },
  batch: named([...SYNTHESIS, 'units', 'prior', 'starts', 'frames', 'fps']),
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

/** Fields that name what only the server has. */
const OF_SERVER = ['clips', 'real', 'jobs'];
/** Options that take words one after the other; others take a list with commas. */
const SPACED = ['videos'];

/** Characters of a line that is not broken. */
const LINE = 72;

/** A word as a shell of POSIX takes it. */
export const quoted = (word: string): string =>
  /^[A-Za-z0-9_./:,=@%+-]+$/.test(word) ? word : `'${word.replaceAll("'", "'\\''")}'`;

function wordsOf(option: string, value: unknown): string {
  if (Array.isArray(value))
    return SPACED.includes(option) ? value.map(String).map(quoted).join(' ') : quoted(value.join(','));
  return quoted(typeof value === 'string' ? value : JSON.stringify(value));
}

/** The fields of a request as one level, as a command has them: of a batch, those of its jobs, too. */
function flat({ kind: _, ...request }: JobRequestInput): Readonly<Record<string, unknown>> {
  if (!('job' in request)) return request;
  const { units, job } = request;
  const { kind: _kind, ...fields } = job;
  return { model: fields.model, units: units === 'all' ? undefined : units, ...fields };
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

/**
 * @param server its address, for what only the server has
 * @returns null for a kind that has no command
 */
export function commandLine(request: JobRequestInput, server: string): CommandLine | null {
  const options = COMMANDS[request.kind];
  if (options === undefined) return null;
  const { figure, ...fields } = flat(request);
  const set = Object.entries(fields).filter(([, value]) => value !== undefined);
  const known = set.filter(([name]) => name in options);
  const words = known.map(([name, value]) => `--${options[name]} ${wordsOf(options[name]!, value)}`);
  const there = known.some(([name]) => OF_SERVER.includes(name)) ? [`--server ${quoted(server)}`] : [];
  return {
    line: inLines([
      `neuroreel ${[request.kind, ...(typeof figure === 'string' ? [figure] : [])].join(' ')}`,
      ...words,
      ...there,
    ]),
    missing: set.map(([name]) => name).filter((name) => !(name in options)),
  };
}

/** A request as a call of curl. */
export function curlLine(request: JobRequestInput, server: string, hasToken: boolean): string {
  const token = hasToken ? ' -H "Authorization: Bearer $NEUROREEL_TOKEN"' : '';
  const body = quoted(JSON.stringify(request));
  return `curl -X POST ${new URL('v1/jobs', server).href}${token} -H 'Content-Type: application/json' -d ${body}`;
}
