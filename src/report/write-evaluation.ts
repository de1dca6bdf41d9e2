/** Writes everything that is made of an evaluation into a folder. */
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { EvaluationReport } from '../protocol/index.js';
import { activationChart, neighbourBoards, unitBoards, type UnitClips } from './evaluation-boards.js';
import { evaluationHtml } from './evaluation-html.js';

export const EVALUATION_FILES = { page: 'report.html', report: 'report.json', chart: 'activations.png' } as const;

/**
 * @param folder must be there; files of these names are replaced
 * @returns names of the files
 */
export async function writeEvaluationFiles(
  folder: string,
  report: EvaluationReport,
  clips: readonly UnitClips[],
): Promise<string[]> {
  const boards = [...(await unitBoards(report, clips)), ...(await neighbourBoards(report, clips))];
  const chart = await activationChart(report);
  const files: (readonly [string, string | Buffer])[] = [
    ...boards.map(({ name, png }) => [name, png] as const),
    [EVALUATION_FILES.chart, chart.png],
    [EVALUATION_FILES.page, evaluationHtml(report, boards, chart)],
    [EVALUATION_FILES.report, `${JSON.stringify(report, null, 2)}\n`],
  ];
  for (const [name, content] of files) await writeFile(join(folder, name), content);
  return files.map(([name]) => name);
}
