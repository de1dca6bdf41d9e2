/** The labels of the data set, derived from the table of actions, and how they are related. */
import { ACTIONS } from './actions.js';

const entries = ACTIONS.flatMap((action, merged) => action.labels.map((label, run) => ({ label, merged, run })));

/** The 12 classes; a class's number is its place here. */
export const FIGURES_LABELS: readonly string[] = entries.map((entry) => entry.label);

/** The 8 classes that remain when the order of frames is ignored. */
export const MERGED_LABELS: readonly string[] = ACTIONS.map((action) => action.merged);

/** [12]: class -> merged class. It is also the place of the class's action in `ACTIONS`. */
export const MERGED_OF: readonly number[] = entries.map((entry) => entry.merged);

/** [12]: class -> the class of the same clip played backwards (itself where the order does not matter). */
export const PARTNER_OF: readonly number[] = entries.map(({ merged, run }, index) =>
  ACTIONS[merged]!.labels.length === 1 ? index : index + (run === 0 ? 1 : -1),
);

/** [12]: class -> the class of the same clip mirrored left to right. */
export const MIRROR_OF: readonly number[] = PARTNER_OF.map((partner, index) =>
  ['windmill', 'walk'].includes(MERGED_LABELS[MERGED_OF[index]!]!) ? partner : index,
);

/** Whether the class is the second of a pair: its action's phase runs backwards. */
export function runsBackwards(label: number): boolean {
  return entries[label]?.run === 1;
}
