/**
 * Whether the audit's instruments are right: simulated recognisers with known truth go through the very functions that
 * real audits go through, and what comes out is held against the truth. Part of the product: anyone can run it.
 */
import type { PowerPoint, SelfTestCheck, SelfTestReport } from '../../protocol/self-test-report.js';
import { SELF_TEST_FORMAT } from '../../protocol/self-test-report.js';
import { Random } from '../random.js';
import { bootstrapShare, bootstrapStatistic, equivalenceBound } from './bootstrap.js';
import { conditionNamed } from './conditions.js';
import { bagOfFrames, directionOfMotion, DIRECTIONS, movingBars } from './controls.js';
import { audit } from './audit.js';
import { ModelEvidence } from './evidence.js';
import { observeClip } from './observe.js';
import { randomisationTest } from './randomisation.js';
import { blankClips, indifferent, simulateFlips, type FlipTruth } from './simulate.js';
import { effectSize, mean } from './statistics.js';
import { judge } from './verdict.js';
import { percent } from './words.js';

export interface SelfTestOptions {
  /** Simulated audits for each false-positive rate and coverage, at least 20; default 2000. */
  readonly runs?: number;
  readonly seed?: number;
  readonly onProgress?: (done: number, total: number, what: string) => void;
  readonly signal?: AbortSignal;
}

/** Simulated audits for each point of the power curves: a tenth of the runs, at least 5. */
const powerRuns = (runs: number): number => Math.max(5, Math.round(runs / 10));

const DELTA = 0.05;
const [R, N] = [20, 60];
/** Tolerances at 2000 runs: 0.05 +- 0.015 and 95 % +- 2 %; they grow with the chance of fewer runs. */
const tolerance = (at2000: number, runs: number): number => at2000 * Math.sqrt(2000 / Math.min(2000, runs));

interface Work {
  readonly name: string;
  /** Steps of it, of which `each` is called once a step. */
  readonly steps: number;
  readonly each: (step: number) => Promise<void> | void;
  readonly end: () => SelfTestCheck | PowerPoint;
}

/**
 * Runs the self-test.
 * @throws RangeError for too few runs; the signal's reason when aborted.
 */
export async function selfTest(options: SelfTestOptions = {}): Promise<SelfTestReport> {
  const { runs = 2000, seed = 1, onProgress, signal } = options;
  if (!Number.isInteger(runs) || runs < 20) throw new RangeError(`A self-test needs at least 20 runs, not ${runs}.`);
  const works = [...falsePositives(runs, seed), ...coverages(runs, seed), ...errors(runs, seed), ...powers(runs, seed)];
  const total = works.reduce((sum, { steps }) => sum + steps, 0);
  const results: (SelfTestCheck | PowerPoint)[] = [];
  let done = 0;
  for (const { name, steps, each, end } of works) {
    for (let step = 0; step < steps; step++) {
      signal?.throwIfAborted();
      await each(step);
      done++;
      if (done % 50 === 0) {
        onProgress?.(done, total, name);
        // Lets signals and timers have their turn.
        await new Promise((resolve) => setImmediate(resolve));
      }
    }
    results.push(end());
  }
  onProgress?.(total, total, 'controls');
  const checks = [...results.filter(isCheck), ...(await controlChecks(seed, signal))];
  return {
    format: SELF_TEST_FORMAT,
    passed: checks.every(({ passed }) => passed),
    runs,
    seed,
    checks,
    power: results.filter(isPower),
  };
}

const isCheck = (result: SelfTestCheck | PowerPoint): result is SelfTestCheck => 'name' in result;
const isPower = (result: SelfTestCheck | PowerPoint): result is PowerPoint => !isCheck(result);

const SHUFFLE = conditionNamed('shuffle');

/** How often the randomisation test finds what is not there: scores go the whole way from a recogniser to p. */
function falsePositives(runs: number, seed: number): Work[] {
  const cases = [
    { name: 'clips with a true class', label: 'a' as const, clips: 24 },
    { name: 'clips without one', label: null, clips: 24 },
    { name: 'few clips', label: 'a' as const, clips: 6 },
  ];
  return cases.map(({ name, label, clips }) => {
    let found = 0;
    const scorer = indifferent(4);
    const plan = { conditions: [SHUFFLE], permutations: R, crops: 0, seed };
    return {
      name: 'false positives',
      steps: runs,
      async each(step) {
        const evidence = new ModelEvidence({ seed: seed + step, randomisationDraws: 499 });
        for (const clip of blankClips(clips, 8, label, `${seed}/${name}/${step}`)) {
          const loaded = { name: clip.name, ...(await clip.read({ width: 1, height: 1 })) };
          const seen = await observeClip(scorer, loaded, label === null ? null : 0, plan);
          const who = { model: 'indifferent', clip: clip.name, id: null, label, group: null, bag: null };
          evidence.add({ ...who, target: label === null ? null : 0, frames: loaded.frames, ...seen });
        }
        if (evidence.p('shuffle') < 0.05) found++;
      },
      end: () =>
        rateCheck(`false positives of the randomisation test: ${name}`, found / runs, 0.05, tolerance(0.015, runs)),
    };
  });
}

