import { describe, expect, it } from 'vitest';
import { bagOfFrames, directionOfMotion, DIRECTIONS, movingBars } from '../../../src/engine/audit/controls.js';
import { observeClip, ordersOf, type LoadedClip } from '../../../src/engine/audit/observe.js';
import { CONDITIONS, conditionNamed, QUICK_CONDITIONS } from '../../../src/engine/audit/conditions.js';
import { clipObservation, unpackScores, type ClipObservation } from '../../../src/engine/audit/observation.js';
import { argmax } from '../../../src/engine/audit/statistics.js';
import { audit, type AuditOptions, type AuditedModel } from '../../../src/engine/audit/audit.js';
import type { AuditClip } from '../../../src/engine/audit/clip-source.js';
import { scoreOrders, shiftFrames, type ClipScorer } from '../../../src/engine/audit/scorer.js';
import { inOrder, type FrameOrder } from '../../../src/engine/audit/permutations.js';
import { hashText, Random } from '../../../src/engine/random.js';
import { ERRORS, NeuroreelError } from '../../../src/protocol/errors.js';
import { auditReport, type ModelAudit } from '../../../src/protocol/audit-report.js';

const SIZE = { width: 8, height: 6 };
const FRAMES = 8;
const FRAME_BYTES = SIZE.width * SIZE.height * 3;
const LABELS = ['a', 'b', 'c'];

/** A clip that is in memory already. */
type Held = AuditClip & LoadedClip;

function held(name: string, label: string | null, frames: number, pixels: Uint8Array): Held {
  return { name, label, frames, pixels, read: () => Promise.resolve({ frames, pixels }) };
}

function noise(name: string, label: string | null, frames = FRAMES): Held {
  const random = new Random(name);
  const pixels = Uint8Array.from({ length: frames * SIZE.width * SIZE.height * 3 }, () => random.integer(256));
  return held(name, label, frames, pixels);
}

/**
 * Clips whose bytes are all congruent to the index of their label modulo 3, so that any crop shows it; the first and the
 * last byte of an uncropped first frame are below 3.
 */
function clips(count: number): Held[] {
  return Array.from({ length: count }, (_, i) => {
    const clip = noise(`clip-${i}`, LABELS[i % 3]!);
    clip.pixels.forEach((x, at) => (clip.pixels[at] = 3 + (i % 3) + 3 * (x % 80)));
    for (const at of [0, FRAME_BYTES - 1]) clip.pixels[at] = i % 3;
    return clip;
  });
}

/** Right in order; for other orders another answer with probability `flips`; `crops` likewise for other pixels. */
function scorerOf(flips: number, crops = 0): ClipScorer & { calls: FrameOrder[][] } {
  const calls: FrameOrder[][] = [];
  return {
    ...SIZE,
    classes: 3,
    calls,
    features(pixels) {
      const cropped = pixels[0]! > 2 || pixels[FRAME_BYTES - 1]! > 2;
      const fingerprint = hashText(pixels.subarray(0, FRAME_BYTES).join());
      return Promise.resolve(Float32Array.of(pixels[0]! % 3, Number(cropped), fingerprint));
    },
    scores(features, frames, orders) {
      calls.push([...orders]);
      const [truth, cropped, clip] = [features[0]!, features[1] === 1, features[2]!];
      const logits = orders.flatMap((order) => {
        const natural = order.every((frame, t) => frame === t);
        const chance = new Random(`${clip}/${order.join()}`).uniform();
        const wrong = natural ? cropped && chance < crops : chance < flips;
        const answer = wrong ? (truth + 1) % 3 : truth;
        return [0, 1, 2].map((c) => (c === answer ? 3 : 0));
      });
      expect(frames).toBe(orders[0]!.length);
      const exps = logits.map(Math.exp);
      const sum = Math.exp(3) + 2;
      return Promise.resolve({
        logits: Float32Array.from(logits),
        probabilities: Float32Array.from(exps, (x) => x / sum),
      });
    },
  };
}

