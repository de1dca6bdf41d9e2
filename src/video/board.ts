/**
 * Boards: pictures or clips in rows and columns, each with its label and activation below it. A board is drawn as one PNG
 * (montages of starts, grids of units by layers, by priors, by methods), or as the frames of a video in which all its clips
 * run at once (side by side, stacked, in a grid).
 */
import sharp from 'sharp';
import { HEADER, layoutBoard, LINE, type BoardLayout, type Box } from './board-layout.js';
import { checkSequence, frameAt, type FrameSequence } from './frames.js';
import { escapeXml, FONT_FAMILY, renderSvg } from './svg.js';
import { fitText, textWidth, wrapText } from './words.js';

export interface BoardCell {
  /** One picture, or the frames of a clip; a clip that is shorter than others of its board stays at its last frame. */
  readonly clip: FrameSequence;
  /** First line below it, such as the unit's label. */
  readonly label?: string | undefined;
  /** Second line, in grey, such as the activation. */
  readonly detail?: string | undefined;
  /** Colour of a frame around the picture. */
  readonly frame?: string | undefined;
}

export interface Board {
  readonly title?: string | undefined;
  readonly subtitle?: string | undefined;
  /** Names above columns. */
  readonly columns?: readonly string[] | undefined;
  /** Names beside rows; a line break in one begins a grey second line. */
  readonly rows?: readonly string[] | undefined;
  /** [rows][columns]; null leaves a place empty. */
  readonly cells: readonly (readonly (BoardCell | null)[])[];
  /** Small print below all. */
  readonly footer?: string | undefined;
  /** Whole factor that all pictures are enlarged by, one for all: sizes can be compared. Default: {@link boardScale}. */
  readonly scale?: number | undefined;
  /** How: `cubic` (default) or `nearest`, which keeps square pixels. */
  readonly enlarge?: 'cubic' | 'nearest' | undefined;
}

const INK = '#101828';
const GREY = '#667085';
/** Columns are at least so wide: words of ten letters fit. */
const NARROWEST = 84;
const WIDEST = 1800;
const FOOTER_SIZE = 12;

/** The factor at which the board stays below 1800 pixels, 1 to 8. */
export function boardScale({ cells }: Pick<Board, 'cells'>): number {
  const widths = cells.map((row) => row.reduce((sum, cell) => sum + (cell?.clip.width ?? 0), 0));
  const count = Math.max(...cells.map((row) => row.length));
  const sides = cells.flatMap((row) => row.map((cell) => cell?.clip.width ?? 0));
  const wanted = Math.ceil(160 / Math.max(1, ...sides));
  return Math.max(1, Math.min(8, wanted, Math.floor((WIDEST - count * 10) / Math.max(1, ...widths))));
}

/** Rows of `columns` cells each, in order; the last may be shorter. Default: as square as it gets. */
export function inRows<T>(cells: readonly T[], columns = Math.ceil(Math.sqrt(cells.length))): T[][] {
  return Array.from({ length: Math.ceil(cells.length / columns) }, (_, r) =>
    cells.slice(r * columns, (r + 1) * columns),
  );
}

/** Where everything is on a board; errors as of `renderBoard`. */
export function placesOf(board: Board): BoardLayout {
  const { cells, rows } = board;
  for (const cell of cells.flat()) if (cell) checkSequence(cell.clip);
  const rowNames = rows
    ? Math.min(220, 14 + Math.max(...rows.flatMap((row) => row.split('\n').map((line) => textWidth(line, 13, true)))))
    : 0;
  const shape = {
    cells: cells.map((row) =>
      row.map((cell) => cell && { width: cell.clip.width, height: cell.clip.height, lines: linesOf(cell) }),
    ),
    columnNames: board.columns !== undefined,
    rowNames: Math.ceil(rowNames),
    header: Boolean(board.title ?? board.subtitle),
    footerLines: 0,
    scale: board.scale ?? boardScale(board),
    minimum: NARROWEST,
  };
  const without = layoutBoard(shape);
  if (!board.footer) return without;
  return layoutBoard({ ...shape, footerLines: wrapText(board.footer, without.footer.width, FOOTER_SIZE).length });
}

const linesOf = ({ label, detail }: BoardCell): number => [label, detail].filter(Boolean).length;

/**
 * The board as PNG, clips shown by their first frame. The same board gives the same bytes.
 * @throws RangeError for a board without a cell, a clip whose memory is not [count, height, width, 3], or a board of more
 *   than 8192 pixels a side.
 */
export async function renderBoard(board: Board): Promise<Buffer> {
  const places = placesOf(board);
  const pixels = await paintWords(board, places);
  await paintPictures(pixels, board, places, 0);
  const { width, height } = places;
  return sharp(pixels, { raw: { width, height, channels: 3 } })
    .png({ compressionLevel: 9 })
    .toBuffer();
}

/** Frames that a board's longest clip has. */
export function boardLength({ cells }: Pick<Board, 'cells'>): number {
  return Math.max(...cells.flat().map((cell) => cell?.clip.count ?? 0));
}

/**
 * The board as frames of a video, RGB [height, width, 3] of the size of `placesOf`, all clips running at once. Errors as of
 * `renderBoard`.
 * @param hold frames to show it for; default as many as its longest clip has
 */
export async function* boardFrames(board: Board, hold = boardLength(board)): AsyncGenerator<Uint8Array> {
  const places = placesOf(board);
  const pixels = await paintWords(board, places);
  const still = boardLength(board) === 1;
  for (let t = 0; t < hold; t++) {
    if (t === 0 || !still) await paintPictures(pixels, board, places, t);
    yield pixels;
  }
}

