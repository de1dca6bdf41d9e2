/** SVG to pixels, with the DejaVu fonts that npm brought: text looks the same on a machine that has no fonts at all. */
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { renderAsync } from '@resvg/resvg-js';

/** First choice of our pictures; what follows is for browsers that show the SVG themselves. */
export const FONT_FAMILY = "'DejaVu Sans', Verdana, sans-serif";

const fonts = join(dirname(createRequire(import.meta.url).resolve('dejavu-fonts-ttf/package.json')), 'ttf');
const fontFiles = ['DejaVuSans.ttf', 'DejaVuSans-Bold.ttf'].map((name) => join(fonts, name));

/** A picture as raw pixels and as a file. */
export interface RenderedSvg {
  readonly width: number;
  readonly height: number;
  /** RGBA, [height, width, 4], alpha premultiplied. */
  pixels(): Buffer;
  png(): Buffer;
}

/** Draws an SVG at its own size, on a thread of the pool: the event loop does not wait. */
export async function renderSvg(svg: string): Promise<RenderedSvg> {
  const image = await renderAsync(svg, {
    font: { loadSystemFonts: false, fontFiles, defaultFontFamily: 'DejaVu Sans', sansSerifFamily: 'DejaVu Sans' },
    logLevel: 'off',
  });
  return { width: image.width, height: image.height, pixels: () => image.pixels, png: () => image.asPng() };
}

// Control characters are not allowed in XML at all, escaped or not.
// eslint-disable-next-line no-control-regex
const NOT_XML = /[\u0000-\u0008\u000b\u000c\u000e-\u001f\ufffe\uffff]/g;
const ENTITIES: Readonly<Record<string, string>> = {
  '&': '&amp;',
  '<': '&lt;',
  '>': '&gt;',
  '"': '&quot;',
  "'": '&#39;',
};

/** Text made safe for the content or an attribute of an SVG element. */
export function escapeXml(text: string): string {
  return text.replace(NOT_XML, ' ').replace(/[&<>"']/g, (c) => ENTITIES[c]!);
}
