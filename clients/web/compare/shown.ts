/** What is shown of an item that is compared. */

export interface Shown {
  readonly title: string;
  readonly subtitle: string;
  /** The address of its video or picture at the server. */
  readonly url: string;
  /** Whether it is a picture, which no clock moves. */
  readonly still: boolean;
  /** Seconds of a frame; null where that is not known. */
  readonly frame: number | null;
  /** Names and values. */
  readonly facts: readonly (readonly [string, string])[];
  /** Whose unit it is about, of a recogniser. */
  readonly unit: { readonly model: string; readonly index: number } | null;
}

/** An item that cannot be compared: in the page's own words. */
export class Unfit extends Error {
  constructor(
    message: string,
    readonly remedy: string,
  ) {
    super(`${message}.`);
  }
}