type Given = Partial<AuditOptions & AuditedModel>;

/** The whole report of an audit of one recogniser, by the quick conditions unless told otherwise. */
const whole = ({ scorer = scorerOf(0), labels = LABELS, partners, ...options }: Given = {}) =>
  audit({
    models: [{ name: 'test', scorer, labels, partners }],
    clips: clips(60),
    controls: false,
    conditions: QUICK_CONDITIONS,
    ...options,
  });

/** What the report says of that recogniser. */
const run = async (given: Given = {}) => (await whole(given)).models[0]!;

const named = (report: ModelAudit, name: string) => report.conditions.find((c) => c.name === name)!;

describe('an audit', () => {
  it('finds a recogniser insensitive that answers the same for every order', async () => {
    const report = await run({ clips: clips(66) });
    expect(report.verdict).toBe('insensitive');
    const shuffle = named(report, 'shuffle');
    expect(shuffle.flipRate).toMatchObject({ value: 0, low: 0 });
    expect(Math.abs(shuffle.flipRate.high - (1 - 0.025 ** (1 / 66)))).toBeLessThan(0.006);
    expect(shuffle.randomisationP).toBe(1);
    expect(shuffle.effectSize).toBe(0);
    expect(shuffle.judgement!.upperBound).toBeLessThan(0.05);
  });

  it('does not call it so from too few clips to know', async () => {
    const report = await run({ clips: clips(20) });
    expect(report.verdict).toBe('inconclusive');
    expect(report.conditions[1]!.judgement!.clipsToDecide).toBeGreaterThan(50);
  });

  it('finds a recogniser sensitive that answers otherwise for 30 % of the orders, and measures these 30 %', async () => {
    const report = await run({ scorer: scorerOf(0.3) });
    expect(report.verdict).toBe('sensitive');
    const shuffle = named(report, 'shuffle');
    expect(Math.abs(shuffle.flipRate.value - 0.3)).toBeLessThan(0.04);
    expect(shuffle.flipRate.low).toBeLessThan(0.3);
    expect(shuffle.flipRate.high).toBeGreaterThan(0.3);
    expect(shuffle.accuracy!.value).toBeCloseTo(1 - shuffle.flipRate.value, 12);
    expect(shuffle.accuracyLoss!.value).toBeCloseTo(1 / shuffle.accuracy!.value - 1, 12);
    expect(report.tau).toEqual(shuffle.accuracyLoss);
    const gap = (Math.exp(3) - 1) / (Math.exp(3) + 2);
    expect(shuffle.probabilityChange.value).toBeCloseTo(-shuffle.flipRate.value * gap, 5);
    expect(shuffle.scoreDrop.value).toBeCloseTo(3 * shuffle.flipRate.value, 5);
    expect(shuffle.orders).toBe(20);
    expect(shuffle.mcnemar!.gained).toBe(0);
  });

  it('reports what exceeds the noise floor: as many flips under other crops are no sensitivity', async () => {
    const report = await run({ scorer: scorerOf(0.2, 0.2), clips: clips(90) });
    expect(report.noiseFloor.value).toBeGreaterThan(0.1);
    const shuffle = named(report, 'shuffle');
    expect(shuffle.excessFlipRate.value).toBeCloseTo(shuffle.flipRate.value - report.noiseFloor.value, 12);
    expect(Math.abs(shuffle.excessFlipRate.value)).toBeLessThan(0.06);
    expect(report.verdict).toBe('inconclusive');
  });

  it('gives a report that its schema accepts, with a row for every clip', async () => {
    const all = await whole({ scorer: scorerOf(0.1), conditions: undefined, clips: clips(12), controls: true });
    expect(auditReport.parse(JSON.parse(JSON.stringify(all)))).toEqual(all);
    const report = all.models[0]!;
    expect(all).toMatchObject({ verdict: report.verdict, sentence: report.sentence });
    expect(report.clips).toHaveLength(12);
    expect(report.clips[4]).toMatchObject({ name: 'clip-4', label: 'b', prediction: 'b', frames: FRAMES, group: null });
    expect(report.clips[4]!.conditions['original']).toMatchObject({ prediction: 'b', flipRate: 0, correct: 1 });
    expect(report.classes.map((c) => c.clips)).toEqual([4, 4, 4]);
  });

  it('is the same for the same seed, and another for another', async () => {
    const one = await whole({ scorer: scorerOf(0.3), seed: 7, controls: true });
    expect(await whole({ scorer: scorerOf(0.3), seed: 7, controls: true })).toEqual(one);
    expect(await whole({ scorer: scorerOf(0.3), seed: 8, controls: true })).not.toEqual(one);
  });

  it('gives every recogniser the same orders, whatever else is audited', async () => {
    const [first, second] = [scorerOf(0), scorerOf(0.5)];
    await run({ scorer: first, clips: clips(3), conditions: ['static'] });
    await run({ scorer: second, clips: clips(2).reverse() });
    const shuffles = (scorer: typeof first, call: number) =>
      scorer.calls[call]!.slice(1, 21).map((order) => [...order]);
    const callsAClip = 6; // one in order, one with all orders, four crops
    expect(shuffles(first, 1)).toEqual(shuffles(second, callsAClip + 1));
    expect(shuffles(first, 1)).not.toEqual(shuffles(first, callsAClip + 1));
  });

  it('draws groups of clips where there are some', async () => {
    const grouped = clips(66).map((clip, i) => ({ ...clip, group: `person ${i % 3}` }));
    const report = await run({ clips: grouped });
    expect(report.groups).toBe(3);
    expect(report.verdict).toBe('inconclusive');
  });

  it('leaves out conditions that no clip is long enough for', async () => {
    const report = await run({ conditions: ['permute-blocks-8', 'shuffle-window-4', 'shuffle-window-80'] });
    expect(report.conditionsLeftOut).toEqual([
      { name: 'shuffle-window-80', reason: 'no clip has the 81 frames that it needs' },
      { name: 'permute-blocks-8', reason: 'no clip has the 9 frames that it needs' },
    ]);
    expect(report.conditions.map((c) => c.name)).toEqual(['original', 'shuffle', 'shuffle-window-4']);
  });

  it('has a verdict for permutations only', async () => {
    const report = await run();
    const judged = report.conditions.filter((c) => c.judgement !== null).map((c) => c.name);
    expect(judged).toEqual(['shuffle', 'reverse']);
  });
});

