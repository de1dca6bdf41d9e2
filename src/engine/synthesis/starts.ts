/** What a run starts with: one table, one entry a kind of start. */
import { NeuroreelError } from '../../protocol/errors.js';
import type { SynthesisStart } from '../../protocol/synthesis.js';
import { gradients } from '../autodiff/gradients.js';
import { GraphBuilder, type Value } from '../graph/graph.js';
import { sizeOf } from '../graph/shape.js';
import { bytesToRgb, convert, fromRgb } from '../models/pixels.js';
import { resized } from '../models/resize.js';
import { add, max, min, mul, sub } from '../ops/elementwise.js';
import { mean } from '../ops/reduce.js';
import type { Random } from '../random.js';
import { ADAM, adamMove, biasCorrections, declareCorrections } from '../training/adam.js';
import { identitiesOf, stateOfCodes, stateShape } from './codes.js';
import type { Settings } from './presets.js';
import { isOfPictures, type Task } from './scene.js';
import type { Compile } from './stepper.js';
import { spreadOutRow } from './whitening.js';

/** Real pictures whose codes a run starts from. */
export interface StartPictures {
  /** RGB bytes [count, height, width, 3]: one for all frames, or one for each. */
  readonly pixels: Uint8Array;
  readonly count: number;
  readonly width: number;
  readonly height: number;
}

interface StartContext {
  readonly task: Task;
  readonly settings: Settings;
  readonly random: Random;
  readonly compile: Compile;
  readonly pictures: StartPictures | undefined;
}

type Build<F extends SynthesisStart['from']> = (
  context: StartContext,
  start: Extract<SynthesisStart, { from: F }>,
) => Float32Array | Promise<Float32Array>;

const refused = (message: string): NeuroreelError => new NeuroreelError('REQUEST_INVALID', message);

/** One code for all frames, or one for each, as those of all frames [T, D]. */
function forFrames({ task }: StartContext, codes: Float32Array): Float32Array {
  const { frames, prior } = task;
  if (codes.length === frames * prior.size) return codes;
  if (codes.length !== prior.size) {
    throw refused(
      `The start has ${codes.length} numbers; a code of ${prior.name} has ${prior.size}, and there are ${frames} frames.`,
    );
  }
  return Float32Array.from({ length: frames * prior.size }, (_, i) => codes[i % prior.size]!);
}

/** The state of codes, with noise in units of the codes' spread. */
function near(context: StartContext, codes: Float32Array, noise: number): Float32Array {
  const { task, settings, random } = context;
  const all = forFrames(context, codes);
  const spread = noise * task.prior.statistics.spread;
  const moved = noise === 0 ? all : all.map((x) => x + spread * random.normal());
  return stateOfCodes(task, settings, moved);
}

/**
 * Normal noise. Raw codes of a generator are noise themselves (the paper's start); those without one are noise around the
 * mean picture.
 */
const noise: Build<'noise'> = ({ task, settings, random }, { identity, movement }) => {
  const [rows, size] = stateShape(task, settings);
  const identities = identitiesOf(task, settings);
  const state = new Float32Array(rows * size);
  state.set(random.normals(identities * size, identity), 0);
  state.set(random.normals((rows - identities) * size, identities === 0 ? identity : movement), identities * size);
  return state;
};

