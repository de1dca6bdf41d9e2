/** Colours of tokens.css for what is drawn on a canvas. */

/** Tells when the page turns light or dark. */
export const DARK = window.matchMedia('(prefers-color-scheme: dark)');

/** @param name without the dashes; @param share of it in per cent, the rest is transparent */
export function colour(name: string, share = 100): string {
  const value = getComputedStyle(document.documentElement).getPropertyValue(`--${name}`).trim();
  return share === 100 ? value : `color-mix(in srgb, ${value} ${share}%, transparent)`;
}
