const UNITS = ['', ' k', ' M', ' G', ' T'];

/** A count in three digits: `0`, `448`, `65.4 M`, `1.19 G`. */
export function amount(value: number): string {
  let [scaled, unit] = [value, 0];
  for (; scaled >= 999.5 && unit < UNITS.length - 1; unit++) scaled /= 1000;
  return `${unit === 0 ? Math.round(scaled) : Number(scaled.toPrecision(3))}${UNITS[unit]}`;
}
