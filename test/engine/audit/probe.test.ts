import { describe, expect, it } from 'vitest';
import { bagOfFrames, directionOfMotion, DIRECTIONS, movingBars } from '../../../src/engine/audit/controls.js';
import { observeClip, ordersOf } from '../../../src/engine/audit/outcomes.js';
import { CONDITIONS, conditionNamed } from '../../../src/engine/audit/conditions.js';
import { probe, type ProbeClip, type ProbeOptions } from '../../../src/engine/audit/probe.js';
import { scoreOrders, shiftFrames, type ClipScorer } from '../../../src/engine/audit/scorer.js';
import { inOrder, type FrameOrder } from '../../../src/engine/audit/permutations.js';
import { hashText, Random } from '../../../src/engine/random.js';
import { ERRORS } from '../../../src/protocol/errors.js';
import { probeReport } from '../../../src/protocol/probe-report.js';

const SIZE = { width: 8, height: 6 };
const FRAMES = 8;
const FRAME_BYTES = SIZE.width * SIZE.height * 3;
const LABELS = ['a', 'b', 'c'];

function noise(name: string, label: string | null, frames = FRAMES): ProbeClip {
  const random = new Random(name);
  const pixels = Uint8Array.from({ length: frames * SIZE.width * SIZE.height * 3 }, () => random.integer(256));
  return { name, label, frames, pixels };
}

/**
 * Clips whose bytes are all congruent to the index of their label modulo 3, so that any crop shows it; the first and the
 * last byte of an uncropped first frame are below 3.
 */
