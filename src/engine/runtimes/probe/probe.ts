/** Tries a candidate in a process of its own: nothing that its library does can harm this one. */
import { fork, type ChildProcess } from 'node:child_process';
import { existsSync } from 'node:fs';
import { sep } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { Place } from '../choice.js';
import type { Machine } from '../machine.js';
import { toldSchema, type ProbeResult, type Told } from './told.js';

/** A candidate that has not answered by then never will: drivers that compile their programs first need seconds. */
const TIMEOUT_MS = 30_000;
/** What is kept of the process's standard error: its end. */
const MOST_STDERR = 64 * 1024;

/** Names under which software stands in for a graphics processor. */
const SOFTWARE = /swiftshader|llvmpipe|lavapipe|softpipe|software|basic render|warp|mock/i;

/** The compiled module of the process; beside this one, or in dist/ when this is the source. */
function childModule(): string {
  const beside = fileURLToPath(new URL('./child.js', import.meta.url));
  return existsSync(beside)
    ? beside
    : beside.replace(`${sep}src${sep}engine${sep}`, `${sep}dist${sep}src${sep}engine${sep}`);
}

/** The graphics processor that Vulkan's loader says it uses. */
export function adapterIn(stderr: string): string | undefined {
  return /Using "([^"\n]+)" with driver/.exec(stderr)?.[1]?.trim();
}

/** In words, how a process ended that told nothing. */
function endedWords(code: number | null, signal: NodeJS.Signals | null, stderr: string): string {
  const how = signal === null ? `ended with code ${code}` : `was ended by ${signal}`;
  const last = stderr
    .split('\n')
    .map((line) => line.trim())
    .findLast((line) => line !== '' && !/^(DRIVER|INFO|LAYER|DEBUG|\[Vulkan Loader\])/.test(line));
  return `its process ${how}${last === undefined ? '' : ` (${last.slice(0, 300)})`}`;
}

interface Heard {
  readonly told: Told;
  readonly stderr: string;
}

function listen(child: ChildProcess, timeoutMs: number): Promise<Heard> {
  return new Promise((resolve) => {
    let stderr = '';
    let told: Told | null = null;
    const end = (words: string): void => {
      clearTimeout(timer);
      child.kill('SIGKILL');
      resolve({ told: told ?? { works: false, why: words }, stderr });
    };
    const timer = setTimeout(() => end(`it did not answer within ${timeoutMs / 1000} seconds`), timeoutMs);
    child.stderr?.setEncoding('utf8').on('data', (text: string) => (stderr = (stderr + text).slice(-MOST_STDERR)));
    child.on('message', (message) => {
      const parsed = toldSchema.safeParse(message);
      told = parsed.success ? parsed.data : { works: false, why: 'its process told something that makes no sense' };
    });
    child.on('error', (error) => end(`its process could not be started (${error.message})`));
    child.on('close', (code, signal) => end(endedWords(code, signal, stderr)));
  });
}

export interface ProbeOptions {
  readonly timeoutMs?: number;
  /** The program to run, compiled JavaScript; tests have their own. */
  readonly module?: string;
}

/**
 * Tries a candidate: a graph, checked and timed. Takes one to two seconds; never throws.
 */
export async function probe(
  { runtime, device }: Place,
  machine: Machine,
  { timeoutMs = TIMEOUT_MS, module = childModule() }: ProbeOptions = {},
): Promise<ProbeResult> {
  const child = fork(module, [runtime, device], {
    stdio: ['ignore', 'ignore', 'pipe', 'ipc'],
    execArgv: [],
    // Vulkan's loader then says what it uses.
    env: { ...process.env, VK_LOADER_DEBUG: 'driver', TF_CPP_MIN_LOG_LEVEL: '2' },
    serialization: 'json',
  });
  const { told, stderr } = await listen(child, timeoutMs);
  const adapter = device === 'cuda' ? machine.nvidiaNames[0] : adapterIn(stderr);
  if (!told.works) return { ...told, adapter };
  const pretended = device === 'webgpu' && (machine.graphics.length === 0 || SOFTWARE.test(adapter ?? ''));
  return { ...told, adapter, software: pretended };
}
