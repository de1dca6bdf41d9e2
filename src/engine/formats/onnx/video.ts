/** Models of videos for the number of frames that a file fixes, or for any number where that is open. */
import { NeuroreelError } from '../../../protocol/errors.js';
import type { ImportedRecogniser, ReadOptions } from '../format.js';
import { generalGraph, sameGraph, stands } from './generalise.js';
import { asFrames, checkSteps, type FramesInput, type PictureInput } from './input.js';
import type { Plan } from './plan.js';
import { buildRecogniser, type BuiltRecogniser } from './recogniser.js';

/** Frames for which a video's shapes are worked out where the file leaves them open; any number runs. */
const NOMINAL_STEPS = 16;
/** Further numbers that a graph for any number is held against. */
const FURTHER_STEPS = [19, 33];

type Read = Omit<ImportedRecogniser, 'origin'>;

/** A recogniser's graphs for any number of steps, or null where they depend on it. */
function forAnySteps(
  build: (steps: number) => BuiltRecogniser,
  first: BuiltRecogniser,
  steps: number,
): BuiltRecogniser | null {
  const second = build(steps + 1);
  const sequence = generalGraph(first.sequence, second.sequence);
  if (!sequence || !sameGraph(first.frames, second.frames) || first.units !== second.units) return null;
  const fits = FURTHER_STEPS.every((more) => {
    const further = build(more);
    return (
      further.units === first.units && sameGraph(first.frames, further.frames) && stands(sequence, further.sequence)
    );
  });
  return fits ? { ...first, sequence } : null;
}

/** As `forAnySteps`; a file whose own numbers hold on to its number of steps fails at any other. */
function whereAny(
  build: (steps: number) => BuiltRecogniser,
  first: BuiltRecogniser,
  steps: number,
): BuiltRecogniser | null {
  try {
    return forAnySteps(build, first, steps);
  } catch (error) {
    if (error instanceof NeuroreelError) return null;
    throw error;
  }
}

/**
 * A model of videos.
 * @param size bytes of the model's files.
 * @throws NeuroreelError MODEL_FORMAT_UNSUPPORTED where the number of frames is open and the graphs depend on it.
 */
export function buildVideoModel(plan: Plan, size: number, input: FramesInput, options: ReadOptions): Read {
  const steps = input.steps ?? options.steps ?? null;
  if (steps !== null) checkSteps(steps);
  const { height, width } = input;
  const nominal = steps ?? NOMINAL_STEPS;
  const build = (count: number): BuiltRecogniser => buildRecogniser(plan, size, input, count, count !== steps);
  const first = hinted(input, () => buildRecogniser(plan, size, input, nominal, true));
  const any = whereAny((count) => buildRecogniser(plan, size, input, count, true), first, nominal);
  if (!any && steps === null) {
    const hint = 'say for how many it is to be read (--sequence spread:N or windows:N:STRIDE)';
    throw new NeuroreelError(
      'MODEL_FORMAT_UNSUPPORTED',
      `The model leaves the number of its frames open, but cannot be read for any number of them; ${hint}.`,
    );
  }
  const { frames, sequence, units, types } = any ?? build(nominal);
  return { kind: 'recogniser', graphs: { frames, sequence }, height, width, units, types, steps };
}

/** A batch that the file fixes is the likely reason why it fails for one video. */
function hinted<T>({ batch }: FramesInput, run: () => T): T {
  try {
    return run();
  } catch (error) {
    if (batch === null || batch === 1 || !(error instanceof NeuroreelError)) throw error;
    const hint = `The file fixes a batch of ${batch}; export it with a batch of 1.`;
    throw new NeuroreelError(error.code, `${error.message} ${hint}`, { details: error.details, cause: error });
  }
}

/** A model of pictures whose first axis is a time, since a recurrent layer reads along it; null where it is a batch. */
export function asVideo(plan: Plan, size: number, input: PictureInput): FramesInput | null {
  if (input.batch === 1 || !plan.nodes.some(({ op }) => op.recurrent)) return null;
  const frames = asFrames(input);
  try {
    return buildRecogniser(plan, size, frames, frames.steps ?? NOMINAL_STEPS, true).recurrent ? frames : null;
  } catch (error) {
    if (error instanceof NeuroreelError) return null;
    throw error;
  }
}
