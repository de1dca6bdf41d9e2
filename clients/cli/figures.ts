/** Makes a figure for a command, with its progress, and says what it left. */
import { createHash } from 'node:crypto';
import { readFile, rm } from 'node:fs/promises';
import { join, relative } from 'node:path';
import { FIGURE_FILES, runFigure, type FigureRun } from '../../src/jobs/figures/run-figure.js';
import { figureNamed } from '../../src/jobs/figures/table.js';
import { KeptRuns } from '../../src/jobs/unit-batch/kept-runs.js';
import { figureReport, NeuroreelError, parseWith, type FigureReport } from '../../src/protocol/index.js';
import { writing } from './errors.js';
import { duration, facts } from './format.js';
import { onInterrupt } from './interrupt.js';
import type { Output } from './output.js';

export type CliFigure = Omit<FigureRun, 'onStarted' | 'onMade' | 'signal' | 'keeperOf'>;

/** A request is too long for the name of a folder. */
const folderOf = (request: string): string => createHash('sha256').update(request).digest('hex').slice(0, 16);

/** Throws what `runFigure` throws, OUTPUT_UNWRITABLE, and INTERRUPTED. */
export async function figureWithProgress(out: Output, run: CliFigure): Promise<{ report: FigureReport }> {
  const interrupt = onInterrupt(out, {
    message: 'The figure was not finished. The same command goes on with it.',
    goesOn: true,
  });
  let bar: ReturnType<Output['progress']> | null = null;
  const work = join(run.folder, '.run');
  try {
    const report = await writing(run.folder, () =>
      runFigure({
        ...run,
        keeperOf: (request) => new KeptRuns(join(work, folderOf(request))),
        onStarted({ requests }) {
          if (requests > 0) bar = out.progress('making', requests);
        },
        onMade(done, words) {
          bar?.update(done, words);
        },
        signal: interrupt.signal,
      }),
    );
    await rm(work, { recursive: true, force: true });
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

/**
 * What makes a figure again, from its document.
 * @throws {NeuroreelError} REQUEST_INVALID where it is none
 */
export async function figureAgain(path: string): Promise<Pick<CliFigure, 'entry' | 'options' | 'fps' | 'single'>> {
  const text = await readFile(path, 'utf8').catch((cause: unknown) => {
    throw new NeuroreelError('REQUEST_INVALID', `${path} cannot be read.`, { cause });
  });
  let json: unknown;
  try {
    json = JSON.parse(text);
  } catch (cause) {
    throw new NeuroreelError('REQUEST_INVALID', `${path} is no JSON.`, { cause });
  }
  const { figure, options, fps, single } = parseWith(figureReport, json);
  return { entry: figureNamed(figure), options, fps, single };
}
