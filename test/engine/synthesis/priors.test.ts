/** What keeps inputs natural, and what they start from: each does what it says. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { GraphBuilder } from '../../../src/engine/graph/graph.js';
import { fourierPrior } from '../../../src/engine/models/fourier.js';
import { pixelPrior, type Prior } from '../../../src/engine/models/prior.js';
import { toRgb } from '../../../src/engine/models/pixels.js';
import { Random } from '../../../src/engine/random.js';
import { evaluate } from '../../../src/engine/runtimes/reference/reference.js';
import { codesOfState, stateOfCodes, stateShape } from '../../../src/engine/synthesis/codes.js';
import { patchModel, patchUnlikelihood, type PatchModel } from '../../../src/engine/synthesis/patches.js';
import { seenPictures, type Task } from '../../../src/engine/synthesis/scene.js';
import { smoothnessOf } from '../../../src/engine/synthesis/smoothness.js';
import { CODE, failure } from '../small-models.js';
import { CLASSIFIER, finished, PICTURE, smallRuns, type SmallRuns } from './small-runs.js';

let runs: SmallRuns;
beforeAll(async () => {
  runs = await smallRuns();
});
afterAll(() => runs.close());

const drawn = (prior: Prior, codes: Float32Array): Float64Array => {
  const b = new GraphBuilder();
  b.output('x', prior.build(b, b.input('code', [codes.length / prior.size, prior.size])));
  return evaluate(b.build(), { code: codes })['x']!;
};
const variance = (x: ArrayLike<number>): number => {
  const list = Array.from(x);
  const mean = list.reduce((a, b) => a + b, 0) / list.length;
  return list.reduce((sum, v) => sum + (v - mean) ** 2, 0) / list.length;
};

describe('the patch prior', () => {
  const SIDE = 16;
  const unlikely = (pictures: Float32Array, model?: PatchModel): number => {
    const b = new GraphBuilder();
    const x = b.input('x', [pictures.length / (3 * SIDE * SIDE), 3, SIDE, SIDE]);
    b.output('u', patchUnlikelihood(b, x, model));
    return evaluate(b.build(), { x: pictures })['u']![0]!;
  };
  /** Pictures of waves that are slow along rows, and fast ones down columns: [count, 3, SIDE, SIDE] of 0..1, and as bytes. */
  const striped = (count: number) => {
    const random = new Random('stripes');
    const places = SIDE * SIDE;
    const planes = Float32Array.from({ length: count * 3 * places }, () => 0);
    const bytes = new Uint8Array(planes.length);
    for (let n = 0; n < count; n++) {
      const rows = random.normals(SIDE, 0.2);
      for (let i = 0; i < 3 * places; i++) {
        const [c, at] = [Math.floor(i / places), i % places];
        const value = Math.min(Math.max(0.5 + rows[Math.floor(at / SIDE)]!, 0), 1);
        planes[n * 3 * places + i] = value;
        bytes[(n * places + at) * 3 + c] = Math.round(255 * value);
      }
    }
    return { planes, pictures: { pixels: bytes, count, width: SIDE, height: SIDE } };
  };
  const noise = new Random('noise').normals(4 * 3 * SIDE * SIDE, 0.2).map((x) => x + 0.5);

  it('tells noise from surfaces', () => {
    const surface = Float32Array.from({ length: 3 * SIDE * SIDE }, (_, i) => 0.3 + ((i % SIDE) / SIDE) * 0.3);
    expect(unlikely(noise)).toBeGreaterThan(10 * unlikely(surface));
  });

  it('made of pictures knows them: at most about 1 for their like, and more for others', () => {
    const { pictures } = striped(40);
    const model = patchModel(pictures);
    const own = unlikely(striped(44).planes.subarray(40 * 3 * SIDE * SIDE), model);
    expect(own).toBeLessThan(1.5);
    expect(unlikely(noise, model)).toBeGreaterThan(10 * own);
    // The same pictures turned by a quarter are none of them.
    const turned = striped(4).planes.map((_, i, all) => {
      const [plane, y, x] = [Math.floor(i / SIDE ** 2), Math.floor(i / SIDE) % SIDE, i % SIDE];
      return all[plane * SIDE ** 2 + x * SIDE + y]!;
    });
    expect(unlikely(turned, model)).toBeGreaterThan(5 * own);
  });

  it('of given pictures makes other pictures than that of none', async () => {
    const options = { model: CLASSIFIER, prior: 'pixels', frames: 1, settings: { penalties: { patch: 1 } } };
    const examples = { ...PICTURE };
    const [one, two] = [
      await finished(await runs.open(options)),
      await finished(await runs.open({ ...options, examples })),
    ];
    expect(two.pixels).not.toEqual(one.pixels);
  });
});

