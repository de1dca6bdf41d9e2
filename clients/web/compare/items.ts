/** What can be compared, as parts of the address: `JOB` for what a job made, `clip:MODEL:HASH:UNIT:SET` for a real clip. */

export interface ClipItem {
  readonly model: string;
  /** SHA-256 of its content. */
  readonly id: string;
  /** The unit that its activation is told of. */
  readonly unit: number;
  /** A set of the server; empty for the model's own clips. */
  readonly clips: string;
}

export type Item = { readonly kind: 'job'; readonly part: string; readonly id: string } | ({ readonly kind: 'clip'; readonly part: string } & ClipItem); // prettier-ignore

/** Items side by side at most. */
export const MOST_ITEMS = 8;

const CLIP = /^clip:([^:]+):([0-9a-f]{64}):(\d{1,6}):([^:]*)$/;

/** The part of the address that stands for a clip. */
export const clipPart = ({ model, id, unit, clips }: ClipItem): string => `clip:${model}:${id}:${unit}:${clips}`;

/** What the parts of an address stand for, each once; what is no item is left out. */
export function itemsOf(parts: readonly string[]): Item[] {
  const different = [...new Set(parts)].slice(0, MOST_ITEMS);
  return different.flatMap((part): Item[] => {
    const [, model, id, unit, clips] = CLIP.exec(part) ?? [];
    if (model !== undefined && id !== undefined) {
      return [{ kind: 'clip', part, model, id, unit: Number(unit), clips: clips ?? '' }];
    }
    return /^[A-Za-z0-9][\w.-]{0,63}$/.test(part) ? [{ kind: 'job', part, id: part }] : [];
  });
}
