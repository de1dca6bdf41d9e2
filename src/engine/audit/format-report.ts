/** An audit's report as plain text for a terminal: the verdict first, then the numbers in tables. */
import type { AuditReport, Estimate, ModelAudit } from '../../protocol/audit-report.js';
import { probability, rounded } from './words.js';

export interface FormatOptions {
  /** Columns that the verdict is wrapped to; tables are as wide as they need to be. Default 100. */
  readonly width?: number;
  /** Whether each clip is listed. Default false. */
  readonly clips?: boolean;
}

const range = ({ value, low, high }: Estimate): string => `${rounded(value)} [${rounded(low)}, ${rounded(high)}]`;
const pValue = (p: number | null): string => (p === null ? '-' : probability(p));

/** Lines of at most `width` columns, where the words allow. */
export function wrap(text: string, width: number): string[] {
  const lines: string[] = [];
  for (const word of text.split(' ')) {
    const last = lines.at(-1);
    if (last !== undefined && last.length + 1 + word.length <= width) lines[lines.length - 1] = `${last} ${word}`;
    else lines.push(word);
  }
  return lines;
}

/** Rows with their cells below each other; the first column to the left, the others to the right. */
export function alignTable(head: readonly string[], rows: readonly (readonly string[])[]): string[] {
  const all = [head, ...rows];
  const widths = head.map((_, c) => Math.max(...all.map((row) => (row[c] ?? '').length)));
  return all.map((row) =>
    row
      .map((cell, c) => (c === 0 ? cell.padEnd(widths[c]!) : cell.padStart(widths[c]!)))
      .join('  ')
      .trimEnd(),
  );
}

/** The whole report, lines ended by newlines. */
export function formatReport(report: AuditReport, { width = 100, clips = false }: FormatOptions = {}): string {
  const several = report.models.length > 1;
  const sections = [
    ...report.models.map((model) => wrap(model.sentence, width)),
    controlLines(report, width),
    ...report.models.flatMap((model) => [
      several ? [model.name, '-'.repeat(model.name.length)] : [],
      conditionLines(model),
      findingLines(model),
      classLines(model),
      clips ? clipLines(model) : [],
      listLines('Without a true class', model.unlabelled),
      listLines('Skipped', model.skipped),
    ]),
    report.comparisons.flatMap(({ sentence, condition }) => (condition === 'shuffle' ? wrap(sentence, width) : [])),
    ...report.synthesised.map(({ sentence }) => wrap(sentence, width)),
  ];
  return `${sections
    .filter((lines) => lines.length > 0)
    .map((lines) => lines.join('\n'))
    .join('\n\n')}\n`;
}

function controlLines({ controls }: AuditReport, width: number): string[] {
  const failed = controls.filter((control) => !control.passed);
  if (controls.length === 0) return [];
  if (failed.length === 0)
    return wrap(`Controls passed: ${controls.map((control) => control.name).join(', ')}.`, width);
  return failed.flatMap(({ name, expectation, found }) =>
    wrap(`CONTROL FAILED, do not trust the verdict: ${name}. Expected: ${expectation}. Found: ${found}.`, width),
  );
}

function conditionLines({ conditions, conditionsLeftOut, noiseFloor }: ModelAudit): string[] {
  const rows = conditions.map((c) => [
    c.name,
    String(c.clips),
    c.strength.displacement.toFixed(2),
    range(c.flipRate),
    range(c.excessFlipRate),
    c.accuracy === null ? '-' : range(c.accuracy),
    range(c.probabilityChange),
    c.divergence.value.toFixed(4),
    c.effectSize === null ? '-' : c.effectSize.toFixed(2),
    pValue(c.randomisationP),
    c.judgement?.verdict ?? '-',
  ]);
  const noise = ['(another crop)', '', '0.00', range(noiseFloor)];
  const head = ['condition', 'clips', 'D', 'flips %', 'excess %', 'accuracy %', 'prob. change %', 'JS', 'd_z', 'p', ''];
  return [
    ...alignTable(head, [...rows, noise]),
    ...conditionsLeftOut.map(({ name, reason }) => `${name} left out: ${reason}.`),
  ];
}

function findingLines({ reversal, decomposition }: ModelAudit): string[] {
  const lines: string[] = [];
  if (reversal) {
    lines.push(
      `Reversed clips of time-reversed pairs (${reversal.clips}): ${range(reversal.partner)} % given the partner's ` +
        `label, ${rounded(reversal.own)} % their own.`,
    );
  }
  if (decomposition) {
    const { appearance, frames, order, chance } = decomposition;
    lines.push(
      `Accuracy above chance (${rounded(chance)} %): ${range(appearance)} % from one frame, ${range(frames)} % from ` +
        `the set of frames, ${range(order)} % from their order.`,
    );
  }
  return lines;
}

function classLines({ classes }: ModelAudit): string[] {
  if (classes.length === 0) return [];
  const rows = classes.map((c) => [
    c.label,
    String(c.clips),
    rounded(c.accuracy),
    rounded(c.accuracyShuffled),
    range(c.flipRate),
    pValue(c.adjustedP),
    c.partner === null || c.partnerShare === null ? '-' : `${rounded(c.partnerShare)} ${c.partner}`,
  ]);
  const head = ['class', 'clips', 'accuracy %', 'shuffled %', 'flips %', 'adjusted p', 'reversed: % partner'];
  return alignTable(head, rows);
}

function clipLines({ clips, conditions }: ModelAudit): string[] {
  const names = conditions.map((c) => c.name).filter((name) => name !== 'original');
  const rows = clips.map((clip) => [
    clip.name,
    clip.label ?? '-',
    clip.prediction,
    ...names.map((name) => {
      const outcome = clip.conditions[name];
      return outcome ? `${outcome.prediction} (${rounded(outcome.flipRate)})` : '-';
    }),
  ]);
  return alignTable(['clip', 'label', 'in order', ...names.map((name) => `${name} (flips %)`)], rows);
}

/** Clips of a list that are printed; the report holds them all. */
const MOST_LISTED = 20;

function listLines(what: string, list: ModelAudit['skipped']): string[] {
  if (list.length === 0) return [];
  const more = list.length > MOST_LISTED ? [`  ... and ${list.length - MOST_LISTED} more`] : [];
  const shown = list.slice(0, MOST_LISTED).map(({ name, reason }) => `  ${name}: ${reason}`);
  return [`${what} (${list.length}):`, ...shown, ...more];
}