describe('clips that cannot be scored', () => {
  it('are listed with the reason, and the others go on', async () => {
    const progress: string[] = [];
    const report = await run({
      clips: [
        { name: 'broken.txt', unusable: 'its name is not that of a video' },
        {
          ...noise('damaged', 'a'),
          read: () => Promise.reject(new NeuroreelError('VIDEO_UNREADABLE', 'It is empty.')),
        },
        noise('nothing', 'a', 0),
        noise('photo', 'a', 1),
        held('torn', 'a', 9, noise('torn', 'a').pixels),
        ...clips(3),
      ],
      total: 8,
      onProgress: ({ done, total, skipped, clip }) => progress.push(`${done}/${total} ${skipped} ${clip}`),
    });
    expect(report.clipsScored).toBe(3);
    expect(report.skipped).toEqual([
      { name: 'broken.txt', reason: 'its name is not that of a video' },
      { name: 'damaged', reason: 'it cannot be read (It is empty)' },
      { name: 'nothing', reason: 'it has no frames' },
      { name: 'photo', reason: 'it is too short: 1 frame, at least 2 are needed' },
      { name: 'torn', reason: 'it has 1152 bytes of pixels, not 1296' },
    ]);
    expect(progress[0]).toBe('1/8 1 broken.txt');
    expect(progress.at(-1)).toBe('8/8 5 clip-2');
  });

  it('end the audit when there are no others', async () => {
    await expect(run({ clips: [noise('photo', 'a', 1)] })).rejects.toMatchObject({
      code: 'AUDIT_NO_CLIPS',
      message:
        'No clip could be scored: 1 skipped, the first, photo, because it is too short: 1 frame, at least 2 are needed.',
    });
    await expect(run({ clips: [] })).rejects.toMatchObject({ code: 'AUDIT_NO_CLIPS' });
    expect(ERRORS.AUDIT_NO_CLIPS.status).toBe(422);
  });
});

