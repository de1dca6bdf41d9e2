/** Writes everything that is made of an audit's report into a folder. */
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { AuditReport } from '../protocol/index.js';
import { auditCharts } from './audit-charts.js';
import { auditHtml } from './audit-html.js';
import { clipsCsv, conditionsCsv } from './csv.js';

/** Names of the files that every audit has; its charts come besides, each as `NAME.svg` and `NAME.png`. */
export const AUDIT_FILES = {
  page: 'report.html',
  report: 'report.json',
  clips: 'clips.csv',
  conditions: 'conditions.csv',
} as const;

/**
 * @param folder must be there; files of these names are replaced
 * @param onFile told after each file: how many of how many
 * @returns names of the files
 */
export async function writeAuditFiles(
  folder: string,
  report: AuditReport,
  onFile: (done: number, of: number) => void = () => undefined,
): Promise<string[]> {
  const charts = await auditCharts(report);
  const files: (readonly [string, string | Buffer])[] = [
    ...charts.flatMap(({ name, plot }) => [[`${name}.svg`, plot.svg] as const, [`${name}.png`, plot.png] as const]),
    [AUDIT_FILES.clips, clipsCsv(report)],
    [AUDIT_FILES.conditions, conditionsCsv(report)],
    [AUDIT_FILES.page, auditHtml(report, charts)],
    [AUDIT_FILES.report, `${JSON.stringify(report, null, 2)}\n`],
  ];
  for (const [i, [name, content]] of files.entries()) {
    await writeFile(join(folder, name), content);
    onFile(i + 1, files.length);
  }
  return files.map(([name]) => name);
}
