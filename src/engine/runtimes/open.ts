/** Opens a runtime on a device by their names. */
import { NeuroreelError } from '../../protocol/errors.js';
import { candidateFor } from './candidates.js';
import { placesFor, showPlace, type Place } from './choice.js';
import { detectMachine } from './machine.js';
import type { Runtime } from './runtime.js';
import { selectRuntime, tried, type SelectOptions } from './select.js';

export { DEVICES, RUNTIMES } from './choice.js';

/**
 * Opens a runtime on a device. What has a native library that could end the process is tried in another process before.
 * @param name a name of `RUNTIMES`; `auto` for any
 * @param device a name of `DEVICES`; `auto` for the runtime's own choice (docs/runtimes.md). Both `auto`: the fastest that
 *   works on this machine
 * @throws NeuroreelError REQUEST_INVALID for an unknown name, or a device that the runtime does not have;
 *   RUNTIME_UNAVAILABLE when it does not work here, with the command that installs what is missing
 */
export async function openRuntime(name = 'auto', device = 'auto', options: SelectOptions = {}): Promise<Runtime> {
  const places = placesFor(name, device) ?? (await selectRuntime(options)).order;
  const problems: NeuroreelError[] = [];
  for (const place of places) {
    try {
      return await openPlace(place, options);
    } catch (error) {
      if (!(error instanceof NeuroreelError) || error.code !== 'RUNTIME_UNAVAILABLE') throw error;
      problems.push(error);
    }
  }
  if (problems.length === 1) throw problems[0]!;
  const message = problems.map((problem) => problem.message).join(' ') || 'Nothing works on this machine.';
  throw new NeuroreelError('RUNTIME_UNAVAILABLE', message);
}

async function openPlace(place: Place, options: SelectOptions): Promise<Runtime> {
  const candidate = candidateFor(place);
  const machine = options.machine ?? detectMachine();
  const lack = candidate.lacks(machine);
  if (lack) throw unavailable(place, lack.why, lack.remedy);
  if (!candidate.risky) return candidate.open();
  const result = await tried(place, { ...options, machine });
  if (!result.works) throw unavailable(place, result.why, candidate.remedy);
  return candidate.open(result.adapter);
}

function unavailable(place: Place, why: string, remedy: string): NeuroreelError {
  const sentence = `${showPlace(place)} does not work here: ${why}`.replace(/[.\s]*$/, '.');
  return new NeuroreelError('RUNTIME_UNAVAILABLE', `${sentence} ${remedy}`);
}

/**
 * Loads the library of the runtime that {@link openRuntime} would open, so that this is quick later. One that takes memory of
 * a graphics processor, or that might end the process, is left for when it is needed.
 * @throws as {@link openRuntime} does
 */
export async function preloadRuntime(name = 'auto', device = 'auto', options: SelectOptions = {}): Promise<void> {
  const [place] = placesFor(name, device) ?? (await selectRuntime(options)).order;
  const candidate = place && candidateFor(place);
  if (candidate?.risky === false) await candidate.open();
}
