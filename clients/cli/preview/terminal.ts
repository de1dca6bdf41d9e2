/** Which way a terminal shows pictures: what its variables say, else what it answers when it is asked. */
import type { ReadStream, WriteStream } from 'node:tty';
import type { Way } from './ways.js';

export type Environment = Readonly<Record<string, string | undefined>>;

export interface TerminalFacts {
  readonly way: Way | 'none';
  readonly trueColour: boolean;
  /** Size of a character in pixels. */
  readonly cell: { readonly width: number; readonly height: number };
}

const ESC = '\x1b';

/** Of a terminal that does not say. */
const USUAL_CELL = { width: 10, height: 20 } as const;

/** Milliseconds that an answer may take; a connection to far away needs some. */
const PATIENCE_MS = 400;

/** What the variables of terminals say that show pictures. */
const KNOWN: readonly (readonly [way: Way, says: (env: Environment) => boolean])[] = [
  ['kitty', (env) => env['KITTY_WINDOW_ID'] !== undefined || env['TERM'] === 'xterm-kitty'],
  ['kitty', (env) => env['TERM_PROGRAM'] === 'ghostty' || env['TERM'] === 'xterm-ghostty'],
  ['iterm', (env) => ['iTerm.app', 'WezTerm', 'mintty'].includes(env['TERM_PROGRAM'] ?? '')],
  ['iterm', (env) => env['LC_TERMINAL'] === 'iTerm2'],
];

/** Whether something stands between the program and the terminal that lets no pictures through unless it says so. */
const isMultiplexed = (env: Environment): boolean =>
  env['TMUX'] !== undefined || env['STY'] !== undefined || /^(screen|tmux)/.test(env['TERM'] ?? '');

/** The way that the variables tell; null where they say nothing, `none` where nothing is to be shown. */
export function wayByVariables(env: Environment): Way | 'none' | null {
  if (env['TERM'] === 'dumb' || (env['NO_COLOR'] ?? '') !== '') return 'none';
  if (isMultiplexed(env)) return null;
  return KNOWN.find(([, says]) => says(env))?.[0] ?? null;
}

export const hasTrueColour = (env: Environment): boolean =>
  /^(truecolor|24bit)$/.test(env['COLORTERM'] ?? '') || /-direct$|kitty|ghostty/.test(env['TERM'] ?? '');

/** A picture of one pixel to kitty's protocol, the size of a character, and what the terminal is; all answer that to the last. */
export const QUESTION = '\x1b_Gi=31,s=1,v=1,a=q,t=d,f=24;AAAA\x1b\\\x1b[16t\x1b[c';

const ATTRIBUTES = new RegExp(`${ESC}\\[\\?([\\d;]*)c`);
const CELL_SIZE = new RegExp(`${ESC}\\[6;(\\d+);(\\d+)t`);

/** What the answers to {@link QUESTION} say. */
export function answersIn(text: string): { way: Way | null; cell: TerminalFacts['cell'] | null; complete: boolean } {
  const attributes = ATTRIBUTES.exec(text);
  const size = CELL_SIZE.exec(text);
  const sixel = attributes?.[1]?.split(';').slice(1).includes('4') ?? false;
  const way = text.includes('\x1b_Gi=31;OK') ? 'kitty' : sixel ? 'sixel' : null;
  const [height, width] = [Number(size?.[1] ?? 0), Number(size?.[2] ?? 0)];
  return { way, cell: height > 0 && width > 0 ? { width, height } : null, complete: attributes !== null };
}

/** Asks the terminal, and gives back what it answered. Nothing that is typed meanwhile is taken for the program's input. */
export async function ask(input: ReadStream, output: WriteStream, patienceMs = PATIENCE_MS): Promise<string> {
  const wasRaw = input.isRaw;
  let text = '';
  input.setRawMode(true);
  try {
    await new Promise<void>((resolve) => {
      const timer = setTimeout(resolve, patienceMs);
      input.on('data', (bytes: Buffer | string) => {
        text += bytes.toString('latin1');
        // A raw terminal sends no signal.
        if (text.includes('\x03')) process.kill(process.pid, 'SIGINT');
        if (!answersIn(text).complete) return;
        clearTimeout(timer);
        resolve();
      });
      output.write(QUESTION);
    });
  } finally {
    input.removeAllListeners('data');
    input.setRawMode(wasRaw);
    input.pause();
    input.unref();
  }
  return text;
}

export interface DetectOptions {
  /** `auto`, or the way that the user asked for. */
  readonly wish: Way | 'auto' | 'none';
  readonly env: Environment;
  readonly input: ReadStream;
  readonly output: WriteStream;
}

/** Finds out how pictures are shown; `none` where standard error is no terminal. */
export async function detectTerminal({ wish, env, input, output }: DetectOptions): Promise<TerminalFacts> {
  const trueColour = hasTrueColour(env);
  const unasked = (way: Way | 'none'): TerminalFacts => ({ way, trueColour, cell: USUAL_CELL });
  if (!output.isTTY || wish === 'none') return unasked('none');
  const told = wish === 'auto' ? wayByVariables(env) : wish;
  if (told === 'none' || told === 'blocks' || !input.isTTY) return unasked(told ?? 'blocks');
  const { way, cell } = answersIn(await ask(input, output));
  return { way: told ?? way ?? 'blocks', trueColour, cell: cell ?? USUAL_CELL };
}
