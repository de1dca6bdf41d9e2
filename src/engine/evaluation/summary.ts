/** The figures of an evaluation over all units: what is read first. */
import type { EvaluatedMethod, EvaluatedUnit, MeasuredMethod } from '../../protocol/evaluation.js';
import { median } from './neighbours.js';

const mean = (values: readonly number[]): number | null =>
  values.length === 0 ? null : values.reduce((a, b) => a + b, 0) / values.length;

const known = (values: readonly (number | null | undefined)[]): number[] =>
  values.filter((value): value is number => value !== null && value !== undefined && !Number.isNaN(value));

const middle = (values: readonly (number | null | undefined)[]): number | null =>
  known(values).length === 0 ? null : median(known(values));

const shareOf = <T>(list: readonly T[], test: (one: T) => boolean): number | null =>
  list.length === 0 ? null : list.filter(test).length / list.length;

type MethodOf = (unit: EvaluatedUnit) => EvaluatedMethod | null;

/** The examples of each unit that has some. */
function methodsOf(units: readonly EvaluatedUnit[], of: MethodOf): { unit: EvaluatedUnit; method: EvaluatedMethod }[] {
  return units.flatMap((unit) => {
    const method = of(unit);
    return method === null || method.examples.length === 0 ? [] : [{ unit, method }];
  });
}

/** Shares of examples, and of units most of whose examples are recognised, by judge. */
function recognised(
  all: ReturnType<typeof methodsOf>,
  judges: readonly string[],
  within: number,
): MeasuredMethod['top1'] {
  return judges.flatMap((judge) => {
    const units = all.flatMap(({ method }) => {
      const ranks = method.examples.map((one) => one.judges.find((j) => j.judge === judge)?.rank ?? null);
      return ranks.every((rank) => rank === null) ? [] : [ranks.map((rank) => rank !== null && rank <= within)];
    });
    const share = shareOf(units.flat(), Boolean);
    if (share === null) return [];
    const most = (flags: readonly boolean[]): boolean => flags.filter(Boolean).length > flags.length / 2;
    return [{ judge, share, units: shareOf(units, most)! }];
  });
}

function backwards(all: ReturnType<typeof methodsOf>, judges: readonly string[]): MeasuredMethod['reversed'] {
  return judges.flatMap((judge) => {
    const units = all.flatMap(({ method }) => {
      const flags = method.examples.flatMap((one) => one.reversed.filter((r) => r.judge === judge));
      return flags.length === 0 ? [] : [flags.filter(({ partner }) => partner).length > flags.length / 2];
    });
    const share = shareOf(units, Boolean);
    return share === null ? [] : [{ judge, units: share, of: units.length }];
  });
}

function spacesOf(all: ReturnType<typeof methodsOf>): MeasuredMethod['nearest'] {
  const found = all.flatMap(({ method }) => method.examples.flatMap(({ nearest }) => nearest));
  return [...new Set(found.map(({ space }) => space))].map((space) => {
    const ratios = known(found.filter((one) => one.space === space).map(({ ratio }) => ratio));
    return { space, ratio: middle(ratios), least: ratios.length === 0 ? null : Math.min(...ratios) };
  });
}

/** Whether the mean activation of a method is above the 95th percentile of real examples. */
export function aboveReal({ real }: EvaluatedUnit, { examples }: EvaluatedMethod): boolean {
  const reached = mean(examples.map(({ activation }) => activation))!;
  const below = real.activations.filter((activation) => activation < reached).length;
  return below >= 0.95 * real.activations.length;
}

/** Sums up a method over units; null where no unit has it. */
export function summarise(
  units: readonly EvaluatedUnit[],
  judges: readonly string[],
  of: MethodOf,
): MeasuredMethod | null {
  const all = methodsOf(units, of);
  if (all.length === 0) return null;
  const compared = all.filter(({ unit }) => unit.real.activations.length > 0);
  const smooth = all.flatMap(({ unit, method }) => {
    const own = mean(known(method.examples.map(({ smoothness }) => smoothness)));
    return own === null || unit.real.smoothness === null || unit.real.smoothness === 0
      ? []
      : [own / unit.real.smoothness];
  });
  return {
    aboveReal95: shareOf(compared, ({ unit, method }) => aboveReal(unit, method)),
    percentile: middle(all.map(({ method }) => mean(known(method.examples.map(({ percentile }) => percentile))))),
    top1: recognised(all, judges, 1),
    top5: recognised(all, judges, 5),
    structure: middle(all.map(({ method }) => method.diversity.structure)),
    features: middle(all.map(({ method }) => method.diversity.features)),
    nearest: spacesOf(all),
    smoothness: middle(smooth),
    smoothUnits: shareOf(smooth, (ratio) => ratio >= 0.5 && ratio <= 2),
    reversed: backwards(all, judges),
    secondsPerExample: mean(all.map(({ method }) => method.secondsPerExample)),
  };
}

/** The control: the same figures of real examples. */
export function summariseReal(units: readonly EvaluatedUnit[], judges: readonly string[]): MeasuredMethod {
  const real = units.map((unit) => unit.real).filter(({ count }) => count > 0);
  const shares = (key: 'top1' | 'top5'): MeasuredMethod['top1'] =>
    judges.flatMap((judge) => {
      const found = known(real.map(({ recognised: list }) => list.find((one) => one.judge === judge)?.[key]));
      const share = mean(found);
      return share === null ? [] : [{ judge, share, units: shareOf(found, (one) => one > 0.5)! }];
    });
  return {
    aboveReal95: null,
    percentile: real.length === 0 ? null : 50,
    top1: shares('top1'),
    top5: shares('top5'),
    structure: middle(real.map(({ diversity }) => diversity.structure)),
    features: middle(real.map(({ diversity }) => diversity.features)),
    nearest: [],
    smoothness: null,
    smoothUnits: null,
    reversed: judges.flatMap((judge) => {
      const found = known(real.map(({ reversed }) => reversed.find((one) => one.judge === judge)?.partner));
      return found.length === 0 ? [] : [{ judge, units: shareOf(found, (one) => one > 0.5)!, of: found.length }];
    }),
    secondsPerExample: null,
  };
}