function rateCheck(name: string, found: number, expected: number, within: number): SelfTestCheck {
  return {
    name,
    expectation: `${percent(expected)} +- ${percent(within)}`,
    found: percent(found),
    value: found,
    passed: Math.abs(found - expected) <= within,
  };
}

const INTERVALS: readonly { name: string; truth: FlipTruth }[] = [
  { name: '120 clips', truth: { clips: 120, permutations: R, excess: 0.3, noise: 0.02 } },
  { name: '30 clips', truth: { clips: 30, permutations: R, excess: 0.3, noise: 0.02 } },
  { name: '100 clips in 25 groups', truth: { clips: 100, clipsAGroup: 4, permutations: R, excess: 0.3, noise: 0.02 } },
  { name: '60 clips in 10 groups', truth: { clips: 60, clipsAGroup: 6, permutations: R, excess: 0.3, noise: 0.02 } },
  { name: '120 clips that flip seldom', truth: { clips: 120, permutations: R, excess: 0.08, noise: 0.02, alike: 4 } },
];

/** How often 95 % intervals hold the truth. */
function coverages(runs: number, seed: number): Work[] {
  const draws = 1000;
  const shares = INTERVALS.map(({ name, truth }): Work => {
    const random = new Random(`${seed}/coverage/${name}`);
    let covered = 0;
    return {
      name: 'coverage',
      steps: runs,
      each() {
        const { flips, noise, groups } = simulateFlips(random, truth);
        const beyond = flips.map((share, i) => share - noise[i]!);
        const { low, high } = bootstrapShare(beyond, { random, groups, draws, least: -1 });
        if (low <= truth.excess && truth.excess <= high) covered++;
      },
      end: () =>
        rateCheck(`coverage of the interval of the excess: ${name}`, covered / runs, 0.95, tolerance(0.02, runs)),
    };
  });
  return [...shares, pairedCoverage(runs, seed, draws), ratioCoverage(runs, seed, draws)];
}

/** Of the difference of two recognisers on the same clips. */
function pairedCoverage(runs: number, seed: number, draws: number): Work {
  const random = new Random(`${seed}/coverage/paired`);
  const truth = { clips: N, permutations: R, noise: 0 };
  let covered = 0;
  return {
    name: 'coverage',
    steps: runs,
    each() {
      const one = simulateFlips(random, { ...truth, excess: 0.35 });
      const other = simulateFlips(random, { ...truth, excess: 0.2 });
      const values = one.flips.map((share, i) => share - other.flips[i]!);
      const { low, high } = bootstrapShare(values, { random, draws, least: -1 });
      if (low <= 0.15 && 0.15 <= high) covered++;
    },
    end: () =>
      rateCheck('coverage of the interval of a difference of two models', covered / runs, 0.95, tolerance(0.02, runs)),
  };
}

/** Of tau, a ratio of two accuracies. */
function ratioCoverage(runs: number, seed: number, draws: number): Work {
  const random = new Random(`${seed}/coverage/ratio`);
  const [inOrder, shuffled] = [0.9, 0.6];
  const truth = inOrder / shuffled - 1;
  let covered = 0;
  return {
    name: 'coverage',
    steps: runs,
    each() {
      const right = Array.from({ length: N }, () => Number(random.uniform() < inOrder));
      // Clips that are wrong in order are seldom right otherwise.
      const still = right.map((was) => (was === 1 ? shuffled / inOrder : 0)).map((p) => binomialMean(random, p));
      const ratio = ([before, after]: readonly number[]): number => before! / after! - 1;
      const { low, high } = bootstrapStatistic([right, still], ratio, { random, draws });
      if (low <= truth && truth <= high) covered++;
    },
    end: () => rateCheck('coverage of the interval of tau', covered / runs, 0.95, tolerance(0.02, runs)),
  };
}

function binomialMean(random: Random, p: number): number {
  let right = 0;
  for (let r = 0; r < R; r++) if (random.uniform() < p) right++;
  return right / R;
}

