/** Numbers as the sentences of a report print them. */
import type { Estimate } from '../../protocol/audit-report.js';

/** A share in per cent, one decimal, without the sign: `32.5`. */
export const rounded = (x: number): string => (100 * x).toFixed(1).replace(/^-(?=0\.0$)/, '');

export const percent = (x: number): string => `${rounded(x)} %`;

/** `27.0 to 38.0 %` */
export const interval = ({ low, high }: Estimate): string => `${rounded(low)} to ${percent(high)}`;

export const probability = (p: number): string => (p < 0.0001 ? p.toExponential(0) : p.toFixed(4));