function clips(count: number): ProbeClip[] {
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

const run = (options: Partial<ProbeOptions> = {}) =>
  probe({
    model: { name: 'test' },
    scorer: scorerOf(0),
    clips: clips(60),
    labels: LABELS,
    controls: false,
    ...options,
  });

describe('a probe', () => {
  it('finds a recogniser insensitive that answers the same for every order', async () => {
    const report = await run({ clips: clips(66) });
    expect(report.verdict).toBe('insensitive');
    const shuffle = report.conditions.find((c) => c.name === 'shuffle')!;
    expect(shuffle.flipRate).toEqual({ value: 0, low: 0, high: 0 });
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
    const shuffle = report.conditions.find((c) => c.name === 'shuffle')!;
    expect(Math.abs(shuffle.flipRate.value - 0.3)).toBeLessThan(0.04);
    expect(shuffle.flipRate.low).toBeLessThan(0.3);
    expect(shuffle.flipRate.high).toBeGreaterThan(0.3);
    expect(shuffle.accuracy.value).toBeCloseTo(1 - shuffle.flipRate.value, 12);
    expect(shuffle.accuracyLoss).toBeCloseTo(1 / shuffle.accuracy.value - 1, 12);
    const gap = (Math.exp(3) - 1) / (Math.exp(3) + 2);
    expect(shuffle.probabilityChange.value).toBeCloseTo(-shuffle.flipRate.value * gap, 5);
    expect(shuffle.scoreDrop.value).toBeCloseTo(3 * shuffle.flipRate.value, 5);
    expect(shuffle.orders).toBe(20);
    expect(shuffle.mcnemar!.gained).toBe(0);
  });

  it('reports what exceeds the noise floor: as many flips under other crops are no sensitivity', async () => {
    const report = await run({ scorer: scorerOf(0.2, 0.2), clips: clips(90) });
    expect(report.noiseFloor.value).toBeGreaterThan(0.1);
    const shuffle = report.conditions.find((c) => c.name === 'shuffle')!;
    expect(shuffle.excessFlipRate.value).toBeCloseTo(shuffle.flipRate.value - report.noiseFloor.value, 12);
    expect(Math.abs(shuffle.excessFlipRate.value)).toBeLessThan(0.06);
    expect(report.verdict).toBe('inconclusive');
  });

  it('gives a report that its schema accepts, with a row for every clip', async () => {
    const report = await run({ scorer: scorerOf(0.1), conditions: CONDITIONS.map((c) => c.name), clips: clips(12) });
    expect(probeReport.parse(JSON.parse(JSON.stringify(report)))).toEqual(report);
    expect(report.clips).toHaveLength(12);
    expect(report.clips[4]).toMatchObject({ name: 'clip-4', label: 'b', prediction: 'b', frames: FRAMES, group: null });
    expect(report.clips[4]!.conditions['original']).toMatchObject({ prediction: 'b', flipRate: 0, correct: 1 });
    expect(report.classes.map((c) => c.clips)).toEqual([4, 4, 4]);
  });

  it('is the same for the same seed, and another for another', async () => {
    const one = await run({ scorer: scorerOf(0.3), seed: 7, controls: true });
    expect(await run({ scorer: scorerOf(0.3), seed: 7, controls: true })).toEqual(one);
    expect(await run({ scorer: scorerOf(0.3), seed: 8, controls: true })).not.toEqual(one);
  });

  it('gives every recogniser the same orders, whatever else is probed', async () => {
    const [first, second] = [scorerOf(0), scorerOf(0.5)];
    await run({ scorer: first, clips: clips(3), conditions: ['static'] });
    await run({ scorer: second, clips: clips(2).reverse() });
    const shuffles = (scorer: typeof first, call: number) =>
      scorer.calls[call]!.slice(2, 22).map((order) => [...order]);
    const callsAClip = 5; // one with all orders, four crops
    expect(shuffles(first, 0)).toEqual(shuffles(second, callsAClip));
    expect(shuffles(first, 0)).not.toEqual(shuffles(first, callsAClip));
  });

  it('draws groups of clips where there are some', async () => {
    const grouped = clips(66).map((clip, i) => ({ ...clip, group: `person ${i % 3}` }));
    const report = await run({ clips: grouped });
    expect(report.groups).toBe(3);
    expect(report.verdict).toBe('inconclusive');
  });

  it('leaves out conditions that no clip is long enough for', async () => {
    const report = await run({ conditions: ['permute-blocks-8', 'shuffle-window-8', 'shuffle-window-80'] });
    expect(report.conditionsLeftOut).toEqual([
      { name: 'shuffle-window-80', reason: 'no clip has the 80 frames that it needs' },
      { name: 'permute-blocks-8', reason: 'no clip has the 9 frames that it needs' },
    ]);
    expect(report.conditions.map((c) => c.name)).toEqual(['original', 'shuffle', 'shuffle-window-8']);
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
        { name: 'broken.mp4', unreadable: 'ffmpeg cannot decode it' },
        noise('unlabelled', null),
        noise('strange', 'zebra'),
        noise('nothing', 'a', 0),
        noise('photo', 'a', 1),
        { ...noise('torn', 'a'), frames: 9 },
        ...clips(3),
      ],
      total: 9,
      onProgress: ({ done, total, skipped, clip }) => progress.push(`${done}/${total} ${skipped} ${clip}`),
    });
    expect(report.clipsScored).toBe(3);
    expect(report.skipped).toEqual([
      { name: 'broken.mp4', reason: 'ffmpeg cannot decode it' },
      { name: 'unlabelled', reason: 'it has no label' },
      { name: 'strange', reason: 'the recogniser has no label "zebra"' },
      { name: 'nothing', reason: 'it has no frames' },
      { name: 'photo', reason: 'it is too short: 1 frame, at least 2 are needed' },
      { name: 'torn', reason: 'it has 1152 bytes of pixels, not 1296' },
    ]);
    expect(progress[0]).toBe('1/9 1 broken.mp4');
    expect(progress.at(-1)).toBe('9/9 6 clip-2');
  });

  it('end the probe when there are no others', async () => {
    await expect(run({ clips: [noise('unlabelled', null)] })).rejects.toMatchObject({
      code: 'PROBE_NO_CLIPS',
      message: 'No clip could be scored: 1 skipped, the first, unlabelled, because it has no label.',
    });
    await expect(run({ clips: [] })).rejects.toMatchObject({ code: 'PROBE_NO_CLIPS' });
    expect(ERRORS.PROBE_NO_CLIPS.status).toBe(422);
  });
});