/** Puts the frame t of each clip into its place. */
async function paintPictures(pixels: Buffer, board: Board, places: BoardLayout, t: number): Promise<void> {
  const cells = board.cells.flatMap((row, r) =>
    row.flatMap((cell, c) => (cell ? [{ cell, box: places.pictures[r]![c]! }] : [])),
  );
  const drawn = await Promise.all(cells.map(({ cell, box }) => enlarged(cell.clip, t, box, board.enlarge)));
  cells.forEach(({ box }, i) => {
    for (let v = 0; v < box.height; v++) {
      const row = drawn[i]!.subarray(v * box.width * 3, (v + 1) * box.width * 3);
      pixels.set(row, ((box.y + v) * places.width + box.x) * 3);
    }
  });
}

async function enlarged(
  clip: FrameSequence,
  t: number,
  { width, height }: Box,
  kernel: 'cubic' | 'nearest' = 'cubic',
): Promise<Uint8Array> {
  const frame = frameAt(clip, Math.min(t, clip.count - 1));
  if (clip.width === width) return frame;
  const raw = { width: clip.width, height: clip.height, channels: 3 as const };
  return sharp(frame, { raw }).resize(width, height, { fit: 'fill', kernel }).raw().toBuffer();
}

/** The board without its pictures, RGB. */
async function paintWords(board: Board, places: BoardLayout): Promise<Buffer> {
  const { width, height } = places;
  const parts = [
    ...headerWords(board, places.header),
    ...(board.columns ?? []).map((name, c) => columnWords(name, places.columns[c]!)),
    ...(board.rows ?? []).flatMap((name, r) => rowWords(name, places.rows[r]!)),
    ...board.cells.flatMap((row, r) =>
      row.flatMap((cell, c) => (cell ? cellParts(cell, places.words[r]![c]!, places.pictures[r]![c]!) : [])),
    ),
    ...footerWords(board.footer ?? '', places.footer),
  ];
  const svg =
    `<svg xmlns="http://www.w3.org/2000/svg" width="${width}" height="${height}" font-family="${FONT_FAMILY}">` +
    `<rect width="${width}" height="${height}" fill="#ffffff"/>${parts.join('')}</svg>`;
  const drawn = await renderSvg(svg);
  return sharp(drawn.pixels(), { raw: { width, height, channels: 4 } })
    .removeAlpha()
    .raw()
    .toBuffer();
}

interface TextPlace {
  readonly x: number;
  readonly y: number;
  readonly size: number;
  readonly fill?: string;
  readonly bold?: boolean;
  readonly anchor?: 'start' | 'middle' | 'end';
}

function textAt(words: string, { x, y, size, fill = INK, bold = false, anchor = 'start' }: TextPlace): string {
  const weight = bold ? ' font-weight="bold"' : '';
  return `<text x="${x}" y="${y}" font-size="${size}" fill="${fill}"${weight} text-anchor="${anchor}">${escapeXml(words)}</text>`;
}

function headerWords({ title, subtitle }: Board, box: Box): string[] {
  const parts: string[] = [];
  if (title) {
    const fit = fitText(title, box.width, [20, 18, 16, 14, 12], true);
    parts.push(textAt(fit.text, { x: box.x, y: box.y + 17, size: fit.size, bold: true }));
  }
  if (subtitle) {
    const fit = fitText(subtitle, box.width, [14, 13, 12, 11, 10]);
    const y = box.y + (title ? HEADER - 14 : 17);
    parts.push(textAt(fit.text, { x: box.x, y, size: fit.size, fill: GREY }));
  }
  return parts;
}

function columnWords(name: string, box: Box): string {
  const { text, size } = fitText(name, box.width + 6, [13, 12, 11, 10, 9], true);
  return textAt(text, { x: box.x + box.width / 2, y: box.y + 15, size, bold: true, anchor: 'middle' });
}

function rowWords(name: string, box: Box): string[] {
  const lines = name.split('\n');
  const top = box.y + box.height / 2 + 5 - ((lines.length - 1) * LINE) / 2;
  return lines.map((line, i) => {
    const { text, size } = fitText(line, box.width, i === 0 ? [13, 12, 11, 10] : [12, 11, 10], i === 0);
    return textAt(text, {
      ...{ x: box.x + box.width, y: top + i * LINE, size, anchor: 'end' },
      ...(i === 0 ? { bold: true } : { fill: GREY }),
    });
  });
}

function cellParts({ label, detail, frame }: BoardCell, box: Box, picture: Box): string[] {
  const middle = box.x + box.width / 2;
  const line = (words: string, at: number, fill: string): string => {
    const { text, size } = fitText(words, box.width + 4, [12, 11, 10, 9]);
    return textAt(text, { x: middle, y: box.y + 12 + at * LINE, size, fill, anchor: 'middle' });
  };
  const { x, y, width, height } = picture;
  return [
    ...(frame ? [`<rect x="${x - 3}" y="${y - 3}" width="${width + 6}" height="${height + 6}" fill="${frame}"/>`] : []),
    ...(label ? [line(label, 0, INK)] : []),
    ...(detail ? [line(detail, label ? 1 : 0, GREY)] : []),
  ];
}

function footerWords(words: string, box: Box): string[] {
  return wrapText(words, box.width, FOOTER_SIZE).map((line, i) =>
    textAt(line, { x: box.x, y: box.y + 12 + i * LINE, size: FOOTER_SIZE, fill: GREY }),
  );
}
