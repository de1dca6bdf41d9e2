/** Makes a figure for a command, with its progress, and says what it left. */
import { join, relative } from 'node:path';
import { FIGURE_FILES, runFigure, type FigureRun } from '../../src/jobs/figures/run-figure.js';
import type { FigureReport } from '../../src/protocol/index.js';
import { writing } from './errors.js';
import { duration, facts } from './format.js';
import { onInterrupt } from './interrupt.js';
import type { Output } from './output.js';

export type CliFigure = Omit<FigureRun, 'onStarted' | 'onMade' | 'signal'>;

/** Throws what `runFigure` throws, OUTPUT_UNWRITABLE, and INTERRUPTED. */
export async function figureWithProgress(out: Output, run: CliFigure): Promise<{ report: FigureReport }> {
  const interrupt = onInterrupt(out, { message: 'The figure was not finished.', goesOn: false });
  let bar: ReturnType<Output['progress']> | null = null;
  try {
    const report = await writing(run.folder, () =>
      runFigure({
        ...run,
        onStarted({ requests }) {
          if (requests > 0) bar = out.progress('making', requests);
        },
        onMade(done, words) {
          bar?.update(done, words);
        },
        signal: interrupt.signal,
      }),
    );
    return { report };
  } finally {
    interrupt.release();
    out.endProgress();
  }
}

/** A few lines for people. */
export function figureWords({ title, panels, files, seconds }: FigureReport, folder: string): string {
  const short = relative(process.cwd(), folder);
  const here = short.startsWith('..') ? folder : short || '.';
  const video = files.includes(FIGURE_FILES.video);
  return facts([
    ['figure', title],
    ['panels', String(panels.length)],
    ['picture', join(here, FIGURE_FILES.picture)],
    ['video', video ? join(here, FIGURE_FILES.video) : ''],
    ['report', join(here, FIGURE_FILES.report)],
    ['took', duration(seconds)],
  ]);
}