describe('cancelling', () => {
  it("ends the probe with the signal's reason, between clips and between orders", async () => {
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
  it('pass beside a probe', async () => {
    const { controls } = await run({ controls: true, clips: clips(6) });
    expect(controls.map(({ name, passed }) => [name, passed])).toEqual([
      ['bag of frames', true],
      ['direction of motion', true],
    ]);
    expect(controls[0]!.found).toBe('largest change 0');
    expect(controls[1]!.found).toMatch(/^sensitive: /);
  });

  it('bag of frames: no permutation changes a single bit, other sets of frames do', async () => {
    const bag = bagOfFrames({ classes: 5, ...SIZE });
    const clip = noise('x', 'a', 40);
    const plan = { conditions: CONDITIONS, permutations: 50, crops: 1, seed: 3 };
    const { conditions, score } = await observeClip(bag, clip, 2, plan);
    for (const condition of CONDITIONS.filter((c) => c.permutation && conditions.has(c.name))) {
      const outcome = conditions.get(condition.name)!;
      expect([...new Set(outcome.scores)]).toEqual([score]);
      expect(outcome).toMatchObject({ flips: 0, divergence: 0 });
    }
    expect(conditions.get('static')!.scores[0]).not.toBe(score);
  });

  it('direction of motion: sensitive, and reversed it names the other direction', async () => {
    const size = { width: 16, height: 4 };
    const report = await probe({
      model: { name: 'direction' },
      scorer: directionOfMotion(size),
      clips: movingBars({ clips: 30, frames: 16, ...size, seed: 2 }),
      labels: DIRECTIONS,
      partners: { rightwards: 'leftwards', leftwards: 'rightwards' },
      controls: false,
    });
    expect(report.verdict).toBe('sensitive');
    const accuracy = (name: string) => report.conditions.find((c) => c.name === name)!.accuracy.value;
    expect(accuracy('original')).toBe(1);
    expect(accuracy('reverse')).toBe(0);
    expect(report.reversal).toMatchObject({ clips: 30, own: 0, partner: { value: 1 } });
    expect(report.classes.map((c) => [c.partner, c.partnerShare])).toEqual([
      ['leftwards', 1],
      ['rightwards', 1],
    ]);
    expect(report.decomposition!.order).toBeGreaterThan(0.7);
    const { appearance, frames, order } = report.decomposition!;
    expect(appearance + frames + order).toBeCloseTo(1, 12);
  });
});

describe('scoring', () => {
  it('gives the orders in portions, and finds the row of each again', async () => {
    const scorer = scorerOf(0.5);
    const clip = { name: 'x', frames: FRAMES };
    const orders = ordersOf(
      conditionNamed('shuffle'),
      clip,
      { conditions: [], permutations: 600, crops: 1, seed: 1 },
      16,
    );
    const features = await scorer.features(clips(1)[0]!.pixels);
    const rows = await scoreOrders(scorer, clip, features, orders);
    expect(scorer.calls.map((call) => call.length)).toEqual([256, 256, 88]);
    for (const i of [0, 255, 256, 599]) {
      const alone = await scorer.scores(features, FRAMES, [orders[i]!]);
      expect(rows.logits(i)).toEqual(alone.logits);
      expect(rows.probabilities(i)).toEqual(alone.probabilities);
    }
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
    const { conditions } = await observeClip(scorer, { name: 'x', label: 'a', frames: 4, pixels }, 0, plan);
    const best = conditions.get('static-best')!;
    expect(best.predictions).toEqual(Int32Array.of(0));
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

describe('orders of a probe', () => {
  it('in order are the frames as they are', () => {
    const plan = { conditions: [], permutations: 20, crops: 1, seed: 1 };
    expect(ordersOf(conditionNamed('original'), { name: 'x', frames: 5 }, plan, 16)).toEqual([inOrder(5)]);
  });
});
