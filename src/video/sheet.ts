/** Contact sheets: every frame of a video in one picture, in order, row by row, so that a whole video is seen at once. */
import sharp from 'sharp';
import { checkSequence, frameAt } from './frames.js';
import type { FrameSequence } from './frames.js';
import { escapeXml, FONT_FAMILY, renderSvg } from './svg.js';

export interface SheetOptions {
  /** Frames in a row. Default: as many as make the sheet about 16:10, e.g. 16 for 160 square frames. */
  readonly columns?: number;
  /** Whole factor to enlarge the frames by (square pixels). Default: as large as keeps the sheet under 2200 pixels wide. */
  readonly scale?: number;
  /** Pixels between frames. Default 2. */
  readonly gap?: number;
  /** Header: a title in bold, and what follows it in grey. */
  readonly title?: string;
  readonly subtitle?: string;
  /** `rows` (default) puts the number of each row's first frame beside it, `frames` each frame's above it. */
  readonly numbers?: 'rows' | 'frames' | 'none';
  /** Numbers to print instead of 0, 1, 2, ... when the frames are a selection. */
  readonly frameNumbers?: ArrayLike<number>;
}

/** Where everything is on a sheet, in pixels. */
export interface SheetLayout {
  readonly width: number;
  readonly height: number;
  readonly columns: number;
  readonly rows: number;
  readonly scale: number;
  /** Size of a frame on the sheet. */
  readonly cellWidth: number;
  readonly cellHeight: number;
  /** Left upper corner of the frame at a place in the sequence. */
  origin(index: number): { x: number; y: number };
}

const MARGIN = 12;
const HEADER = 44;
const GUTTER = 44;
const CAPTION = 20;
const MAX_WIDTH = 2200;
const MAX_PIXELS = 2 ** 27;

/**
 * Places `count` frames of width x height.
 * @throws RangeError for a count, scale, gap or number of columns out of range, or a sheet of more than 2^27 pixels.
 */
export function layoutSheet(count: number, width: number, height: number, options: SheetOptions = {}): SheetLayout {
  whole('The number of frames', count, 1);
  const { gap = 2, numbers = 'rows' } = options;
  const columns = options.columns ?? Math.min(count, Math.ceil(Math.sqrt((count * 1.6 * height) / width)));
  const scale = options.scale ?? Math.min(8, Math.max(1, Math.floor(MAX_WIDTH / (columns * width))));
  whole('columns', columns, 1);
  whole('scale', scale, 1);
  whole('gap', gap, 0);
  const rows = Math.ceil(count / columns);
  const [cellWidth, cellHeight] = [width * scale, height * scale];
  const left = MARGIN + (numbers === 'rows' ? GUTTER : 0);
  const top = MARGIN + (options.title || options.subtitle ? HEADER : 0);
  const caption = numbers === 'frames' ? CAPTION : 0;
  const layout: SheetLayout = {
    width: left + columns * (cellWidth + gap) - gap + MARGIN,
    height: top + rows * (cellHeight + caption + gap) - gap + MARGIN,
    ...{ columns, rows, scale, cellWidth, cellHeight },
    origin: (index) => ({
      x: left + (index % columns) * (cellWidth + gap),
      y: top + Math.floor(index / columns) * (cellHeight + caption + gap) + caption,
    }),
  };
  if (layout.width * layout.height > MAX_PIXELS) {
    throw new RangeError(`A sheet of ${layout.width} x ${layout.height} pixels is too large.`);
  }
  return layout;
}

/**
 * The contact sheet of all frames as PNG, at the places of `layoutSheet`; pixels of frames are not changed.
 * @throws RangeError as `layoutSheet`, and when the memory is not [count, height, width, 3].
 */
export async function renderSheet(sequence: FrameSequence, options: SheetOptions = {}): Promise<Buffer> {
  checkSequence(sequence);
  const layout = layoutSheet(sequence.count, sequence.width, sequence.height, options);
  const { width, height } = layout;
  const pixels = Buffer.alloc(width * height * 3, 255);
  for (let i = 0; i < sequence.count; i++) drawFrame(pixels, layout, sequence, i);
  const labels = await Promise.all(
    labelAreas(sequence.count, layout, options).map(async ({ left, top, svg }) => ({
      input: (await renderSvg(svg)).png(),
      left,
      top,
    })),
  );
  return sharp(pixels, { raw: { width, height, channels: 3 } })
    .composite(labels)
    .removeAlpha()
    .png({ compressionLevel: 9 })
    .toBuffer();
}