describe('clips without a true class', () => {
  const some = () => [noise('unlabelled', null), noise('strange', 'zebra'), ...clips(30)];

  it('are listed, count for flips and for no accuracy', async () => {
    const report = await run({ clips: some(), scorer: scorerOf(0.3) });
    expect(report).toMatchObject({ clipsScored: 32, clipsLabelled: 30 });
    expect(report.unlabelled).toEqual([
      { name: 'unlabelled', reason: 'it has no label' },
      { name: 'strange', reason: 'the recogniser has no label "zebra"' },
    ]);
    expect(named(report, 'original').accuracy).toMatchObject({ value: 1 });
    expect(report.clips[0]).toMatchObject({ name: 'unlabelled', label: null });
    expect(report.clips[0]!.conditions['shuffle']).toMatchObject({ correct: null });
  });

  it('may be all there are', async () => {
    const report = await run({ clips: clips(40).map((clip) => ({ ...clip, label: null })), scorer: scorerOf(0.4) });
    expect(report.verdict).toBe('sensitive');
    expect(named(report, 'shuffle')).toMatchObject({ accuracy: null, accuracyLoss: null, flipRateOfCorrect: null });
    expect(report).toMatchObject({ tau: null, decomposition: null, classes: [] });
  });

  it('are not called sensitive to order because their class was chosen by it', async () => {
    // Scores that are noise in every order alike: with the class that wins in order, p would be tiny.
    const scorer: ClipScorer = {
      ...SIZE,
      classes: 3,
      features: (pixels) => Promise.resolve(Float32Array.of(hashText(pixels.subarray(0, 60).join()))),
      scores: (features, _, orders) => {
        const logits = orders.flatMap((order) => [...new Random(`${features[0]}/${order.join()}`).normals(3)]);
        const table = Float32Array.from(logits);
        return Promise.resolve({
          logits: table,
          probabilities: table.map((_, i) => (i % 3 === argmax(logits.slice(i - (i % 3), i - (i % 3) + 3)) ? 1 : 0)),
        });
      },
    };
    const report = await run({ scorer, clips: Array.from({ length: 60 }, (_, i) => noise(`n${i}`, null)) });
    expect(named(report, 'shuffle').randomisationP).toBeGreaterThan(0.05);
  });
});

describe('several recognisers', () => {
  const two = (first: ClipScorer, second: ClipScorer, more: Partial<AuditOptions> = {}) =>
    audit({
      models: [
        { name: 'one', scorer: first, labels: LABELS },
        { name: 'two', scorer: second, labels: LABELS },
      ],
      clips: clips(40),
      controls: false,
      conditions: QUICK_CONDITIONS,
      ...more,
    });

  it('are compared on the same clips and orders, clip by clip', async () => {
    const report = await two(scorerOf(0.1), scorerOf(0.4));
    const shuffled = report.comparisons.find(({ condition }) => condition === 'shuffle')!;
    expect(shuffled.difference.value).toBeCloseTo(shuffled.flipRates.first - shuffled.flipRates.second, 12);
    expect(shuffled.difference.high).toBeLessThan(0);
    expect(shuffled.sentence).toMatch(/^two changes its answer more often than one \(shuffle\)/);
    expect(report.comparisons.map(({ condition }) => condition)).toEqual(['shuffle', 'reverse']);
    expect(auditReport.parse(JSON.parse(JSON.stringify(report)))).toEqual(report);
  });

  it('that are one and the same differ by nothing', async () => {
    const report = await two(scorerOf(0.3), scorerOf(0.3));
    expect(report.comparisons[0]!.difference.value).toBe(0);
    expect(report.comparisons[0]!.sentence).toMatch(/^no difference is shown between one and two/);
  });

  it('must have names of their own', async () => {
    const scorer = scorerOf(0);
    const models = [0, 1].map(() => ({ name: 'twin', scorer, labels: LABELS }));
    await expect(audit({ models, clips: clips(3) })).rejects.toMatchObject({ code: 'REQUEST_INVALID' });
    await expect(audit({ models: [], clips: clips(3) })).rejects.toMatchObject({ code: 'REQUEST_INVALID' });
  });
});

