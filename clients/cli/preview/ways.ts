/** The ways in which terminals show pictures: each makes of a picture the characters that draw it from the cursor on. */
import { deflateSync } from 'node:zlib';
import { resized, type Place, type RgbPicture } from './picture.js';

export interface DrawOptions extends Place {
  /** Whether the terminal has 16 million colours; else the 256 of xterm. */
  readonly trueColour: boolean;
}

export type Way = 'kitty' | 'iterm' | 'sixel' | 'blocks';

/** Gives what is written; the cursor may be anywhere in the place afterwards. */
type Draw = (picture: RgbPicture, options: DrawOptions) => Promise<string>;

const ESC = '\x1b';
/** Ends a string of a control sequence. */
const ST = `${ESC}\\`;
/** Bytes of base64 in one part of kitty's protocol. */
const KITTY_PART = 4096;
/** The same number for every picture: a new one takes the place of the one before. */
const KITTY_IMAGE = 2016;
/** Colours of a sixel picture. */
const SIXEL_COLOURS = 256;

/** kitty's graphics protocol: RGB bytes, compressed, in parts of base64; `C=1` leaves the cursor, `q=2` asks for no answer. */
const kitty: Draw = (picture, { columns, rows }) => {
  const data = deflateSync(picture.pixels).toString('base64');
  const size = `s=${picture.width},v=${picture.height},c=${columns},r=${rows}`;
  const parts: string[] = [];
  for (let at = 0; at < data.length; at += KITTY_PART) {
    const more = at + KITTY_PART < data.length ? 1 : 0;
    const head = at === 0 ? `a=T,f=24,o=z,${size},i=${KITTY_IMAGE},p=1,C=1,q=2,m=${more}` : `m=${more}`;
    parts.push(`${ESC}_G${head};${data.slice(at, at + KITTY_PART)}${ST}`);
  }
  return Promise.resolve(parts.join(''));
};

/** iTerm2's inline images: a PNG in base64. */
const iterm: Draw = async ({ pixels, width, height }, { columns, rows }) => {
  const { default: sharp } = await import('sharp');
  const png = await sharp(pixels, { raw: { width, height, channels: 3 } })
    .png({ compressionLevel: 3 })
    .toBuffer();
  const facts = `inline=1;size=${png.length};width=${columns};height=${rows};preserveAspectRatio=0`;
  return `${ESC}]1337;File=${facts}:${png.toString('base64')}\x07`;
};

/** DEC's sixels, in the size that the place has on the screen, rounded down to whole bands of six. */
const sixel: Draw = async (picture, { columns, rows, cell }) => {
  const height = Math.max(6, Math.floor((rows * cell.height) / 6) * 6);
  const { pixels, width } = await resized(picture, columns * cell.width, height);
  const rgba = new Uint8ClampedArray(width * height * 4);
  for (let i = 0; i < width * height; i++) {
    rgba.set(pixels.subarray(3 * i, 3 * i + 3), 4 * i);
    rgba[4 * i + 3] = 255;
  }
  const { image2sixel } = await import('sixel');
  return image2sixel(rgba, width, height, SIXEL_COLOURS, 1);
};

/** Levels of a channel in the cube of colours of xterm. */
const CUBE: readonly number[] = [0, 95, 135, 175, 215, 255];

function nearest(level: number): number {
  return CUBE.reduce((best, value, i) => (Math.abs(value - level) < Math.abs(CUBE[best]! - level) ? i : best), 0);
}

function colour(layer: 38 | 48, rgb: Uint8Array, trueColour: boolean): string {
  const [red = 0, green = 0, blue = 0] = rgb;
  if (trueColour) return `${ESC}[${layer};2;${red};${green};${blue}m`;
  return `${ESC}[${layer};5;${16 + 36 * nearest(red) + 6 * nearest(green) + nearest(blue)}m`;
}

/** Two pixels a character: the upper half block in the colour of the upper one, on the colour of the lower one. */
const blocks: Draw = async (picture, { columns, rows, trueColour }) => {
  const { pixels, width } = await resized(picture, columns, 2 * rows);
  const at = (x: number, y: number): Uint8Array => pixels.subarray(3 * (y * width + x), 3 * (y * width + x) + 3);
  const lines = Array.from({ length: rows }, (_, row) => {
    let line = '';
    let colours = '';
    for (let x = 0; x < columns; x++) {
      const next = colour(38, at(x, 2 * row), trueColour) + colour(48, at(x, 2 * row + 1), trueColour);
      line += next === colours ? '▀' : `${next}▀`;
      colours = next;
    }
    return `${line}${ESC}[0m`;
  });
  return lines.join('\r\n');
};

/** To add a way, add its entry, and how it is found out in `terminal.ts`. */
export const WAYS: Readonly<Record<Way, Draw>> = { kitty, iterm, sixel, blocks };
