/** Runs the real command line in a process of its own, in a folder of its own. */
import { spawn, type ChildProcess } from 'node:child_process';
import { mkdtemp, rm } from 'node:fs/promises';
import { constants, tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

export const program = fileURLToPath(new URL('../../bin/neuroreel.mjs', import.meta.url));

export interface CliResult {
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
  /** What standard output holds, as JSON. */
  readonly document: any;
}

export interface Running {
  readonly child: ChildProcess;
  readonly ended: Promise<CliResult>;
  /** Resolves with what was written to both when it holds the text. */
  saying(text: string | RegExp): Promise<string>;
}

export interface Place {
  readonly path: string;
  readonly env: Record<string, string>;
  run(args: readonly string[], env?: Readonly<Record<string, string>>): Promise<CliResult>;
  start(args: readonly string[], env?: Readonly<Record<string, string>>): Running;
  remove(): Promise<void>;
}

/** The environment without what would change how commands behave on this machine. */
function cleanEnvironment(home: string): Record<string, string> {
  const kept = Object.entries(process.env).filter(
    ([name, value]) => value !== undefined && !/^(NEUROREEL_|XDG_|npm_|FFMPEG_PATH$)/.test(name),
  ) as [string, string][];
  return { ...Object.fromEntries(kept), HOME: home, NO_COLOR: '1' };
}

function start(cwd: string, args: readonly string[], env: Readonly<Record<string, string>>): Running {
  const child = spawn(process.execPath, [program, ...args], { cwd, env, stdio: ['ignore', 'pipe', 'pipe'] });
  const said = { stdout: '', stderr: '' };
  let wake: () => void = () => undefined;
  for (const name of ['stdout', 'stderr'] as const) {
    child[name].setEncoding('utf8').on('data', (text: string) => {
      said[name] += text;
      wake();
    });
  }
  const ended = new Promise<CliResult>((resolve, reject) => {
    child.on('error', reject);
    child.on('close', (code, signal) => {
      wake();
      resolve({
        // As a shell has it.
        code: code ?? 128 + constants.signals[signal!],
        ...said,
        get document() {
          return JSON.parse(said.stdout) as unknown;
        },
      });
    });
  });
  return {
    child,
    ended,
    async saying(text) {
      for (;;) {
        const all = said.stdout + said.stderr;
        if (typeof text === 'string' ? all.includes(text) : text.test(all)) return all;
        if (child.exitCode !== null) throw new Error(`it ended and never said ${String(text)}: ${all}`);
        await new Promise<void>((resolve) => (wake = resolve));
      }
    },
  };
}

/** A folder in which commands run, which is their home as well. */
export async function openPlace(env: Readonly<Record<string, string>> = {}): Promise<Place> {
  const path = await mkdtemp(join(tmpdir(), 'neuroreel-cli-'));
  const all = { ...cleanEnvironment(path), ...env };
  const begin = (args: readonly string[], more: Readonly<Record<string, string>> = {}): Running =>
    start(path, args, { ...all, ...more });
  return {
    path,
    env: all,
    start: begin,
    run: (args, more) => begin(args, more).ended,
    remove: () => rm(path, { recursive: true, force: true }),
  };
}
