/**
 * Chooses what computes: the fastest that works on this machine. Without a graphics processor that is known without a
 * trial; with one, candidates are tried and timed in processes of their own, once, and what they told is remembered.
 */
import { CANDIDATES, type Candidate } from './candidates.js';
import { samePlace, showPlace, type Place } from './choice.js';
import { detectMachine, type Machine } from './machine.js';
import { cacheKey, defaultCache, remember, remembered } from './probe/cache.js';
import { probe, type ProbeOptions } from './probe/probe.js';
import type { ProbeResult } from './probe/told.js';

/** What is known of a candidate. */
export interface Standing {
  readonly runtime: Place['runtime'];
  readonly device: Place['device'];
  /** `untried`: nothing is known to be missing, and nobody looked any further. */
  readonly state: 'works' | 'fails' | 'absent' | 'untried';
  /** What it is, with its version, when it works. */
  readonly description?: string | undefined;
  /** The graphics processor, where known. */
  readonly adapter?: string | undefined;
  /** What claims to be a graphics processor is a program on the CPU. */
  readonly software: boolean;
  /** 10^9 floating point operations a second of a small step, where timed. */
  readonly gflops?: number | undefined;
  /** Why it does not work. */
  readonly why?: string | undefined;
  /** What to do so that it works. */
  readonly remedy?: string | undefined;
}

export interface Selection {
  /** What `auto` takes, best first: the next one is for when one fails to open after all. */
  readonly order: readonly Place[];
  readonly reason: string;
  /** What would compute on a graphics processor of this machine and is not taken. */
  readonly idle: readonly Place[];
  readonly standings: readonly Standing[];
}

export interface SelectOptions {
  readonly machine?: Machine;
  /** File that remembers trials. */
  readonly cache?: string;
  /** Milliseconds since 1970. */
  readonly now?: () => number;
  /** Tries everything, also what need not be tried to choose, and nothing remembered counts. */
  readonly everything?: boolean;
  /** Hears what is tried next. */
  readonly onTrial?: (place: Place) => void;
  readonly probing?: ProbeOptions;
  readonly candidates?: readonly Candidate[];
}

/** A trial, or what is remembered of one. */
export async function tried(place: Place, options: SelectOptions = {}): Promise<ProbeResult> {
  const { machine = detectMachine(), cache = defaultCache(), now = Date.now, everything = false, probing } = options;
  const key = cacheKey(place, machine);
  const known = everything ? null : remembered(cache, key, now());
  if (known) return known;
  const result = await probe(place, machine, probing);
  remember(cache, key, result, now());
  return result;
}

/** What can be said of a candidate without a trial. */
function untried(candidate: Candidate, machine: Machine): Standing {
  const { runtime, device } = candidate;
  const lack = candidate.lacks(machine);
  return lack
    ? { runtime, device, state: 'absent', software: false, ...lack }
    : { runtime, device, state: 'untried', software: false };
}

function afterTrial({ runtime, device, remedy }: Candidate, result: ProbeResult): Standing {
  const { adapter } = result;
  if (!result.works) return { runtime, device, state: 'fails', software: false, adapter, why: result.why, remedy };
  const { description, software, gflops } = result;
  return { runtime, device, state: 'works', software, adapter, description, gflops };
}

/**
 * Chooses among all candidates.
 * @returns the choice with its reason, and what is known of every candidate
 */
export async function selectRuntime(options: SelectOptions = {}): Promise<Selection> {
  const { machine = detectMachine(), everything = false, candidates = CANDIDATES } = options;
  const onGpu = candidates.filter((c) => c.onGpu(machine) && c.lacks(machine) === null);
  // The best of those on the CPU is measured, too, where a GPU has to beat it.
  const rival = candidates.find((c) => !c.risky);
  const worthTrying = new Set(onGpu.length > 0 && rival ? [...onGpu, rival] : onGpu);
  const standings: Standing[] = [];
  for (const candidate of candidates) {
    const before = untried(candidate, machine);
    if (before.state === 'untried' && (everything || worthTrying.has(candidate))) {
      options.onTrial?.(candidate);
      standings.push(afterTrial(candidate, await tried(candidate, { ...options, machine })));
    } else {
      standings.push(before);
    }
  }
  const gpus = candidates.filter((c) => c.onGpu(machine)).map(({ runtime, device }) => ({ runtime, device }));
  const choice = decide(standings, gpus);
  const used = gpus.some((place) => choice.order[0] && samePlace(place, choice.order[0]));
  return { ...choice, idle: used ? [] : gpus, standings };
}

const gflopsWords = (gflops: number): string => `${Number(gflops.toPrecision(3))} GFLOP/s`;

/**
 * The choice: candidates on a graphics processor and the best on the CPU by their measured rates, then the others on the
 * CPU as they are listed. A graphics processor that is a program is none.
 * @param standings in the order of preference
 * @param gpus those that compute on a graphics processor of this machine
 */
export function decide(
  standings: readonly Standing[],
  gpus: readonly Place[],
): { order: readonly Place[]; reason: string } {
  const isGpu = (s: Standing): boolean => gpus.some((place) => samePlace(place, s));
  const usable = standings.filter((s) => (s.state === 'works' || s.state === 'untried') && !s.software);
  const onCpu = usable.filter((s) => !isGpu(s) && s.device !== 'webgpu' && s.device !== 'cuda');
  const best = onCpu[0];
  const timed = usable.filter((s) => isGpu(s) && s.gflops !== undefined);
  const rate = (s: Standing): number => s.gflops ?? 0;
  const faster = timed.filter((s) => !best || rate(s) > rate(best)).sort((a, b) => rate(b) - rate(a));
  const slower = timed.filter((s) => !faster.includes(s));
  const order = [...faster, ...onCpu, ...slower].map(({ runtime, device }) => ({ runtime, device }));
  return { order, reason: reasonFor(faster[0], best, slower, gpus) };
}

function reasonFor(
  gpu: Standing | undefined,
  cpu: Standing | undefined,
  slower: readonly Standing[],
  gpus: readonly Place[],
): string {
  if (gpu) {
    const than = cpu?.gflops === undefined ? '' : `, ${showPlace(cpu)} does ${gflopsWords(cpu.gflops)}`;
    return `it is the fastest that works here: ${gflopsWords(gpu.gflops ?? 0)}${than}`;
  }
  if (!cpu) return 'nothing works on this machine';
  if (slower.length > 0) {
    const rates = slower.map((s) => `${showPlace(s)} does ${gflopsWords(s.gflops ?? 0)}`).join(', ');
    return `it is faster than the GPU: ${gflopsWords(cpu.gflops ?? 0)}, ${rates}`;
  }
  const none = gpus.length > 0 ? 'no GPU of this machine can be used' : 'there is no GPU that can be used';
  return `${none}, and on a CPU it is the fastest`;
}