/** The verdict on a simulated audit. */
function simulatedVerdict(random: Random, truth: FlipTruth) {
  const { flips, noise, groups, scores } = simulateFlips(random, truth);
  const beyond = flips.map((share, i) => share - noise[i]!);
  const drops = scores.map(([own, ...others]) => own! - mean(others));
  const resampling = { random, groups };
  return judge({
    model: 'simulated',
    condition: 'shuffle',
    clips: flips.length,
    groups: new Set(groups).size,
    permutations: truth.permutations,
    delta: DELTA,
    flipRate: bootstrapShare(flips, { ...resampling, draws: 200 }),
    excess: bootstrapShare(beyond, { ...resampling, draws: 1000, least: -1 }),
    upperBound: equivalenceBound(beyond, { ...resampling, draws: 1000 }),
    noiseFloor: bootstrapShare(noise, { ...resampling, draws: 200 }),
    p: randomisationTest(scores, { random, draws: 499 }).p,
    effectSize: effectSize(drops),
  }).verdict;
}

/** How often verdicts are wrong where it is hardest to be right: both must stay below 5 %. */
function errors(runs: number, seed: number): Work[] {
  const fewer = Math.max(20, Math.round(runs / 2));
  const cases = [
    { wrong: 'insensitive' as const, of: 'a recogniser whose excess is delta', excess: DELTA, noise: 0.01 },
    { wrong: 'sensitive' as const, of: 'a recogniser that is indifferent', excess: 0, noise: 0.03 },
  ];
  return cases.map(({ wrong, of, excess, noise }) => {
    const random = new Random(`${seed}/errors/${wrong}`);
    let found = 0;
    return {
      name: 'wrong verdicts',
      steps: fewer,
      each() {
        if (simulatedVerdict(random, { clips: 120, permutations: R, excess, noise, alike: 4 }) === wrong) found++;
      },
      end(): SelfTestCheck {
        const most = DELTA + tolerance(0.01, fewer);
        return {
          name: `wrong verdicts: ${wrong}, of ${of}`,
          expectation: `at most ${percent(most)}`,
          found: percent(found / fewer),
          value: found / fewer,
          passed: found / fewer <= most,
        };
      },
    };
  });
}

const POWER = { clips: [30, 60, 120], excess: [0, 0.02, 0.05, 0.1, 0.2, 0.4] };

/** How often each verdict is given, against the true excess. */
function powers(runs: number, seed: number): Work[] {
  const each = powerRuns(runs);
  return POWER.clips.flatMap((clips) =>
    POWER.excess.map((excess): Work => {
      const random = new Random(`${seed}/power/${clips}/${excess}`);
      const counts = { sensitive: 0, insensitive: 0, inconclusive: 0 };
      return {
        name: 'power',
        steps: each,
        each: () => void counts[simulatedVerdict(random, { clips, permutations: R, excess, noise: 0.005, alike: 4 })]++,
        end: (): PowerPoint => ({
          clips,
          excess,
          sensitive: counts.sensitive / each,
          insensitive: counts.insensitive / each,
          inconclusive: counts.inconclusive / each,
        }),
      };
    }),
  );
}

const BARS = { clips: 80, frames: 16, width: 16, height: 4 };

/** Two recognisers that are what they are, through a whole audit. */
async function controlChecks(seed: number, signal?: AbortSignal): Promise<SelfTestCheck[]> {
  const clips = [...movingBars({ ...BARS, seed })];
  const partners = { [DIRECTIONS[0]]: DIRECTIONS[1], [DIRECTIONS[1]]: DIRECTIONS[0] };
  const report = await audit({
    models: [
      { name: 'bag of frames', scorer: bagOfFrames({ classes: DIRECTIONS.length, ...BARS, seed }), labels: DIRECTIONS },
      { name: 'direction of motion', scorer: directionOfMotion(BARS), labels: DIRECTIONS, partners },
    ],
    clips,
    permutations: 10,
    controls: false,
    seed,
    signal,
  });
  const [bag, motion] = report.models;
  const changes = bag!.conditions
    .filter(({ permutation }) => permutation)
    .map(
      ({ flipRate, divergence, scoreDrop }) => Math.abs(flipRate.value) + divergence.value + Math.abs(scoreDrop.value),
    );
  const change = Math.max(...changes);
  return [
    {
      name: 'a bag of frames, whatever the order of frames',
      expectation: 'changes by exactly 0',
      found: `${change} in ${bag!.clipsScored} clips; ${bag!.verdict}`,
      value: change,
      passed: change === 0 && bag!.verdict === 'insensitive',
    },
    {
      name: 'a detector of the direction of motion',
      expectation: 'found sensitive; reversed it names the other direction',
      found: `${motion!.verdict}; ${percent(motion!.reversal!.partner.value)} of reversed clips`,
      value: motion!.reversal!.partner.value,
      passed: motion!.verdict === 'sensitive' && motion!.reversal!.partner.value === 1,
    },
  ];
}
