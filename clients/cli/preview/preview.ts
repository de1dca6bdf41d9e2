/** Shows the frames of a job above its progress bar, as the newest come in. */
import type { FrameView } from '../../../src/protocol/index.js';
import type { Output } from '../output.js';
import type { PreviewChoice } from './choices.js';
import { placeFor, type RgbPicture } from './picture.js';
import { detectTerminal, type TerminalFacts } from './terminal.js';
import { WAYS, type Way } from './ways.js';

/** Rows of characters that a preview takes at most. */
const MOST_ROWS = 12;
/** Rows that are left to everything else. */
const OTHER_ROWS = 4;
/** Pictures a second. */
const MOST_A_SECOND = 3;
/** Frames side by side at most. */
const MOST_FRAMES = 12;

export class Preview {
  readonly #out: Output;
  readonly #facts: TerminalFacts & { readonly way: Way };
  #newest: RgbPicture | null = null;
  #drawing: Promise<void> | null = null;

  private constructor(out: Output, facts: TerminalFacts & { readonly way: Way }) {
    this.#out = out;
    this.#facts = facts;
  }

  /** Null where there is to be none. Asks the terminal, which takes part of a second at most. */
  static async open(out: Output, wish: PreviewChoice): Promise<Preview | null> {
    if (out.quiet) return null;
    const streams = { input: process.stdin, output: process.stderr };
    const facts = await detectTerminal({ wish, env: process.env, ...streams });
    return facts.way === 'none' ? null : new Preview(out, { ...facts, way: facts.way });
  }

  /** The frames that fit side by side, in the size that the terminal can show. */
  viewFor(frame: { readonly width: number; readonly height: number }): FrameView {
    const { cell, way } = this.#facts;
    const { columns, rows } = this.#room();
    // A half block is a pixel.
    const pixel = way === 'blocks' ? { width: 1, height: 2 } : cell;
    const height = rows * pixel.height;
    const width = Math.max(8, Math.min(4096, Math.round((frame.width * height) / frame.height)));
    const count = Math.max(1, Math.min(MOST_FRAMES, Math.floor((columns * pixel.width) / width)));
    const own = Math.max(8, Math.min(width, frame.width));
    return { view: 'strip', format: 'raw', maxFps: MOST_A_SECOND, quality: 80, width: own, count };
  }

  /** Shows a picture; while one is being drawn only the newest waits. */
  show(picture: RgbPicture): void {
    this.#newest = picture;
    this.#drawing ??= this.#draw().finally(() => (this.#drawing = null));
  }

  /** When what was shown is on the terminal. */
  async end(): Promise<void> {
    await this.#drawing;
  }

  async #draw(): Promise<void> {
    while (this.#newest !== null) {
      const picture = this.#newest;
      this.#newest = null;
      const { way, trueColour } = this.#facts;
      const place = placeFor(picture, { ...this.#room(), cell: this.#facts.cell });
      this.#out.picture(await WAYS[way](picture, { ...place, trueColour }), place.rows);
    }
  }

  #room(): { columns: number; rows: number } {
    const { columns = 80, rows = 24 } = process.stderr;
    return { columns: Math.max(1, columns - 1), rows: Math.max(1, Math.min(MOST_ROWS, rows - OTHER_ROWS)) };
  }
}
