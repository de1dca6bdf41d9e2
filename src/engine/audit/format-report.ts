/** A probe's report as plain text for a terminal: the verdict first, then the numbers in tables. */
import type { Estimate, ProbeReport } from '../../protocol/probe-report.js';

export interface FormatOptions {
  /** Columns that the verdict is wrapped to; tables are as wide as they need to be. Default 100. */
  readonly width?: number;
  /** Whether each clip is listed. Default false. */
  readonly clips?: boolean;
}

const percent = (x: number): string => (100 * x).toFixed(1).replace(/^-(?=0\.0$)/, '');
const interval = ({ value, low, high }: Estimate): string => `${percent(value)} [${percent(low)}, ${percent(high)}]`;
const pValue = (p: number | null): string => (p === null ? '-' : p < 0.0001 ? p.toExponential(0) : p.toFixed(4));

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
export function formatReport(report: ProbeReport, { width = 100, clips = false }: FormatOptions = {}): string {
  const sections = [
    wrap(report.sentence, width),
    controlLines(report, width),
    conditionLines(report),
    findingLines(report),
    classLines(report),
    clips ? clipLines(report) : [],
    skippedLines(report),
  ];
  return `${sections
    .filter((lines) => lines.length > 0)
    .map((lines) => lines.join('\n'))
    .join('\n\n')}\n`;
}

function controlLines({ controls }: ProbeReport, width: number): string[] {
  const failed = controls.filter((control) => !control.passed);
  if (controls.length === 0) return [];
  if (failed.length === 0)
    return wrap(`Controls passed: ${controls.map((control) => control.name).join(', ')}.`, width);
  return failed.flatMap(({ name, expectation, found }) =>
    wrap(`CONTROL FAILED, do not trust the verdict: ${name}. Expected: ${expectation}. Found: ${found}.`, width),
  );
}

function conditionLines({ conditions, conditionsLeftOut, noiseFloor }: ProbeReport): string[] {
  const rows = conditions.map((c) => [
    c.name,
    String(c.clips),
    c.strength.displacement.toFixed(2),
    interval(c.flipRate),
    interval(c.excessFlipRate),
    interval(c.accuracy),
    interval(c.probabilityChange),
    c.divergence.value.toFixed(4),
    c.effectSize === null ? '-' : c.effectSize.toFixed(2),
    pValue(c.randomisationP),
    c.judgement?.verdict ?? '-',
  ]);
  const noise = ['(another crop)', '', '0.00', interval(noiseFloor)];
  const head = ['condition', 'clips', 'D', 'flips %', 'excess %', 'accuracy %', 'prob. change %', 'JS', 'd_z', 'p', ''];
  return [
    ...alignTable(head, [...rows, noise]),
    ...conditionsLeftOut.map(({ name, reason }) => `${name} left out: ${reason}.`),
  ];
}

function findingLines({ reversal, decomposition }: ProbeReport): string[] {
  const lines: string[] = [];
  if (reversal) {
    lines.push(
      `Reversed clips of time-reversed pairs (${reversal.clips}): ${interval(reversal.partner)} % given the partner's ` +
        `label, ${percent(reversal.own)} % their own.`,
    );
  }
  if (decomposition) {
    const { appearance, frames, order, chance } = decomposition;
    lines.push(
      `Accuracy above chance (${percent(chance)} %): ${percent(appearance)} % from one frame, ${percent(frames)} % from ` +
        `the set of frames, ${percent(order)} % from their order.`,
    );
  }
  return lines;
}

function classLines({ classes }: ProbeReport): string[] {
  if (classes.length === 0) return [];
  const rows = classes.map((c) => [
    c.label,
    String(c.clips),
    percent(c.accuracy),
    percent(c.accuracyShuffled),
    interval(c.flipRate),
    pValue(c.adjustedP),
    c.partner === null || c.partnerShare === null ? '-' : `${percent(c.partnerShare)} ${c.partner}`,
  ]);
  const head = ['class', 'clips', 'accuracy %', 'shuffled %', 'flips %', 'adjusted p', 'reversed: % partner'];
  return alignTable(head, rows);
}

function clipLines({ clips, conditions }: ProbeReport): string[] {
  const names = conditions.map((c) => c.name).filter((name) => name !== 'original');
  const rows = clips.map((clip) => [
    clip.name,
    clip.label,
    clip.prediction,
    ...names.map((name) => {
      const outcome = clip.conditions[name];
      return outcome ? `${outcome.prediction} (${percent(outcome.flipRate)})` : '-';
    }),
  ]);
  return alignTable(['clip', 'label', 'in order', ...names.map((name) => `${name} (flips %)`)], rows);
}

function skippedLines({ skipped }: ProbeReport): string[] {
  if (skipped.length === 0) return [];
  return [`Skipped (${skipped.length}):`, ...skipped.map(({ name, reason }) => `  ${name}: ${reason}`)];
}
