/** How far something is, on standard error: a bar where a person looks, a line now and then where a file is written. */
import { SingleBar } from 'cli-progress';
import { clearLine, cursorTo } from 'node:readline';

export interface Progress {
  /**
   * @param done units done
   * @param facts what else is to be seen, for example `activation 3.1, 20 s left`
   */
  update(done: number, facts?: string): void;
  /** Makes room for a line of text. */
  clear(): void;
  end(): void;
}

/** Milliseconds between two lines. */
const LINE_EVERY_MS = 10_000;

export function startBar(stream: NodeJS.WriteStream, label: string, total: number): Progress {
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
  bar.start(total, 0, { label, facts: '' });
  return {
    update: (done, facts = '') => bar.update(done, { facts }),
    clear() {
      cursorTo(stream, 0);
      clearLine(stream, 0);
    },
    end: () => bar.stop(),
  };
}

/** The first step, the last, and in between one every ten seconds. */
export function startLines(
  stream: Pick<NodeJS.WriteStream, 'write'>,
  label: string,
  total: number,
  now: () => number = () => performance.now(),
): Progress {
  let printed = -Infinity;
  let last = '';
  const print = (line: string): void => {
    printed = now();
    last = '';
    stream.write(line);
  };
  return {
    update(done, facts = '') {
      const line = `${label} ${done}/${total}${facts === '' ? '' : `  ${facts}`}\n`;
      last = line;
      if (now() - printed >= LINE_EVERY_MS || done >= total) print(line);
    },
    clear: () => undefined,
    end() {
      if (last !== '') print(last);
    },
  };
}
