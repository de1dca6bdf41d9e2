/**
 * Where everything is on a board: pictures of any size in rows and columns, with names of rows and columns beside them and
 * a few words below each. Sizes in, places out; nothing is drawn here.
 */
import { MAX_SIDE } from './frames.js';

/** What the layout needs to know of a cell. */
export interface CellSize {
  /** Size of the cell's picture, in its own pixels. */
  readonly width: number;
  readonly height: number;
  /** Lines of words below it. */
  readonly lines: number;
}

export interface BoardShape {
  /** [rows][columns]; null leaves the place empty. */
  readonly cells: readonly (readonly (CellSize | null)[])[];
  /** Whether there are words above the columns and beside the rows. */
  readonly columnNames: boolean;
  /** Pixels that the names of rows take; 0 for none. */
  readonly rowNames: number;
  /** Lines of title above all. */
  readonly header: boolean;
  /** Lines of small print below all. */
  readonly footerLines: number;
  /** Whole factor that all pictures are enlarged by. */
  readonly scale: number;
  /** A column is at least so wide, so that words below its pictures have room. */
  readonly minimum: number;
}

export interface Box {
  readonly x: number;
  readonly y: number;
  readonly width: number;
  readonly height: number;
}

export interface BoardLayout {
  /** Size of the whole board; both even, as videos want it. */
  readonly width: number;
  readonly height: number;
  /** [rows][columns]: where pictures are, enlarged. */
  readonly pictures: readonly (readonly (Box | null)[])[];
  /** [columns], [rows]: boxes of their names, and of the words of a row's cells. */
  readonly columns: readonly Box[];
  readonly rows: readonly Box[];
  /** [rows][columns]: boxes of the words below pictures. */
  readonly words: readonly (readonly (Box | null)[])[];
  readonly header: Box;
  readonly footer: Box;
}

export const MARGIN = 16;
export const HEADER = 52;
export const LINE = 16;
const GAP = 10;
const COLUMN_NAMES = 24;
const WORDS_ABOVE = 4;

/** Widths of columns and heights of rows, of pictures alone. */
function tracks({ cells, scale, minimum }: BoardShape): { widths: number[]; heights: number[]; lines: number[] } {
  const count = Math.max(...cells.map((row) => row.length));
  const widths = Array.from({ length: count }, (_, c) =>
    Math.max(minimum, ...cells.map((row) => (row[c]?.width ?? 0) * scale)),
  );
  const heights = cells.map((row) => Math.max(0, ...row.map((cell) => (cell?.height ?? 0) * scale)));
  const lines = cells.map((row) => Math.max(0, ...row.map((cell) => cell?.lines ?? 0)));
  return { widths, heights, lines };
}

/** Starts of tracks of these sizes, one after another. */
function starts(sizes: readonly number[], from: number, gap: number): number[] {
  let at = from;
  return sizes.map((size) => {
    const start = at;
    at += size + gap;
    return start;
  });
}

/**
 * Places a board's parts. Pictures stand in the middle of their column, and all of a row in the middle of its height.
 * @throws RangeError for a board without a cell, or one that is larger than 8192 pixels a side.
 */
export function layoutBoard(shape: BoardShape): BoardLayout {
  const { cells, rowNames, scale } = shape;
  if (!cells.some((row) => row.some((cell) => cell !== null))) throw new RangeError('A board needs a cell.');
  const { widths, heights, lines } = tracks(shape);
  const wordHeights = lines.map((count) => (count === 0 ? 0 : WORDS_ABOVE + count * LINE));
  const left = MARGIN + rowNames;
  const top = MARGIN + (shape.header ? HEADER : 0) + (shape.columnNames ? COLUMN_NAMES : 0);
  const xs = starts(widths, left, GAP);
  const ys = starts(
    heights.map((height, r) => height + wordHeights[r]!),
    top,
    GAP,
  );
  const bottom = ys.at(-1)! + heights.at(-1)! + wordHeights.at(-1)!;
  const footerHeight = shape.footerLines * LINE + (shape.footerLines > 0 ? 8 : 0);
  const width = even(xs.at(-1)! + widths.at(-1)! + MARGIN);
  const height = even(bottom + footerHeight + MARGIN);
  if (Math.max(width, height) > MAX_SIDE) throw new RangeError(`A board of ${width} x ${height} pixels is too large.`);
  const each = <T>(make: (cell: CellSize, r: number, c: number) => T): (T | null)[][] =>
    cells.map((row, r) => row.map((cell, c) => (cell === null ? null : make(cell, r, c))));
  return {
    width,
    height,
    pictures: each((cell, r, c) => ({
      x: xs[c]! + Math.floor((widths[c]! - cell.width * scale) / 2),
      y: ys[r]! + Math.floor((heights[r]! - cell.height * scale) / 2),
      width: cell.width * scale,
      height: cell.height * scale,
    })),
    words: each((_, r, c) => ({
      x: xs[c]!,
      y: ys[r]! + heights[r]! + WORDS_ABOVE,
      width: widths[c]!,
      height: lines[r]! * LINE,
    })),
    columns: widths.map((w, c) => ({ x: xs[c]!, y: top - COLUMN_NAMES, width: w, height: COLUMN_NAMES })),
    rows: heights.map((h, r) => ({ x: MARGIN, y: ys[r]!, width: rowNames - 10, height: h })),
    header: { x: MARGIN, y: MARGIN, width: width - 2 * MARGIN, height: HEADER },
    footer: { x: MARGIN, y: bottom + 8, width: width - 2 * MARGIN, height: footerHeight },
  };
}

function even(size: number): number {
  return size + (size % 2);
}
