/** What an audit found besides its verdict, in sentences, each only where the numbers bear it. */
import type { AuditReport, Estimate, ModelAudit } from '../protocol/index.js';

const percent = (x: number): string => `${(100 * x).toFixed(1).replace(/^-(0\.0)$/, '$1')} %`;
const range = ({ low, high }: Estimate): string => `${(100 * low).toFixed(1)} to ${percent(high)}`;
const full = (estimate: Estimate): string => `${percent(estimate.value)} (${range(estimate)})`;

/** Sentences for people. */
export function findingsOf(report: AuditReport): string[] {
  return [
    ...report.models.flatMap(modelFindings),
    ...report.comparisons.flatMap(({ condition, sentence }) => (condition === 'shuffle' ? [sentence] : [])),
  ];
}

function modelFindings(model: ModelAudit): string[] {
  return [accuracy(model), decomposition(model), locality(model), reversal(model), classes(model)].filter(
    (sentence) => sentence !== null,
  );
}

const named = ({ conditions }: ModelAudit, name: string) => conditions.find((condition) => condition.name === name);

function accuracy(model: ModelAudit): string | null {
  const [inOrder, shuffled] = [named(model, 'original')?.accuracy, named(model, 'shuffle')];
  if (!inOrder || !shuffled?.accuracy || !shuffled.mcnemar) return null;
  const { lost, gained, p } = shuffled.mcnemar;
  const tau =
    model.tau === null
      ? ''
      : `; tau = ${model.tau.value.toFixed(2)} (${model.tau.low.toFixed(2)} to ${model.tau.high.toFixed(2)})`;
  return (
    `${model.name} names ${full(inOrder)} of the clips rightly in order and ${full(shuffled.accuracy)} shuffled${tau}. ` +
    `In one shuffle of each clip ${lost} were lost and ${gained} gained (exact McNemar p = ${p < 0.0001 ? p.toExponential(0) : p.toFixed(4)}).`
  );
}

function decomposition({ name, decomposition: parts }: ModelAudit): string | null {
  if (parts === null) return null;
  const { appearance, frames, order } = parts;
  return (
    `Of the accuracy of ${name} above chance (${percent(parts.chance)}), ${full(appearance)} is there in one frame, ` +
    `${full(frames)} comes with the set of frames, and ${full(order)} with their order.`
  );
}

/** Whether it is the fine order or the coarse one that matters. */
function locality(model: ModelAudit): string | null {
  const [whole, within] = [named(model, 'shuffle'), named(model, 'shuffle-within-clip')];
  if (!whole || !within || model.verdict !== 'sensitive') return null;
  const share = within.flipRate.value / whole.flipRate.value;
  return (
    `Shuffled only within the windows that ${model.name} looks at, the answer changes in ${full(within.flipRate)} of the ` +
    `orders, ${percent(share)} of what shuffling the whole video does.`
  );
}

function reversal({ name, reversal: found }: ModelAudit): string | null {
  if (found === null) return null;
  return (
    `Of the ${found.clips} reversed clips of actions that have a time-reversed partner, ${name} gives ${full(found.partner)} ` +
    `the partner's label and ${percent(found.own)} their own.`
  );
}

function classes({ name, classes: all }: ModelAudit): string | null {
  if (all.length < 2) return null;
  const sorted = [...all].sort((a, b) => b.flipRate.value - a.flipRate.value);
  const [most, least] = [sorted[0]!, sorted.at(-1)!];
  const found = all.filter(({ adjustedP }) => adjustedP < 0.05).length;
  const where =
    most.flipRate.value === least.flipRate.value
      ? `the answers of ${name} change equally often (${percent(most.flipRate.value)})`
      : `the answers of ${name} change most for ${most.label} (${percent(most.flipRate.value)}) and least for ` +
        `${least.label} (${percent(least.flipRate.value)})`;
  return (
    `By class, ${where}; for ${found} of ${all.length} classes the score depends on the order (p < 0.05 after ` +
    'Benjamini-Hochberg).'
  );
}
