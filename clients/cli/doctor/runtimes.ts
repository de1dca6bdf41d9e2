/** The check of the runtimes: each is tried and timed, and what the commands would take is opened. */
import { samePlace, showPlace } from '../../../src/engine/runtimes/choice.js';
import { openRuntime } from '../../../src/engine/runtimes/open.js';
import {
  selectRuntime,
  type Selection,
  type SelectOptions,
  type Standing,
} from '../../../src/engine/runtimes/select.js';
import { NeuroreelError } from '../../../src/protocol/index.js';
import { columns } from '../format.js';
import { runtimeChoice, type RuntimeChoice } from '../settings.js';
import type { Check } from './check.js';

export interface RuntimeFindings {
  readonly checks: readonly Check[];
  readonly selection: Selection;
}

/** @param given the options; what they leave open is up to the environment */
export async function runtimeChecks(given: Partial<RuntimeChoice>, options: SelectOptions): Promise<RuntimeFindings> {
  const selection = await selectRuntime({ ...options, everything: true });
  return { checks: [await choiceCheck(given, selection, options), ...gpuCheck(selection)], selection };
}

/** Opens what a command with these options and this environment would compute with. */
async function choiceCheck(
  given: Partial<RuntimeChoice>,
  { order, reason, standings }: Selection,
  options: SelectOptions,
): Promise<Check> {
  const name = 'runtime';
  try {
    const { runtime, device } = runtimeChoice(given);
    const auto = runtime === 'auto' && device === 'auto';
    const taken = auto ? order[0] : undefined;
    const opened = await openRuntime(taken?.runtime ?? runtime, taken?.device ?? device, options);
    const standing = standings.find((s) => s.runtime === opened.name && s.device === opened.device);
    const pretends = standing?.software === true ? ', a program in the place of a graphics processor: slow' : '';
    const why = auto
      ? `auto takes ${opened.name} on ${opened.device}, since ${reason}`
      : `asked for by name${pretends}`;
    return { name, state: pretends === '' ? 'ok' : 'warning', found: `${opened.description}: ${why}` };
  } catch (error) {
    if (!(error instanceof NeuroreelError)) throw error;
    const { message, remedy, code } = error;
    return { name, state: 'problem', found: message, remedy, code };
  }
}

/** A graphics processor that nothing can use is worth a word. */
function gpuCheck({ standings, idle }: Selection): Check[] {
  if (idle.length === 0) return [];
  const tries = standings.filter((s) => idle.some((place) => samePlace(place, s)));
  const found = tries.map((s) => `${showPlace(s)}: ${s.why ?? 'slower than the CPU'}`).join('; ');
  const remedy = tries.map((s) => s.remedy).find((text) => text !== undefined);
  return [{ name: 'runtime', state: 'warning', found: `the graphics processor is not used. ${found}`, remedy }];
}

const rate = ({ gflops }: Standing): string => (gflops === undefined ? '' : `${Number(gflops.toPrecision(3))} GFLOP/s`);

/** The table of all candidates, and below it what to do for those that do not work. */
export function runtimeTable({ standings }: Selection): string {
  const rows = standings.map((s) => [
    s.runtime,
    s.device,
    s.software ? 'software' : s.state,
    rate(s),
    s.why ?? about(s),
  ]);
  const remedies = standings.flatMap((s) => (s.remedy === undefined ? [] : [`${showPlace(s)}: ${s.remedy}`]));
  const table = columns([['RUNTIME', 'DEVICE', 'STATE', 'SPEED', ''], ...rows]);
  return [table, ...(remedies.length > 0 ? ['', 'To get what does not work:', ...remedies] : [])].join('\n');
}

const about = ({ description, adapter }: Standing): string => [description, adapter].filter(Boolean).join(', ');
