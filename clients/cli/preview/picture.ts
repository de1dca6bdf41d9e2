/** A picture as previews take it, and where they get it from. */

export interface RgbPicture {
  /** RGB bytes [height, width, 3]. */
  readonly pixels: Uint8Array;
  readonly width: number;
  readonly height: number;
}

/** A place on the terminal, and how large a character is there. */
export interface Place {
  readonly columns: number;
  readonly rows: number;
  /** Size of a character in pixels. */
  readonly cell: { readonly width: number; readonly height: number };
}

/** The largest place with the proportions of a picture within bounds, at least one character. */
export function placeFor(picture: Pick<RgbPicture, 'width' | 'height'>, within: Place): Place {
  const { cell } = within;
  const scale = Math.min((within.columns * cell.width) / picture.width, (within.rows * cell.height) / picture.height);
  const columns = Math.max(1, Math.min(within.columns, Math.round((picture.width * scale) / cell.width)));
  const rows = Math.max(1, Math.min(within.rows, Math.round((picture.height * scale) / cell.height)));
  return { columns, rows, cell };
}

/** The picture in another size. */
export async function resized(picture: RgbPicture, width: number, height: number): Promise<RgbPicture> {
  if (width === picture.width && height === picture.height) return picture;
  const { default: sharp } = await import('sharp');
  const raw = { width: picture.width, height: picture.height, channels: 3 } as const;
  const pixels = await sharp(picture.pixels, { raw }).resize(width, height, { fit: 'fill' }).raw().toBuffer();
  return { pixels, width, height };
}
