/** What the input of a model is: a code, a picture, or the frames of a video, and along which axes it lies. */
import { NeuroreelError } from '../../../protocol/errors.js';
import type { ReadOptions } from '../format.js';
import { NOMINAL_LANES, type Draft } from './draft.js';
import { unsupported, type Live } from './live.js';
import { kindOf } from './tensors.js';
import type { PortFile } from './wire.js';

const MAX_SIDE = 4096;
const MAX_CHANNELS = 65_536;
const MAX_CODE = 2 ** 20;
const MAX_STEPS = 4096;

type Dimension = number | string | null;

interface Common {
  /** Extents in the model, 1 along the batch; along the time of frames 1, which is only known when a graph is made. */
  readonly shape: readonly number[];
  /** Extent of the batch that the file fixes, or null. */
  readonly batch: number | null;
}

export interface CodeInput extends Common {
  readonly kind: 'code';
}

export interface PictureInput extends Common {
  readonly kind: 'picture';
  readonly channels: number;
  readonly height: number;
  readonly width: number;
  readonly channelsLast: boolean;
}

export interface FramesInput extends Omit<PictureInput, 'kind'> {
  readonly kind: 'frames';
  readonly timeAxis: number;
  /** Number of frames that the file fixes, or null. */
  readonly steps: number | null;
}

export type ModelInput = CodeInput | PictureInput | FramesInput;

const show = (dims: readonly Dimension[]): string => `[${dims.map((dim) => dim ?? '?').join(', ')}]`;
const isColour = (dim: Dimension | undefined): boolean => dim === 1 || dim === 3;

/** A number that the file fixes, else the one that was asked for. */
function extentOf(dim: Dimension, asked: number | undefined, dims: readonly Dimension[]): number {
  const extent = typeof dim === 'number' ? dim : asked;
  if (extent !== undefined) return extent;
  return unsupported(`The model leaves the size of its input open, ${show(dims)}; give a height and a width.`);
}

function checked<T extends Common>(input: T, most: number): T {
  const fits = input.shape.every((dim) => Number.isInteger(dim) && dim > 0 && dim <= most);
  const batch = input.batch === null || (input.batch > 0 && input.batch <= MAX_STEPS);
  if (fits && batch) return input;
  throw new NeuroreelError('GRAPH_INVALID', `The model's input has an impossible size, [${input.shape.join(', ')}].`);
}

const fixed = (dim: Dimension): number | null => (typeof dim === 'number' ? dim : null);

function code(dims: readonly Dimension[]): CodeInput {
  const [batch, size] = dims as [Dimension, Dimension];
  if (typeof size !== 'number') unsupported(`The model leaves the size of its code open, ${show(dims)}.`);
  return checked({ kind: 'code', shape: [1, size], batch: fixed(batch) }, MAX_CODE);
}

interface Axes {
  readonly channel: number;
  /** Height; the width comes next. */
  readonly height: number;
}

function pictureAt(
  dims: readonly Dimension[],
  axes: Axes,
  size: ReadOptions['size'],
): Omit<PictureInput, 'kind' | 'batch'> {
  const channels = dims[axes.channel];
  if (typeof channels !== 'number') {
    return unsupported(`The model leaves the number of its input's channels open, ${show(dims)}.`);
  }
  const height = extentOf(dims[axes.height]!, size?.[0], dims);
  const width = extentOf(dims[axes.height + 1]!, size?.[1], dims);
  const sides = [channels, height, width];
  if (!sides.every((n) => n > 0) || channels > MAX_CHANNELS || Math.max(height, width) > MAX_SIDE) {
    throw new NeuroreelError('GRAPH_INVALID', `The model's input has an impossible size, [${sides.join(', ')}].`);
  }
  const shape = dims.map((_, i) =>
    i === axes.channel ? channels : i === axes.height ? height : i === axes.height + 1 ? width : 1,
  );
  return { shape, channels, height, width, channelsLast: axes.channel > axes.height };
}

/** Whether an extent may be that of a picture's side, and not of channels or of a code's few places. */
const isSide = (dim: Dimension | undefined): boolean => typeof dim !== 'number' || dim >= 8;

function picture(dims: readonly Dimension[], size: ReadOptions['size']): PictureInput {
  const last = isColour(dims[3]) && !isColour(dims[1]) && isSide(dims[1]) && isSide(dims[2]);
  const at = pictureAt(dims, last ? { channel: 3, height: 1 } : { channel: 1, height: 2 }, size);
  return checked({ kind: 'picture', ...at, batch: fixed(dims[0]!) }, MAX_CHANNELS);
}

