/**
 * Where a command's words go. Standard output holds the result: text for people, or with `--json` one JSON document and
 * nothing else. Standard error holds what happens on the way: notes, progress, errors.
 */
import type { NeuroreelError } from '../../src/protocol/index.js';
import { NO_PROGRESS, startBar, startLines, type Progress } from './progress.js';

export interface OutputOptions {
  /** The result as one JSON document. */
  readonly json?: boolean | undefined;
  /** Neither notes nor progress. */
  readonly quiet?: boolean | undefined;
}

type Stream = Pick<NodeJS.WriteStream, 'write' | 'isTTY' | 'columns'>;

export class Output {
  readonly json: boolean;
  readonly quiet: boolean;
  readonly #stdout: Stream;
  readonly #stderr: Stream;
  #progress: Progress | null = null;
  /** Rows of the picture right above the bar; 0 when there is none. */
  #pictureRows = 0;

  constructor(
    { json = false, quiet = false }: OutputOptions,
    stdout: Stream = process.stdout,
    stderr: Stream = process.stderr,
  ) {
    this.json = json;
    this.quiet = quiet;
    this.#stdout = stdout;
    this.#stderr = stderr;
  }

  /** Columns that text for people may take. */
  get width(): number {
    return Math.min(120, this.#stdout.columns ?? 100);
  }

  /** A part of the result that people get at once; left out of JSON. */
  say(text: string): void {
    if (this.json) return;
    this.#pictureRows = 0;
    this.#progress?.clear();
    this.#stdout.write(`${text}\n`);
  }

  /** Something that is worth knowing but no result. */
  note(text: string): void {
    if (this.quiet) return;
    this.#pictureRows = 0;
    this.#progress?.clear();
    this.#stderr.write(`${text}\n`);
  }

  /** The result: the document for programs, the text for people. */
  result(document: unknown, text: string): void {
    this.endProgress();
    this.#stdout.write(this.json ? `${JSON.stringify(document, null, 2)}\n` : `${text.replace(/\n$/, '')}\n`);
  }

  error(error: NeuroreelError): void {
    this.endProgress();
    if (this.json) {
      this.#stdout.write(`${JSON.stringify({ error: error.toJSON() }, null, 2)}\n`);
      return;
    }
    this.#stderr.write(`error ${error.code}: ${error.message}\nwhat to do: ${error.remedy}\n`);
  }

  /**
   * Starts to show how far something is: a bar on a terminal, else a line now and then. Ends the one before.
   * @param label what is being done, a word or two
   * @param total units in all
   */
  progress(label: string, total: number): Progress {
    this.endProgress();
    if (this.quiet) return NO_PROGRESS;
    const start = this.#stderr.isTTY ? startBar : startLines;
    this.#progress = start(this.#stderr as NodeJS.WriteStream, label, total);
    return this.#progress;
  }

  /**
   * Draws a picture above the progress bar, in the place of the one before unless text came between. For a terminal.
   * @param drawing what draws it from the cursor on
   * @param rows rows of characters that it covers
   */
  picture(drawing: string, rows: number): void {
    this.#progress?.clear();
    const up = `\x1b[${rows}A`;
    // Room is made first: a terminal that scrolls while it draws would lose the place.
    const start = this.#pictureRows === rows ? up : `${'\n'.repeat(rows)}${up}`;
    this.#stderr.write(`\r${start}\x1b7${drawing}\x1b8\x1b[${rows}B`);
    this.#pictureRows = rows;
    this.#progress?.redraw();
  }

  endProgress(): void {
    if (this.#progress !== null) this.#pictureRows = 0;
    this.#progress?.end();
    this.#progress = null;
  }
}