describe('waves', () => {
  it('of noise make pictures that are smoother than pixels of noise, within 0..1', () => {
    const prior = fourierPrior(16, 16);
    const picture = drawn(prior, new Random('waves').normals(prior.size));
    expect(Math.min(...picture)).toBeGreaterThan(0);
    expect(Math.max(...picture)).toBeLessThan(1);
    const steps = picture.subarray(1, 256).map((x, i) => x - picture[i]!);
    // Of noise it would be twice the variance.
    expect(variance(steps)).toBeLessThan(1.5 * variance(picture.subarray(0, 256)));
  });

  it('blurred are pictures blurred', () => {
    const [waves, pixels] = [fourierPrior(16, 12), pixelPrior(16, 12)];
    const code = new Random('blur').normals(waves.size, 0.2);
    const logit = (x: ArrayLike<number>): Float32Array => Float32Array.from(x, (p) => Math.log(p / (1 - p)));
    // Before the sigmoid both are linear; away from borders, which one repeats and the other joins, they agree.
    const one = logit(drawn(waves, waves.blur!(code, 0.8)));
    const two = pixels.blur!(logit(drawn(waves, code)), 0.8);
    for (const [y, x] of [
      [5, 7],
      [6, 8],
      [4, 4],
      [7, 11],
    ] as const) {
      expect(one[y * 16 + x]!).toBeCloseTo(two[y * 16 + x]!, 2);
    }
  });

  it('are refused a blur where a generator makes the pictures', async () => {
    const settings = { blur: { every: 2, sigma: 1 } };
    await expect(runs.open({ settings })).rejects.toThrow(failure('REQUEST_INVALID', /Only pixels can be blurred/));
  });
});

