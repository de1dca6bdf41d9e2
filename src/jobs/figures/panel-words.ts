/** What panels have in common: where they come from, and what they say. */
import type { ModelRegistry } from '../../engine/models/registry.js';
import type { FigurePanel, PictureRequest } from '../../protocol/index.js';
import type { FrameSequence } from '../../video/index.js';

/** Where panels come from that are not made. */
export interface PanelSources {
  readonly registry: ModelRegistry;
  /** Where the files and folders lie that the options name; the names are paths when absent. */
  readonly pathOf?: ((name: string) => string) | undefined;
  readonly signal?: AbortSignal | undefined;
  readonly threads?: number | undefined;
}

/** A panel with what is on it. */
export interface FilledPanel {
  readonly clip: FrameSequence;
  readonly report: Omit<FigurePanel, 'row' | 'column'>;
  readonly frame: string | undefined;
}

/** The name of a request, under which its pictures are found. */
export const keyOf = (request: PictureRequest): string => JSON.stringify(request);

export const pathOf = ({ pathOf: known }: PanelSources, name: string): string => known?.(name) ?? name;

export const sizeOf = ({ width, height, count }: FrameSequence): FigurePanel['size'] => ({
  ...{ width, height, frames: count },
});

/** An activation and the probability of the label. */
export const detailOf = (activation: number, probability: number | null): string =>
  activation.toFixed(1) + (probability === null ? '' : ` · ${(100 * probability).toFixed(0)} %`);

/** What panels say that were not made. */
export const NOT_MADE = {
  ...{ request: null, start: null, model: null, prior: null, unit: null, activation: null },
  ...{ probability: null, crop: null, detail: '', inputs: [] },
} satisfies Partial<FigurePanel>;
