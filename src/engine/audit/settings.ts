/** What an audit can be told, with defaults and bounds. */
import { NeuroreelError } from '../../protocol/errors.js';
import type { AuditReport } from '../../protocol/audit-report.js';
import { BOOTSTRAP_DRAWS } from './bootstrap.js';
import { chosenConditions, CONDITIONS } from './conditions.js';
import type { ClipPlan } from './observe.js';
import { RANDOMISATION_DRAWS } from './randomisation.js';

export interface AuditSettings {
  /** Names of conditions; `original` and `shuffle` are always among them; default all. */
  readonly conditions?: readonly string[] | undefined;
  /** R, random orders of each clip, 1 to 100000; default 20. */
  readonly permutations?: number | undefined;
  /** The excess flip rate from which on a difference matters, in (0, 1); default 0.05. */
  readonly delta?: number | undefined;
  readonly seed?: number | undefined;
  /** Crops of each clip for the noise floor, 1 to 24; default 4. */
  readonly crops?: number | undefined;
  /** At least 2000. */
  readonly bootstrapDraws?: number | undefined;
  readonly randomisationDraws?: number | undefined;
}

export interface CheckedSettings {
  readonly plan: ClipPlan;
  readonly parameters: Omit<AuditReport['parameters'], 'clips'>;
}

/** Settings with defaults. @throws {NeuroreelError} REQUEST_INVALID, CONDITION_UNKNOWN */
export function checkedSettings(settings: AuditSettings): CheckedSettings {
  const { permutations = 20, delta = 0.05, seed = 1, crops = 4, bootstrapDraws = BOOTSTRAP_DRAWS } = settings;
  const { randomisationDraws = RANDOMISATION_DRAWS } = settings;
  const check = (fits: boolean, sentence: string): void => {
    if (!fits) throw new NeuroreelError('REQUEST_INVALID', sentence);
  };
  const whole = (x: number, low: number, high: number): boolean => Number.isInteger(x) && x >= low && x <= high;
  check(whole(permutations, 1, 100_000), `permutations: expected 1 to 100000, got ${permutations}.`);
  check(delta > 0 && delta < 1, `delta: expected a number between 0 and 1, got ${delta}.`);
  check(whole(seed, 0, 0xffffffff), `seed: expected an integer from 0 to 4294967295, got ${seed}.`);
  check(whole(crops, 1, 24), `crops: expected 1 to 24, got ${crops}.`);
  check(whole(bootstrapDraws, 2000, 1_000_000), `bootstrapDraws: expected at least 2000, got ${bootstrapDraws}.`);
  check(
    whole(randomisationDraws, 1, 1_000_000),
    `randomisationDraws: expected 1 to 1000000, got ${randomisationDraws}.`,
  );
  const conditions = chosenConditions(settings.conditions ?? CONDITIONS.map(({ name }) => name));
  return {
    plan: { conditions, permutations, crops, seed },
    parameters: {
      permutations,
      delta,
      seed,
      crops,
      conditions: conditions.map(({ name }) => name),
      bootstrapDraws,
      randomisationDraws,
    },
  };
}