describe('an audit that is taken up again', () => {
  it('gives the report of one that was never interrupted, and scores no clip twice', async () => {
    const kept = new Map<string, ClipObservation>();
    const options = (scorer: ClipScorer): Given => ({
      scorer,
      controls: true,
      clips: clips(20).map((clip) => ({ ...clip, identity: () => Promise.resolve(`hash of ${clip.name}`) })),
      onObservation: (seen) =>
        void kept.set(`${seen.clip} ${seen.id}`, clipObservation.parse(JSON.parse(JSON.stringify(seen)))),
      earlier: (_, clip, id) => Promise.resolve(kept.get(`${clip} ${id}`) ?? null),
    });
    const stop = new AbortController();
    const onProgress = ({ done }: { done: number }) => done === 8 && stop.abort(new Error('enough'));
    await expect(whole({ ...options(scorerOf(0.3)), onProgress, signal: stop.signal })).rejects.toThrow('enough');
    expect(kept.size).toBe(8);
    const scorer = scorerOf(0.3);
    const resumed: boolean[] = [];
    const report = await whole({ ...options(scorer), onProgress: (progress) => resumed.push(progress.resumed) });
    expect(resumed.filter(Boolean)).toHaveLength(8);
    expect(scorer.calls).toHaveLength(12 * 6);
    kept.clear();
    expect(await whole(options(scorerOf(0.3)))).toEqual(report);
  });
});

describe('memory', () => {
  it('never holds more than one run of orders, however many there are', async () => {
    const scorer = { ...scorerOf(0.2), ordersAtOnce: () => 10 };
    await run({ scorer, clips: clips(2), permutations: 500 });
    expect(Math.max(...scorer.calls.map((call) => call.length))).toBe(10);
  });
});

describe('cancelling', () => {
  it("ends the audit with the signal's reason, between clips and between orders", async () => {
    const stop = new AbortController();
    const reason = new Error('enough');
    const seen: number[] = [];
    const stopped = run({
      signal: stop.signal,
      onProgress: ({ done }) => {
        seen.push(done);
        if (done === 2) stop.abort(reason);
      },
    });
    await expect(stopped).rejects.toBe(reason);
    expect(seen).toEqual([1, 2]);

    const scorer = scorerOf(0);
    const within = new AbortController();
    const slow: ClipScorer = {
      ...scorer,
      scores: (...given) => {
        within.abort(reason);
        return scorer.scores(...given);
      },
    };
    await expect(run({ scorer: slow, permutations: 1000, signal: within.signal })).rejects.toBe(reason);
    expect(scorer.calls).toHaveLength(1);
  });

  it('can wait between clips', async () => {
    let waits = 0;
    await run({ clips: clips(3), betweenClips: () => Promise.resolve(void waits++) });
    expect(waits).toBe(3);
  });
});

