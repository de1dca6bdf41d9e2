/**
 * Receptive fields from the graph: what of an input can influence a unit. A box of elements is carried backward from the
 * unit, node by node, as the ops' rules of reach say. Nothing that counts is outside of it; its borders are exact, except
 * where a kernel with holes (a dilated one) stands above a layer whose border it straddles.
 */
import { NeuroreelError } from '../../protocol/errors.js';
import { typeOf, type Graph, type GraphNode } from '../graph/graph.js';
import { centreOf, showShape, type Shape } from '../graph/shape.js';
import type { Box, Interval } from '../ops/definition.js';
import { boxOf, elementwise, hull, within } from '../ops/reach.js';
import { opNamed } from '../ops/table.js';

/** A part of a picture: rows and columns. */
export interface PictureBox {
  /** Height and width. */
  readonly size: readonly [number, number];
  /** Top and left. */
  readonly offset: readonly [number, number];
}

/** What of a picture a unit sees. */
export interface ReceptiveField extends PictureBox {
  /**
   * What of it lies in the picture and can count: the crop to show. Outside of `size` and `offset` themselves, which are
   * those of a picture without borders; there, offsets may be negative.
   */
  readonly clipped: PictureBox;
}

/** Which unit of a layer; layers are values [1, C] or [1, C, H, W]. */
export interface UnitPlace {
  /** All channels when absent. */
  readonly channel?: number;
  /** Row and column; by default the middle, floor(size / 2). */
  readonly position?: readonly [number, number];
}

function asked(box: Box | null, shape: Shape, bounded: boolean): Box | null {
  return box && bounded ? boxOf(box.map((interval, axis) => within(interval, shape[axis]!))) : box;
}

function inputsReached(graph: Graph, node: GraphNode, output: number, box: Box, bounded: boolean): (Box | null)[] {
  const types = (ids: readonly number[]): ReturnType<typeof typeOf>[] => ids.map((id) => typeOf(graph, id));
  const context = { box, output, inputs: types(node.inputs), outputs: types(node.outputs), bounded };
  return (opNamed(node.op).reach ?? elementwise)({ ...context, attributes: node.attributes });
}

/**
 * The elements of a value that can influence a box of another: a box that holds them all.
 * @param bounded whether tensors end at their borders; if not, the box may go on beyond them.
 * @returns null where nothing can.
 */
export function reachOf(graph: Graph, target: number, box: Box, source: number, bounded = true): Box | null {
  const boxes = new Map<number, Box>();
  const add = (id: number, more: Box | null): void => {
    const kept = asked(more, typeOf(graph, id).shape, bounded);
    if (kept) boxes.set(id, hull(boxes.get(id) ?? null, kept)!);
  };
  add(target, box);
  for (let i = graph.nodes.length - 1; i >= 0; i--) {
    const node = graph.nodes[i]!;
    node.outputs.forEach((id, output) => {
      const part = boxes.get(id);
      if (part) inputsReached(graph, node, output, part, bounded).forEach((more, k) => add(node.inputs[k]!, more));
    });
  }
  return boxes.get(source) ?? null;
}

/**
 * The box of a unit in a layer of this shape.
 * @throws NeuroreelError UNIT_UNKNOWN for a channel or a position that the layer does not have.
 */
export function unitBox(shape: Shape, { channel, position }: UnitPlace = {}): Box {
  const one = (at: number, axis: number): Interval => {
    if (Number.isInteger(at) && at >= 0 && at < shape[axis]!) return [at, at];
    const what = axis === 1 ? `unit ${at}` : `position ${at}`;
    throw new NeuroreelError('UNIT_UNKNOWN', `A layer of the shape ${showShape(shape)} has no ${what}.`);
  };
  const whole = shape.map((size): Interval => [0, size - 1]);
  const [batch = [0, 0], channels = [0, 0], ...places] = whole;
  const middle: readonly number[] = position ?? (shape.length === 4 ? centreOf(shape) : []);
  if (middle.length > places.length) {
    throw new NeuroreelError('UNIT_UNKNOWN', `A layer of the shape ${showShape(shape)} has no positions.`);
  }
  const chosen = places.map((interval, i) => (middle[i] === undefined ? interval : one(middle[i], i + 2)));
  return [batch, channel === undefined ? channels : one(channel, 1), ...chosen].slice(0, shape.length);
}

const pictureBox = (box: Box): PictureBox => {
  const [rows, columns] = box.slice(-2) as [Interval, Interval];
  return {
    size: [rows[1] - rows[0] + 1, columns[1] - columns[0] + 1],
    offset: [rows[0], columns[0]],
  };
};

/**
 * The receptive field of a unit of a layer.
 * @param layer name of an output of the graph.
 * @param input name of the graph's input of pictures [N, C, H, W]; its first one by default.
 * @returns null where the input has no rows and columns, or does not influence the unit.
 * @throws NeuroreelError UNIT_UNKNOWN where there is no such layer, channel or position.
 */
export function receptiveField(
  graph: Graph,
  layer: string,
  unit: UnitPlace = {},
  input = graph.inputs[0]?.name,
): ReceptiveField | null {
  const source = graph.inputs.find(({ name }) => name === input)?.value;
  const target = graph.outputs.find(({ name }) => name === layer)?.value;
  if (target === undefined) {
    const names = graph.outputs.map(({ name }) => name).join(', ');
    throw new NeuroreelError('UNIT_UNKNOWN', `There is no layer ${JSON.stringify(layer)}; there are: ${names}.`);
  }
  if (source === undefined || typeOf(graph, source).shape.length !== 4) return null;
  const box = unitBox(typeOf(graph, target).shape, unit);
  const [clipped, endless] = [true, false].map((bounded) => reachOf(graph, target, box, source, bounded));
  return clipped && endless ? { ...pictureBox(endless), clipped: pictureBox(clipped) } : null;
}
