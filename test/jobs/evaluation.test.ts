/** An evaluation that was interrupted goes on: what was made is not made again, and the report is that of a whole one. */
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { ModelRegistry } from '../../src/engine/models/registry.js';
import { runEvaluation, type EvaluationRun } from '../../src/jobs/evaluation/run-evaluation.js';
import { TINY_RECOGNISER, writeTinyModels } from '../fixtures/tiny-models.js';
import { temporaryFolder } from './fixtures/fixtures.js';

let folder: Awaited<ReturnType<typeof temporaryFolder>>;
beforeAll(async () => {
  folder = await temporaryFolder();
  await writeTinyModels(join(folder.path, 'models'), { clips: 2 });
});
afterAll(() => folder.remove());

const evaluation = (more: Partial<EvaluationRun>): EvaluationRun => ({
  ...{ registry: ModelRegistry.open({ folders: [join(folder.path, 'models')] }), model: TINY_RECOGNISER },
  ...{ preset: 'default', iterations: 3, units: ['left', 'right'], starts: 2, seed: 1, frames: 6, judges: [] },
  ...{ examples: 2, baseline: true, runtime: 'auto', threads: 1, settings: { jitter: 1 } },
  ...more,
});

/** Units of a report without how long they took. */
const made = ({ report }: Awaited<ReturnType<typeof runEvaluation>>) =>
  report.units.map(({ prior, baseline, ...unit }) => ({
    ...unit,
    prior: { ...prior, secondsPerExample: 0 },
    baseline: { ...baseline, secondsPerExample: 0 },
  }));

describe('an interrupted evaluation', () => {
  it('makes nothing twice and comes to the same report', async () => {
    const whole = await runEvaluation(evaluation({}));
    expect(whole.report.parameters.settings).toEqual({ jitter: 1 });
    const work = join(folder.path, 'work');
    const stop = new AbortController();
    const begun = runEvaluation(
      evaluation({ work, signal: stop.signal, onUnit: () => stop.abort(new Error('enough')) }),
    );
    await expect(begun).rejects.toThrow('enough');
    const steps: string[] = [];
    const resumed = await runEvaluation(evaluation({ work, onStep: (label) => steps.push(label) }));
    expect(new Set(steps)).toEqual(new Set(['right']));
    expect(made(resumed)).toEqual(made(whole));
    // Nothing is kept of what is done.
    expect(existsSync(work)).toBe(false);
  });
});