describe('wrong options and scores', () => {
  it.each([
    [{ permutations: 0 }, /permutations/],
    [{ delta: 0 }, /delta/],
    [{ delta: NaN }, /delta/],
    [{ seed: -1 }, /seed/],
    [{ crops: 0 }, /crops/],
    [{ bootstrapDraws: 100 }, /bootstrapDraws/],
    [{ labels: ['a'] }, /labels/],
  ])('%j are refused', async (options, message) => {
    await expect(run(options)).rejects.toMatchObject({
      code: 'REQUEST_INVALID',
      message: expect.stringMatching(message),
    });
  });

  it('that are no numbers are never taken for an answer', async () => {
    const scorer = scorerOf(0);
    const broken: ClipScorer = {
      ...scorer,
      scores: async (...given) => {
        const scores = await scorer.scores(...given);
        scores.logits[1] = NaN;
        return scores;
      },
    };
    await expect(run({ scorer: broken })).rejects.toMatchObject({ code: 'SCORES_INVALID' });
    const few: ClipScorer = {
      ...scorer,
      scores: () => Promise.resolve({ logits: new Float32Array(3), probabilities: new Float32Array(3) }),
    };
    await expect(run({ scorer: few })).rejects.toMatchObject({ code: 'SCORES_INVALID' });
  });
});

describe('the controls', () => {
  it('pass beside an audit', async () => {
    const { controls } = await whole({ controls: true, clips: clips(6) });
    expect(controls.map(({ name, passed }) => [name, passed])).toEqual([
      ['bag of frames', true],
      ['direction of motion', true],
    ]);
    expect(controls[0]!.found).toBe('largest change 0 in 6 clips');
    expect(controls[1]!.found).toMatch(/^sensitive: /);
  });

  it('bag of frames: no permutation changes a single bit, other sets of frames do', async () => {
    const bag = bagOfFrames({ classes: 5, ...SIZE });
    const clip = noise('x', 'a', 40);
    const plan = { conditions: CONDITIONS, permutations: 50, crops: 1, seed: 3 };
    const { conditions } = await observeClip(bag, clip, 2, plan);
    for (const condition of CONDITIONS.filter((c) => c.permutation && c.name in conditions)) {
      const outcome = conditions[condition.name]!;
      expect(new Set(unpackScores(outcome.scores)).size).toBe(1);
      expect(outcome).toMatchObject({ flips: 0, divergence: 0 });
    }
    const [score, still] = unpackScores(conditions['static']!.scores);
    expect(still).not.toBe(score);
  });

  it('direction of motion: sensitive, and reversed it names the other direction', async () => {
    const size = { width: 16, height: 4 };
    const report = await run({
      scorer: directionOfMotion(size),
      clips: movingBars({ clips: 30, frames: 16, ...size, seed: 2 }),
      labels: DIRECTIONS,
      partners: { rightwards: 'leftwards', leftwards: 'rightwards' },
    });
    expect(report.verdict).toBe('sensitive');
    const accuracy = (name: string) => named(report, name).accuracy!.value;
    expect(accuracy('original')).toBe(1);
    expect(accuracy('reverse')).toBe(0);
    expect(report.reversal).toMatchObject({ clips: 30, own: 0, partner: { value: 1 } });
    expect(report.classes.map((c) => [c.partner, c.partnerShare])).toEqual([
      ['leftwards', 1],
      ['rightwards', 1],
    ]);
    expect(report.reversalConfusion[0]).toEqual({
      label: 'rightwards',
      partner: 'leftwards',
      clips: 15,
      answers: [{ label: 'leftwards', clips: 15 }],
    });
    const { appearance, frames, order } = report.decomposition!;
    expect(order.low).toBeGreaterThan(0.7);
    expect(appearance.value + frames.value + order.value).toBeCloseTo(1, 12);
  });
});

