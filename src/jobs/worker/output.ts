/** What a worker process prints: lines for the log, bounded, and the last ones for when it dies. */
import type { Readable } from 'node:stream';

/** Longer lines are cut. */
const MOST_CHARACTERS = 2000;
/** Lines of one worker that go to the log. */
const MOST_LINES = 200;
const TAIL_LINES = 20;

export class WorkerOutput {
  /** Told of each line, and once when further ones are left out. */
  onLine: (line: string) => void = () => undefined;
  readonly #tail: string[] = [];
  #said = 0;

  /** The last lines. */
  get tail(): readonly string[] {
    return this.#tail;
  }

  /** Reads a stream to its end. */
  read(stream: Readable): void {
    let begun = '';
    stream.setEncoding('utf8');
    stream.on('data', (text: string) => {
      const lines = (begun + text).split('\n');
      begun = lines.pop()!.slice(0, MOST_CHARACTERS);
      for (const line of lines) this.#line(line);
    });
    stream.on('end', () => this.#line(begun));
    stream.on('error', () => undefined);
  }

  #line(whole: string): void {
    const line = whole.trimEnd().slice(0, MOST_CHARACTERS);
    if (line === '') return;
    this.#tail.push(line);
    if (this.#tail.length > TAIL_LINES) this.#tail.shift();
    this.#said++;
    if (this.#said <= MOST_LINES) this.onLine(line);
    else if (this.#said === MOST_LINES + 1) this.onLine('What it prints further is left out.');
  }
}
