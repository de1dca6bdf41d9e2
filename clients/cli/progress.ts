/** How far something is, on standard error: a bar where a person looks, a line now and then where a file is written. */
import { SingleBar } from 'cli-progress';
import { clearLine, cursorTo } from 'node:readline';
import { duration } from './format.js';

export interface Progress {
  /**
   * @param done units done; a fraction tells how far the next one is
   * @param facts what else is to be seen, for example `activation 3.1`
   * @param seconds that are left; told from the pace so far when absent, not at all when null
   */
  update(done: number, facts?: string, seconds?: number | null): void;
  /** Makes room for a line of text. */
  clear(): void;
  /** Shows it again after something else was written. */
  redraw(): void;
  end(): void;
}

export const NO_PROGRESS: Progress = {
  update: () => undefined,
  clear: () => undefined,
  redraw: () => undefined,
  end: () => undefined,
};

/** Milliseconds between two lines. */
const LINE_EVERY_MS = 10_000;

/** Time left by the pace since the first units; those that were there before the start do not count. */
class Estimate {
  readonly #total: number;
  readonly #now: () => number;
  #first: { done: number; at: number };

  constructor(total: number, now: () => number) {
    this.#total = total;
    this.#now = now;
    this.#first = { done: 0, at: now() };
  }

  /** Seconds; null while nothing is known. */
  left(done: number): number | null {
    // More than one unit at first: an earlier run made them.
    if (this.#first.done === 0 && done > 1 && this.#now() - this.#first.at < 1000)
      this.#first = { done, at: this.#now() };
    const units = done - this.#first.done;
    const passed = this.#now() - this.#first.at;
    return units <= 0 || passed <= 0 || done >= this.#total ? null : ((passed / units) * (this.#total - done)) / 1000;
  }
}

function withTime(facts: string, seconds: number | null): string {
  const parts = [facts, seconds === null ? '' : `ETA ${duration(seconds)}`];
  return parts.filter((part) => part !== '').join('  ');
}

const clock = (): number => performance.now();

export function startBar(
  stream: NodeJS.WriteStream,
  label: string,
  total: number,
  now: () => number = clock,
): Progress {
  const bar = new SingleBar({
    stream,
    format: '{label} [{bar}] {value}/{total}  {facts}',
    barsize: 24,
    barCompleteChar: '#',
    barIncompleteChar: '.',
    // Lines of text come between: the bar is drawn anew whether it has changed or not.
    forceRedraw: true,
    hideCursor: false,
    // Signals are the commands' own affair.
    gracefulExit: false,
  });
  const estimate = new Estimate(total, now);
  bar.start(total, 0, { label, facts: '' });
  return {
    update: (done, facts = '', seconds = estimate.left(done)) =>
      bar.update(Math.floor(done), { facts: withTime(facts, seconds) }),
    clear() {
      cursorTo(stream, 0);
      clearLine(stream, 0);
    },
    redraw: () => bar.render(),
    end() {
      // The bar goes back to the place that the terminal saved last, which is to be this line whatever came between.
      stream.write('\x1b7');
      bar.stop();
    },
  };
}

/** The first step, the last, and in between one every ten seconds. */
export function startLines(
  stream: Pick<NodeJS.WriteStream, 'write'>,
  label: string,
  total: number,
  now: () => number = clock,
): Progress {
  const estimate = new Estimate(total, now);
  let printed = -Infinity;
  let last = '';
  const print = (line: string): void => {
    printed = now();
    last = '';
    stream.write(line);
  };
  return {
    ...NO_PROGRESS,
    update(done, facts = '', seconds = estimate.left(done)) {
      const words = withTime(facts, seconds);
      const line = `${label} ${Math.floor(done)}/${total}${words === '' ? '' : `  ${words}`}\n`;
      last = line;
      if (now() - printed >= LINE_EVERY_MS || done >= total) print(line);
    },
    end() {
      if (last !== '') print(last);
    },
  };
}