describe('scoring', () => {
  it('gives the orders in portions, each with what it belongs to', async () => {
    const scorer = { ...scorerOf(0.5), ordersAtOnce: () => 256 };
    const clip = { name: 'x', frames: FRAMES };
    const plan = { conditions: [], permutations: 600, crops: 1, seed: 1 };
    const orders = [...ordersOf(conditionNamed('shuffle'), clip, plan, 16)];
    const features = await scorer.features(clips(1)[0]!.pixels);
    let i = 0;
    for await (const scored of scoreOrders(
      scorer,
      clip,
      features,
      orders.map((order, r) => [r, order] as const),
    )) {
      expect(scored.of).toBe(i);
      if ([0, 255, 256, 599].includes(i)) {
        const alone = await scorerOf(0.5).scores(features, FRAMES, [orders[i]!]);
        expect(scored.logits).toEqual(alone.logits);
        expect(scored.probabilities).toEqual(alone.probabilities);
      }
      i++;
    }
    expect(scorer.calls.map((call) => call.length)).toEqual([256, 256, 88]);
  });

  it('counts a clip with its best single frame under static-best', async () => {
    const size = { width: 1, height: 1 };
    const scorer: ClipScorer = {
      ...size,
      classes: 2,
      features: (pixels) => Promise.resolve(Float32Array.from({ length: 4 }, (_, t) => pixels[3 * t]!)),
      scores: (features, _, orders) => {
        const rows = orders.flatMap((order) => [features[order[0]!]! / 200, 1 - features[order[0]!]! / 200]);
        return Promise.resolve({ logits: Float32Array.from(rows), probabilities: Float32Array.from(rows) });
      },
    };
    const pixels = Uint8Array.from([20, 120, 180, 60].flatMap((x) => [x, x, x]));
    const plan = { conditions: [conditionNamed('static-best')], permutations: 20, crops: 1, seed: 1 };
    const { conditions } = await observeClip(scorer, { name: 'x', frames: 4, pixels }, 0, plan);
    const best = conditions['static-best']!;
    expect(best).toMatchObject({ orders: 1, answers: [[0, 1]], first: 0 });
    expect(best.probability).toBeCloseTo(0.9, 6);
  });
});

describe('another crop', () => {
  const frame = (rows: number[][]): Uint8Array => Uint8Array.from(rows.flat().flatMap((x) => [x, x + 1, x + 2]));
  const picture = [
    [10, 20, 30, 40],
    [50, 60, 70, 80],
    [90, 100, 110, 120],
  ];
  const size = { width: 4, height: 3 };

  it.each([
    [
      1,
      0,
      [
        [10, 10, 20, 30],
        [50, 50, 60, 70],
        [90, 90, 100, 110],
      ],
    ],
    [
      -2,
      0,
      [
        [30, 40, 40, 40],
        [70, 80, 80, 80],
        [110, 120, 120, 120],
      ],
    ],
    [
      0,
      1,
      [
        [10, 20, 30, 40],
        [10, 20, 30, 40],
        [50, 60, 70, 80],
      ],
    ],
    [
      2,
      -1,
      [
        [50, 50, 50, 60],
        [90, 90, 90, 100],
        [90, 90, 90, 100],
      ],
    ],
  ])('moved by (%i, %i) repeats the edges, in every frame', (dx, dy, expected) => {
    const twice = (rows: number[][]): Uint8Array => Uint8Array.from([...frame(rows), ...frame([...rows].reverse())]);
    expect(shiftFrames(frame(picture), size, dx, dy)).toEqual(frame(expected));
    const both = shiftFrames(twice(picture), size, dx, dy);
    expect(both.subarray(0, 36)).toEqual(frame(expected));
    expect(both.subarray(36)).toEqual(shiftFrames(frame([...picture].reverse()), size, dx, dy));
  });
});

describe('orders of an audit', () => {
  it('in order are the frames as they are', () => {
    const plan = { conditions: [], permutations: 20, crops: 1, seed: 1 };
    expect([...ordersOf(conditionNamed('original'), { name: 'x', frames: 5 }, plan, 16)]).toEqual([inOrder(5)]);
  });
});
