/** The work folder of a training run: which run it is, its checkpoint, and its curve. */
import { appendFileSync, existsSync, mkdirSync, readFileSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { z } from 'zod';
import { NeuroreelError } from '../../src/protocol/index.js';

const runFile = z.strictObject({
  format: z.literal('neuroreel.training-run/1'),
  recipe: z.string(),
  seed: z.int(),
  steps: z.int(),
});
type Run = Omit<z.output<typeof runFile>, 'format'>;

/** The trainer's. */
const CHECKPOINT = 'checkpoint.safetensors';
const CURVE = 'curve.csv';

/** Figures of a step, by name. */
export type Point = Readonly<Record<string, number>>;

export class TrainingRun {
  readonly folder: string;
  readonly curve: string;
  #columns: readonly string[] | null = null;

  private constructor(folder: string) {
    this.folder = folder;
    this.curve = join(folder, CURVE);
  }

  /**
   * Opens the folder, made if need be.
   * @param anew forgets what an earlier run left
   * @throws {NeuroreelError} REQUEST_INVALID when it holds another run; OUTPUT_UNWRITABLE
   */
  static open(folder: string, run: Run, anew: boolean): TrainingRun {
    try {
      mkdirSync(folder, { recursive: true });
      if (anew) clear(folder);
      assertSame(folder, run);
      writeFileSync(join(folder, 'run.json'), `${JSON.stringify({ format: 'neuroreel.training-run/1', ...run })}\n`);
    } catch (cause) {
      if (cause instanceof NeuroreelError) throw cause;
      throw new NeuroreelError('OUTPUT_UNWRITABLE', `${folder} cannot be written: ${(cause as Error).message}.`, {
        cause,
      });
    }
    return new TrainingRun(folder);
  }

  /** Whether there is something to go on from. */
  get begun(): boolean {
    return existsSync(join(this.folder, CHECKPOINT));
  }

  /** Adds a step to the curve. Steps that were done after the last checkpoint, and so are done again, are dropped. */
  record(step: number, point: Point): void {
    const names = ['step', ...Object.keys(point)];
    if (this.#columns === null) {
      const kept = this.points().filter((earlier) => earlier['step']! < step);
      writeFileSync(
        this.curve,
        [names, ...kept.map((earlier) => names.map((name) => earlier[name] ?? NaN))].map(line).join(''),
      );
      this.#columns = names;
    }
    appendFileSync(this.curve, line([step, ...Object.values(point)]));
  }

  /** The curve so far. */
  points(): Point[] {
    if (!existsSync(this.curve)) return [];
    const [head = '', ...rows] = readFileSync(this.curve, 'utf8').trim().split('\n');
    const names = head.split(',');
    return rows.map((row) => Object.fromEntries(row.split(',').map((cell, i) => [names[i] ?? '', Number(cell)])));
  }

  /** Draws `curve.png`, the loss, and `curve-NAME.png` for each watched figure. Returns the paths. */
  async plot(title: string, watched: readonly string[]): Promise<string[]> {
    const points = this.points();
    const paths: string[] = [];
    for (const name of ['loss', ...watched]) {
      const path = join(this.folder, name === 'loss' ? 'curve.png' : `curve-${name.replace(/[^\w.-]/g, '_')}.png`);
      writeFileSync(path, await curvePicture(title, name, points));
      paths.push(path);
    }
    return paths;
  }
}

const line = (cells: readonly (string | number)[]): string => `${cells.join(',')}\n`;

/** Only files that a run makes: the folder is the user's. */
function clear(folder: string): void {
  for (const name of readdirSync(folder)) {
    if (
      [CHECKPOINT, 'run.json'].includes(name) ||
      /^(curve(-[\w.-]+)?\.(csv|png)|snapshot-\d+\.safetensors)$/.test(name)
    )
      rmSync(join(folder, name));
  }
}

function assertSame(folder: string, { recipe, seed, steps }: Run): void {
  const path = join(folder, 'run.json');
  if (!existsSync(path)) return;
  let found: Run;
  try {
    found = runFile.parse(JSON.parse(readFileSync(path, 'utf8')));
  } catch {
    throw new NeuroreelError(
      'REQUEST_INVALID',
      `${path} is damaged: use --force to begin anew, or another --work folder.`,
    );
  }
  if (found.recipe === recipe && found.seed === seed && found.steps === steps) return;
  const is = `${found.recipe}, seed ${found.seed}, ${found.steps} steps`;
  const message = `${folder} holds another run (${is}): use --force to begin anew, or another --work folder.`;
  throw new NeuroreelError('REQUEST_INVALID', message);
}

/** Steps that the thick line is the mean over. */
const SMOOTHED = 25;

async function curvePicture(title: string, name: string, points: readonly Point[]): Promise<Buffer> {
  // The charts' library takes half a second to load, which `--help` should not.
  const { renderPlot } = await import('../../src/video/plot.js');
  const x = points.map((point) => point['step']!);
  const y = points.map((point) => point[name] ?? NaN);
  const each = { name: 'each step', x, y, colour: '#c3ccd9' };
  const mean = { name: `mean of ${SMOOTHED} steps`, x, y: runningMean(y), colour: '#1f5fbf' };
  const { png } = await renderPlot({
    title,
    x: { name: 'step' },
    y: { name },
    series: points.length > SMOOTHED ? [each, mean] : [{ ...each, colour: mean.colour }],
  });
  return png;
}

function runningMean(y: readonly number[]): number[] {
  return y.map((_, i) => {
    const part = y.slice(Math.max(0, i + 1 - SMOOTHED), i + 1);
    return part.reduce((sum, value) => sum + value, 0) / part.length;
  });
}