/**
 * One row of `shown` frames spread evenly over the sequence (the first and the last among them; default 10), each with
 * its number above it, as PNG. Other options and errors as of `renderSheet`.
 */
export async function renderStrip(
  sequence: FrameSequence,
  options: Omit<SheetOptions, 'columns'> & { readonly shown?: number } = {},
): Promise<Buffer> {
  checkSequence(sequence);
  const { shown = 10, ...rest } = options;
  whole('shown', shown, 1);
  const count = Math.min(shown, sequence.count);
  const step = count > 1 ? (sequence.count - 1) / (count - 1) : 0;
  const chosen = Array.from({ length: count }, (_, i) => Math.round(i * step));
  const frames = Buffer.concat(chosen.map((i) => frameAt(sequence, i)));
  const frameNumbers = chosen.map((i) => options.frameNumbers?.[i] ?? i);
  const strip = { frames, count, width: sequence.width, height: sequence.height };
  return renderSheet(strip, { numbers: 'frames', ...rest, frameNumbers, columns: count });
}

/** Copies a frame to its place; each pixel becomes scale x scale pixels. */
function drawFrame(pixels: Buffer, layout: SheetLayout, sequence: FrameSequence, index: number): void {
  const { scale, cellWidth } = layout;
  const frame = frameAt(sequence, index);
  const { x, y } = layout.origin(index);
  const row = Buffer.alloc(cellWidth * 3);
  for (let v = 0; v < sequence.height; v++) {
    for (let u = 0; u < sequence.width; u++) {
      const from = (v * sequence.width + u) * 3;
      for (let to = u * scale * 3; to < (u + 1) * scale * 3; to += 3) {
        row[to] = frame[from]!;
        row[to + 1] = frame[from + 1]!;
        row[to + 2] = frame[from + 2]!;
      }
    }
    for (let copy = 0; copy < scale; copy++) row.copy(pixels, ((y + v * scale + copy) * layout.width + x) * 3);
  }
}

/** The areas that hold text, as small pictures of their own: drawing one of the sheet's size would take long. */
function labelAreas(count: number, layout: SheetLayout, options: SheetOptions) {
  const { numbers = 'rows', title = '', subtitle = '', frameNumbers } = options;
  const numberOf = (index: number) => String(frameNumbers?.[index] ?? index);
  const areas: { left: number; top: number; svg: string }[] = [];
  const first = layout.origin(0);
  if (title || subtitle) {
    const bold = title ? `<tspan font-weight="bold" font-size="20">${escapeXml(title)}</tspan>` : '';
    const grey = subtitle
      ? `<tspan dx="${title ? 14 : 0}" font-size="15" fill="#667085">${escapeXml(subtitle)}</tspan>`
      : '';
    const text = `<text x="0" y="26" fill="#101828">${bold}${grey}</text>`;
    areas.push({ left: first.x, top: MARGIN, svg: svgOf(layout.width - first.x, HEADER - 8, text) });
  }
  if (numbers === 'rows') {
    const texts = Array.from({ length: layout.rows }, (_, row) => {
      const y = layout.origin(row * layout.columns).y - first.y + Math.min(16, layout.cellHeight);
      return `<text x="${GUTTER - 8}" y="${y}" ${NUMBER} text-anchor="end">${numberOf(row * layout.columns)}</text>`;
    });
    areas.push({ left: MARGIN, top: first.y, svg: svgOf(GUTTER, layout.height - first.y, texts.join('')) });
  } else if (numbers === 'frames') {
    for (let row = 0; row < layout.rows; row++) {
      const indices = Array.from({ length: layout.columns }, (_, c) => row * layout.columns + c).filter(
        (i) => i < count,
      );
      const texts = indices.map((i) => {
        const x = layout.origin(i).x - first.x + layout.cellWidth / 2;
        return `<text x="${x}" y="14" ${NUMBER} text-anchor="middle">${numberOf(i)}</text>`;
      });
      const top = layout.origin(row * layout.columns).y - CAPTION;
      areas.push({ left: first.x, top, svg: svgOf(layout.width - first.x, CAPTION, texts.join('')) });
    }
  }
  return areas;
}

const NUMBER = 'font-size="13" fill="#667085"';

function svgOf(width: number, height: number, content: string): string {
  const size = `width="${width}" height="${height}"`;
  return `<svg xmlns="http://www.w3.org/2000/svg" ${size} font-family="${FONT_FAMILY}">${content}</svg>`;
}

function whole(name: string, value: number, low: number): void {
  if (!Number.isInteger(value) || value < low) throw new RangeError(`${name} is ${value}; it must be at least ${low}.`);
}
