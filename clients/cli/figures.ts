/** Makes a figure for a command, with its progress, and says what it left. */
import { createHash } from 'node:crypto';
import { readFile, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { FIGURE_FILES, runFigure, type FigureRun } from '../../src/jobs/figures/run-figure.js';
import { figureNamed } from '../../src/jobs/figures/table.js';
import { KeptRuns } from '../../src/jobs/unit-batch/kept-runs.js';
import { figureReport, NeuroreelError, parseWith, type FigureReport } from '../../src/protocol/index.js';
import { workFolder } from './embedded.js';
import { writing } from './errors.js';
import { duration, facts } from './format.js';
import { onInterrupt } from './interrupt.js';
import { here } from './job-result.js';
import type { Output } from './output.js';

export type CliFigure = Pick<
  FigureRun,
  'entry' | 'options' | 'registry' | 'folder' | 'runtime' | 'device' | 'threads' | 'memory' | 'fps' | 'single'
>;

/**
 * Makes a figure here. What an interrupted one has reached is kept beside its files until it is done.
 * Throws what `runFigure` throws, OUTPUT_UNWRITABLE, and INTERRUPTED.
 */
export async function figureWithProgress(out: Output, run: CliFigure): Promise<{ report: FigureReport }> {
  const message = 'The figure was not finished; what it reached is kept.';
  const interrupt = onInterrupt(out, { message, goesOn: true });
  const kept = workFolder(run.folder, 'figure');
  let bar: ReturnType<Output['progress']> | null = null;
  let encoding: ReturnType<Output['progress']> | null = null;
  try {
    const report = await writing(run.folder, () =>
      runFigure({
        ...run,
        // A request is too long, and has characters, for the name of a folder.
        keeperOf: (name) => new KeptRuns(join(kept, createHash('sha256').update(name).digest('hex').slice(0, 32))),
        onStarted({ pictures }) {
          if (pictures > 0) bar = out.progress('making', pictures);
        },
        onStep({ iteration, iterations, activation, done, makes, words }) {
          const facts = `${words} ${iteration}/${iterations}  activation ${activation.toFixed(2)}`;
          bar?.update(done + (makes * iteration) / (iterations + 1), facts);
        },
        onWriting(frames, of) {
          if (of <= 1) return;
          encoding ??= out.progress('encoding', of);
          encoding.update(frames, 'frames', null);
        },
        signal: interrupt.signal,
      }),
    );
    await rm(kept, { recursive: true, force: true });
    return { report };
  } finally {
    interrupt.release();
    out.endProgress();
  }
}

/** A few lines for people. */
export function figureWords({ title, panels, files, seconds }: FigureReport, folder: string): string {
  const video = files.includes(FIGURE_FILES.video);
  return facts([
    ['figure', title],
    ['panels', String(panels.length)],
    ['picture', here(join(folder, FIGURE_FILES.picture))],
    ['video', video ? here(join(folder, FIGURE_FILES.video)) : ''],
    ['report', here(join(folder, FIGURE_FILES.report))],
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