const meansTime = (dim: Dimension): boolean => typeof dim === 'string' && /time|seq|frame|step|length|^t$/i.test(dim);
const meansBatch = (dim: Dimension): boolean => typeof dim === 'string' && /batch|^[nb]$/i.test(dim);

/** Which of the first two axes is the time: what their sizes and names say, else the second. */
function timeFirst([first, second]: readonly Dimension[]): boolean {
  if (first === 1 || second === 1) return second === 1 && first !== 1;
  return meansTime(first!) || meansBatch(second!);
}

/** [N, T, C, H, W] or [T, N, C, H, W]; [N, C, T, H, W]; [N, T, H, W, C]. */
function frames(dims: readonly Dimension[], size: ReadOptions['size']): FramesInput {
  const [, second, third, , fifth] = dims;
  const channel = [
    third === 3 ? 2 : -1,
    second === 3 ? 1 : -1,
    third === 1 ? 2 : -1,
    second === 1 ? 1 : -1,
    isColour(fifth) ? 4 : -1,
  ].find((axis) => axis >= 0);
  if (channel === undefined) return unsupported(`The model's input ${show(dims)} has no axis of 1 or 3 colours.`);
  const at = pictureAt(dims, { channel, height: channel === 4 ? 2 : 3 }, size);
  const timeAxis = channel === 1 ? 2 : timeFirst(dims) ? 0 : 1;
  const batchAxis = timeAxis === 0 ? 1 : 0;
  const steps = fixed(dims[timeAxis]!);
  if (steps !== null && !(steps > 0 && steps <= MAX_STEPS)) {
    throw new NeuroreelError('GRAPH_INVALID', `The model's input has an impossible number of frames, ${steps}.`);
  }
  return checked({ kind: 'frames', ...at, timeAxis, steps, batch: fixed(dims[batchAxis]!) }, MAX_CHANNELS);
}

/** What the input of a model is, by its number of axes and where its colours are. */
export function inputOf(port: PortFile, { size }: ReadOptions): ModelInput {
  const dims = port.shape;
  if (kindOf(port.type) === null || dims === null) {
    return unsupported(`The model does not say which numbers its input "${port.name}" holds, or in which shape.`);
  }
  if (dims.length === 2) return code(dims);
  if (dims.length === 4) return picture(dims, size);
  if (dims.length === 5) return frames(dims, size);
  return unsupported(`The model's input ${show(dims)} has ${dims.length} axes; codes have 2, pictures 4 and videos 5.`);
}

/** Pictures whose first axis, the batch in general, is a time. */
export const asFrames = (input: PictureInput): FramesInput => ({
  ...input,
  kind: 'frames',
  timeAxis: 0,
  steps: input.batch,
  batch: null,
});

/** Pictures of the network that is not a picture's: a code [C, h, w]. */
export const asCode = (input: PictureInput): CodeInput => ({ kind: 'code', shape: input.shape, batch: input.batch });

/** Largest number of frames that a file may be read for. */
export const checkSteps = (steps: number): void => {
  if (Number.isInteger(steps) && steps >= 1 && steps <= MAX_STEPS) return;
  throw new NeuroreelError('GRAPH_INVALID', `A model cannot be read for ${steps} frames; 1 to ${MAX_STEPS} can be.`);
};

/**
 * The input of a graph as the model has it.
 * @param name of the graph's input.
 * @param extent of the model's axis of lanes; null where each lane is a whole input.
 */
export function liveInput(
  d: Draft,
  input: ModelInput,
  name: string,
  lanes: { axis: number; extent: number } | null,
): Live {
  const shape = lanes ? input.shape.with(lanes.axis, lanes.extent) : [...input.shape];
  const result = (value: Live['value']): Live => ({ shape, lanes: lanes?.axis ?? null, value });
  if (input.kind === 'code')
    return result(d.b.input(name, [NOMINAL_LANES, input.shape.reduce((n, dim) => n * dim, 1)]));
  const { channels, height, width, channelsLast } = input;
  const value = d.b.input(name, [NOMINAL_LANES, channels, height, width]);
  return result(channelsLast ? d.transpose(value, [0, 2, 3, 1]) : value);
}