const STARTS: { readonly [F in SynthesisStart['from']]: Build<F> } = {
  noise,
  zero: ({ task, settings }) => new Float32Array(sizeOf(stateShape(task, settings))),
  mean: (context) => near(context, context.task.prior.statistics.mean, 0),
  sample(context, { scale }) {
    const { task, random } = context;
    const { statistics } = task.prior;
    const { mean, factors } = statistics;
    const draw = (which: 'between' | 'within'): Float32Array =>
      spreadOutRow(random.normals(mean.length, scale), statistics, which);
    // What the frames of a video have in common is drawn once; pictures have nothing in common.
    const apart = factors !== null && factors.between !== factors.within;
    const together = apart && !isOfPictures(task) ? draw('between') : null;
    const codes = new Float32Array(task.frames * mean.length);
    for (let t = 0; t < task.frames; t++) {
      const own = draw('within');
      const shared = together ?? (apart ? draw('between') : null);
      codes.set(
        mean.map((centre, i) => centre + own[i]! + (shared && i < factors!.size ? shared[i]! : 0)),
        t * mean.length,
      );
    }
    return near(context, codes, 0);
  },
  code: (context, { code, noise: added }) => near(context, Float32Array.from(code), added),
  async picture(context, { by, iterations, noise: added }) {
    const { pictures, task } = context;
    if (!pictures) throw refused('A run that starts from a picture needs one.');
    if (pictures.count !== 1 && pictures.count !== task.frames) {
      throw refused(`The start has ${pictures.count} pictures for ${task.frames} frames.`);
    }
    const codes = await (by === 'encoder' && task.prior.encode ? encoded : inverted)(context, pictures, iterations);
    return near(context, codes, added);
  },
};

/** Pictures as the prior's numbers, at its size. */
function priorNumbers(b: GraphBuilder, { prior }: Task, { count, width, height }: StartPictures): Value {
  const rgb = bytesToRgb(b, b.input('pixels', [count, height, width, 3], 'uint8'));
  return fromRgb(b, resized(b, rgb, prior.output.height, prior.output.width), prior.output);
}

async function encoded({ task, compile }: StartContext, pictures: StartPictures): Promise<Float32Array> {
  const b = new GraphBuilder();
  b.output('codes', task.prior.encode!(b, priorNumbers(b, task, pictures)));
  const graph = await compile(b.build());
  try {
    return (await graph.run({ pixels: pictures.pixels }))['codes'] as Float32Array;
  } finally {
    await graph.close();
  }
}

const INVERSION_RATE = 0.1;

/** Codes whose pictures come nearest to the given ones: Adam on the mean squared error, from the mean code. */
async function inverted(
  { task, compile }: StartContext,
  pictures: StartPictures,
  iterations: number,
): Promise<Float32Array> {
  const { prior } = task;
  const { mean: centre, lower, upper, spread } = prior.statistics;
  const b = new GraphBuilder();
  const wanted = convert(b, priorNumbers(b, task, pictures), prior.output, prior.output);
  const code = b.input('code', [pictures.count, prior.size]);
  const away = sub(b, prior.build(b, code), wanted);
  const scale = Math.abs(prior.output.scale[0]!) * 255;
  const error = mul(b, mean(b, mul(b, away, away), undefined, false), b.scalar(1 / scale ** 2));
  const gradient = gradients(b, error, [code], b.scalar(-pictures.count))[0]!;
  const move = adamMove(b, gradient, { m: 'm', v: 'v' }, declareCorrections(b));
  const next = add(b, code, mul(b, move, b.scalar(INVERSION_RATE * spread)));
  const row = (data: Float32Array): Value => b.constant(data, [1, prior.size]);
  b.output('code', min(b, max(b, next, row(lower)), row(upper)));
  const graph = await compile(b.build());
  try {
    const length = pictures.count * prior.size;
    let state = {
      code: Float32Array.from({ length }, (_, i) => centre[i % prior.size]!),
      m: new Float32Array(length),
      v: new Float32Array(length),
    };
    for (let t = 1; t <= iterations; t++) {
      const outputs = await graph.run({ ...state, ...biasCorrections(t, ADAM), pixels: pictures.pixels });
      state = { code: outputs['code'], m: outputs['m'], v: outputs['v'] } as typeof state;
    }
    return state.code;
  } finally {
    await graph.close();
  }
}

/** The state that a run starts with, [I + K, D]. @throws NeuroreelError REQUEST_INVALID */
export async function startingState(context: StartContext): Promise<Float32Array> {
  const { start } = context.settings;
  return (STARTS[start.from] as Build<SynthesisStart['from']>)(context, start);
}