describe('waves on top of a generator', () => {
  const detail = { settings: { detail: 0.5 } } as const;
  const bare = () => runs.task({ model: CLASSIFIER, frames: 2 }).task;
  const topped = () => runs.task({ model: CLASSIFIER, frames: 2, ...detail });

  /** What the network sees of codes [2, D]. */
  const seenOf = (task: Task, codes: Float32Array): Float64Array => {
    const b = new GraphBuilder();
    const seen = seenPictures(b, task, b.input('code', [2, task.prior.size]));
    b.output('rgb', toRgb(b, seen, task.model.manifest.input));
    return evaluate(b.build(), { code: codes })['rgb']!;
  };
  /** Codes of the generator, each followed by as many coefficients. */
  const followed = (codes: Float32Array, rest: Float32Array): Float32Array => {
    const size = CODE + rest.length / 2;
    return Float32Array.from({ length: 2 * size }, (_, i) => {
      const [n, k] = [Math.floor(i / size), i % size];
      return k < CODE ? codes[n * CODE + k]! : rest[n * (size - CODE) + k - CODE]!;
    });
  };

  it('leave its pictures as they are where they are none, but for what is black or white', () => {
    const [{ task }, plain] = [topped(), bare()];
    const codes = new Random('codes').normals(2 * CODE, 0.3).map(Math.abs);
    const waves = new Float32Array(2 * (task.prior.size - CODE));
    const wanted = seenOf(plain, codes).map((x) => Math.min(Math.max(x, 0.02 * 255), 0.98 * 255));
    seenOf(task, followed(codes, waves)).forEach((x, i) => expect(x).toBeCloseTo(wanted[i]!, 2));
  });

  it('change them by their strength, alike where real codes lie far apart and near', () => {
    const [{ task }, plain] = [topped(), bare()];
    const { width, height } = task.model.manifest.input;
    const waves = fourierPrior(width, height);
    const { spread } = task.prior.statistics;
    const codes = new Random('codes').normals(2 * CODE, 0.1).map(Math.abs);
    const coefficients = new Random('waves').normals(2 * waves.size);
    const odds = (p: number): number => Math.log(p / (1 - p));
    const field = drawn(waves, coefficients).map(odds);
    const before = seenOf(plain, codes);
    const after = seenOf(
      task,
      followed(
        codes,
        coefficients.map((x) => x * spread),
      ),
    );
    after.forEach((x, i) => {
      const p = Math.min(Math.max(before[i]! / 255, 0.02), 0.98);
      expect(odds(x / 255)).toBeCloseTo(odds(p) + 0.5 * field[i]!, 3);
    });
  });

  it('have codes that come back from their state', () => {
    const { task, settings } = topped();
    const whitened = { ...settings, codes: 'whitened', bounds: { kind: 'none' } } as const;
    const codes = followed(
      new Random('codes').normals(2 * CODE, 0.3),
      new Random('waves').normals(2 * (task.prior.size - CODE)),
    );
    const b = new GraphBuilder();
    b.output('codes', codesOfState(b, task, whitened, b.input('state', stateShape(task, whitened))).codes);
    const again = evaluate(b.build(), { state: stateOfCodes(task, whitened, codes) })['codes']!;
    again.forEach((x, i) => expect(x).toBeCloseTo(codes[i]!, 4));
  });

  it('are drawn, and kept on a sphere, as the generator says of its own', async () => {
    const run = await runs.open({
      ...{ model: CLASSIFIER, frames: 300, iterations: 1 },
      settings: { detail: 0.5, start: { from: 'sample' }, bounds: { kind: 'sphere' }, optimiser: { rule: 'adam' } },
    });
    const { spread, mean } = runs.task({ model: CLASSIFIER, ...detail }).task.prior.statistics;
    const { state } = run.checkpoint().arrays;
    const size = mean.length;
    const waves = state!.filter((_, i) => i % size >= CODE);
    expect(Math.sqrt(variance(waves)) / spread).toBeCloseTo(1, 1);
    const { codes } = await finished(run);
    const length = (t: number): number => Math.hypot(...mean.map((m, d) => codes[t * size + d]! - m));
    expect(length(1)).toBeCloseTo(length(0), 3);
    expect(length(0) / Math.hypot(...state!.subarray(0, size).map((x, d) => x - mean[d]!))).toBeCloseTo(1, 0);
  });

  it.each(['pixels', 'fourier'])('are refused where there is no generator: %s', async (prior) => {
    await expect(runs.open({ prior, ...detail })).rejects.toThrow(
      failure('REQUEST_INVALID', /Details are for a generator's pictures.*Set detail to 0/),
    );
  });
});

describe('a sampled start', () => {
  const settings = { start: { from: 'sample' } } as const;
  const start = async (model: string, frames: number): Promise<Float32Array> => {
    const run = await runs.open({ model, frames, settings });
    const { code } = run.checkpoint().arrays;
    await run.close();
    return code!;
  };

  it('of pictures has the mean and the covariance of real codes', async () => {
    const { mean, factors } = runs.task({ model: CLASSIFIER }).task.prior.statistics;
    const N = 2000;
    const codes = await start(CLASSIFIER, N);
    const away = (n: number, i: number): number => codes[n * CODE + i]! - mean[i]!;
    const entry = (factor: Float32Array, i: number, j: number): number =>
      Array.from({ length: CODE }, (_, k) => factor[i * CODE + k]! * factor[j * CODE + k]!).reduce((a, b) => a + b, 0);
    for (let i = 0; i < CODE; i++) {
      for (let j = 0; j <= i; j++) {
        const real = entry(factors!.within, i, j) + entry(factors!.between, i, j);
        const own = Array.from({ length: N }, (_, n) => away(n, i) * away(n, j)).reduce((a, b) => a + b, 0) / N;
        expect(Math.abs(own - real)).toBeLessThan(0.15);
      }
    }
  });

  it('of a video has frames that have something in common', async () => {
    const [one, two] = [await start('small', 400), await start(CLASSIFIER, 400)];
    const first = (codes: Float32Array): number => variance(Array.from({ length: 400 }, (_, t) => codes[t * CODE]!));
    expect(first(one)).toBeLessThan(first(two));
  });
});

describe('a sphere', () => {
  it('keeps codes at the distance of real ones from the mean code', async () => {
    const { codes } = await finished(
      await runs.open({ settings: { bounds: { kind: 'sphere' }, optimiser: { rule: 'adam' } } }),
    );
    const { mean } = runs.task({}).task.prior.statistics;
    const lengths = Array.from({ length: codes.length / CODE }, (_, t) =>
      Math.hypot(...mean.map((m, d) => codes[t * CODE + d]! - m)),
    );
    expect(Math.max(...lengths) - Math.min(...lengths)).toBeLessThan(1e-4);
    expect(lengths[0]).toBeGreaterThan(0.1);
  });
});

describe('a box', () => {
  it.each([1, 2, 3])('of %i times the range is what codes end in', async (scale) => {
    const settings = { bounds: { kind: 'box', scale }, optimiser: { rule: 'adam', rate: 3 } } as const;
    const { codes } = await finished(await runs.open({ settings }));
    const { mean, upper, lower } = runs.task({}).task.prior.statistics;
    let touched = 0;
    codes.forEach((x, i) => {
      const [m, u, l] = [mean[i % CODE]!, upper[i % CODE]!, lower[i % CODE]!];
      expect(x).toBeLessThanOrEqual(m + scale * (u - m) + 1e-5);
      expect(x).toBeGreaterThanOrEqual(m + scale * (l - m) - 1e-5);
      if (Math.abs(x - (m + scale * (u - m))) < 1e-5 || Math.abs(x - (m + scale * (l - m))) < 1e-5) touched++;
    });
    expect(touched).toBeGreaterThan(0);
  });
});

describe('the sampler', () => {
  it('without noise and objective goes to where the encoder finds codes', async () => {
    const optimiser = { rule: 'ppgn', eps1: 0.5, eps2: 0, eps3: 0 } as const;
    const common = { model: CLASSIFIER, frames: 2 };
    const run = await runs.open({ ...common, settings: { optimiser, bounds: { kind: 'none' } }, iterations: 30 });
    const { task } = runs.task(common);
    const away = (codes: Float32Array): number => {
      const b = new GraphBuilder();
      const code = b.input('code', [2, CODE]);
      b.output('again', task.prior.encode!(b, task.prior.build(b, code)));
      const again = evaluate(b.build(), { code: codes })['again']!;
      return Math.hypot(...again.map((x, i) => x - codes[i]!));
    };
    const before = away(run.checkpoint().arrays['state']!);
    const { codes } = await finished(run);
    expect(away(codes)).toBeLessThan(0.1 * before);
  });

  it('makes chains that differ by their seeds alone', async () => {
    const settings = { optimiser: { rule: 'ppgn', eps3: 0.3 }, start: { from: 'mean' } } as const;
    const [one, two, again] = [
      await finished(await runs.open({ settings, seed: 1 })),
      await finished(await runs.open({ settings, seed: 2 })),
      await finished(await runs.open({ settings, seed: 1 })),
    ];
    expect(two.pixels).not.toEqual(one.pixels);
    expect(again.pixels).toEqual(one.pixels);
  });

  it('goes over free raw codes only', async () => {
    const optimiser = { rule: 'ppgn' } as const;
    for (const settings of [
      { optimiser, codes: 'whitened' },
      { optimiser, sequence: { form: 'dct' } },
    ] as const) {
      await expect(runs.open({ settings })).rejects.toThrow(failure('REQUEST_INVALID', /raw codes/));
    }
  });
});

describe('a start from pictures', () => {
  /** A clip of the small prior's own pictures, which thus have codes. */
  async function ownClip(frames: number) {
    const { task } = runs.task({});
    const { width, height, mean, order, scale } = task.prior.output;
    const codes = new Random('clip')
      .normals(frames * CODE, 0.15)
      .map((x, i) => x + task.prior.statistics.mean[i % CODE]!);
    const numbers = drawn(task.prior, codes);
    const plane = width * height;
    const pixels = Uint8Array.from({ length: frames * 3 * plane }, (_, at) => {
      const [t, place, rgb] = [Math.floor(at / (3 * plane)), Math.floor(at / 3) % plane, at % 3];
      const c = order === 'bgr' ? 2 - rgb : rgb;
      return Math.min(Math.max(Math.round(numbers[(t * 3 + c) * plane + place]! / scale[c]! + mean[c]!), 0), 255);
    });
    return { codes, pictures: { pixels, count: frames, width, height } };
  }

  it('by inversion finds codes whose pictures they are', async () => {
    const { pictures } = await ownClip(3);
    const settings = { start: { from: 'picture', by: 'inversion', iterations: 200 } } as const;
    const run = await runs.open({ frames: 3, pictures, settings });
    const { task } = runs.task({ frames: 3 });
    const found = drawn(task.prior, run.checkpoint().arrays['code']!);
    const [mean] = [drawn(task.prior, task.prior.statistics.mean)];
    const wanted = drawn(task.prior, (await ownClip(3)).codes);
    const error = (x: (i: number) => number): number => Math.hypot(...wanted.map((w, i) => w - x(i)));
    expect(error((i) => found[i]!)).toBeLessThan(0.2 * error((i) => mean[i % mean.length]!));
    await run.close();
  });

  it.each(['raw', 'whitened'] as const)('begins with the frames of a clip, one for one: %s', async (codes) => {
    const { pictures } = await ownClip(4);
    const settings = { codes, start: { from: 'picture', by: 'inversion', iterations: 150 } } as const;
    const run = await runs.open({ frames: 4, pictures, settings, iterations: 1 });
    const { pixels } = (await run.step())!;
    expect(smoothnessOf(pixels!, 4)).toBeGreaterThan(0.01);
    const [one] = [await finished(run)];
    expect(one.codes).toHaveLength(4 * CODE);
  });

  it('that are not as many as the frames, or none, is refused', async () => {
    const { pictures } = await ownClip(2);
    const settings = { start: { from: 'picture' } } as const;
    await expect(runs.open({ frames: 5, pictures, settings })).rejects.toThrow('2 pictures for 5 frames');
    await expect(runs.open({ frames: 5, settings })).rejects.toThrow('needs one');
  });
});
