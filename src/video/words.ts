/** How wide text is in DejaVu Sans, closely enough to make it fit a place: narrow and wide characters told apart. */

const NARROW = /[ijlft.,:;!|'()[\]{} /\\-]/;
const WIDE = /[mwMW@%]/;

/** Estimated width of a text, in pixels; a little too much rather than too little. */
export function textWidth(text: string, size: number, bold = false): number {
  let ems = 0;
  for (const character of text) ems += NARROW.test(character) ? 0.38 : WIDE.test(character) ? 0.96 : 0.63;
  return ems * size * (bold ? 1.1 : 1);
}

/** The largest of the sizes at which the text fits; where none does, the text cut short, with an ellipsis, at the least. */
export function fitText(
  text: string,
  width: number,
  sizes: readonly number[],
  bold = false,
): { readonly text: string; readonly size: number } {
  const size = sizes.find((one) => textWidth(text, one, bold) <= width);
  if (size !== undefined) return { text, size };
  const least = sizes.at(-1)!;
  let cut = [...text];
  while (cut.length > 1 && textWidth(`${cut.join('')}…`, least, bold) > width) cut = cut.slice(0, -1);
  return { text: `${cut.join('')}…`, size: least };
}

/** Words in lines of a width; a word that is too long by itself is left so. */
export function wrapText(text: string, width: number, size: number): string[] {
  const lines: string[] = [];
  for (const word of text.split(/\s+/).filter(Boolean)) {
    const longer = lines.length === 0 ? word : `${lines.at(-1)!} ${word}`;
    if (lines.length > 0 && textWidth(longer, size) <= width) lines[lines.length - 1] = longer;
    else lines.push(word);
  }
  return lines;
}
