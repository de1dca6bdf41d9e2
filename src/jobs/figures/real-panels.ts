/** Panels of real examples: so many of a label, or those that are nearest to what was made; each with what the unit gives. */
import { basename } from 'node:path';
import { FeatureReader } from '../../engine/evaluation/features.js';
import { nearest, usualDistance, type Example } from '../../engine/evaluation/neighbours.js';
import type { Runtime } from '../../engine/runtimes/runtime.js';
import { parseWith, pictureRequest } from '../../protocol/index.js';
import { realSource, type RealExample } from '../evaluation/examples.js';
import { place, type Placed } from '../evaluation/measure.js';
import { openViewer, type Viewer } from '../evaluation/scoring.js';
import { detailOf, keyOf, NOT_MADE, pathOf, sizeOf, type FilledPanel, type PanelSources } from './panel-words.js';
import type { MadePicture } from './pictures.js';
import { shortLabel, type FigureOptions, type PanelPlan } from './plan.js';

type RealPlan = Extract<PanelPlan, { kind: 'real' }>;

/** Real examples of a label that are compared at most. */
const MOST_COMPARED = 500;

interface Found extends RealExample {
  /** How far it is from what was made, over the usual distance of a real example from the nearest other one. */
  readonly ratio: number | null;
}

/** Opens what real panels need once, however many there are. */
export class RealPanels {
  readonly #run: PanelSources;
  readonly #options: FigureOptions;
  readonly #runtime: Runtime | null;
  readonly #pictures: ReadonlyMap<string, MadePicture[]>;
  readonly #viewers = new Map<string, Promise<Viewer>>();
  readonly #readers = new Map<string, Promise<FeatureReader>>();
  readonly #placed = new Map<string, Promise<Placed[]>>();

  constructor(
    run: PanelSources,
    options: FigureOptions,
    runtime: Runtime | null,
    pictures: ReadonlyMap<string, MadePicture[]>,
  ) {
    this.#run = run;
    this.#options = options;
    this.#runtime = runtime;
    this.#pictures = pictures;
  }

  /** @returns null where there are not so many real examples */
  async fill(panel: RealPlan): Promise<FilledPanel | null> {
    const found = panel.near ? await this.#near(panel, panel.near) : await this.#plain(panel);
    if (found === null) return null;
    const { clip, name, ratio } = found;
    const index = this.#run.registry.loadWithUnits(panel.model).manifest.labels.indexOf(panel.unit);
    const seen = await (await this.#viewer(panel.model))?.score(clip);
    const activation = seen?.logits[index] ?? null;
    const probability = seen?.probabilities[index] ?? null;
    const about = { ...NOT_MADE, kind: 'real' as const, source: name, activations: [], size: sizeOf(clip) };
    const far = ratio === null ? '' : `${ratio.toFixed(2)} x usual`;
    const named = {
      label: panel.label ?? (panel.near ? far : shortLabel(panel.unit)),
      detail: activation === null ? basename(name) : detailOf(activation, probability),
    };
    const unit = { index, label: panel.unit };
    return { clip, frame: panel.frame, report: { ...about, ...named, activation, probability, unit } };
  }

  async #examples({ model, unit }: RealPlan, most: number): Promise<RealExample[]> {
    const { real } = this.#options;
    const path = real === undefined ? undefined : pathOf(this.#run, real);
    const source = await realSource(this.#run.registry.loadWithUnits(model), path, most, this.#run.signal);
    return source.of(unit);
  }

  async #plain(panel: RealPlan): Promise<Found | null> {
    const example = (await this.#examples(panel, panel.number + 1))[panel.number];
    return example ? { ...example, ratio: null } : null;
  }

  async #near(panel: RealPlan, { request, start, space }: NonNullable<RealPlan['near']>): Promise<Found | null> {
    const reader = await once(this.#readers, panel.model, () => this.#reader(panel.model));
    const key = JSON.stringify([panel.model, panel.unit]);
    const all = await once(this.#placed, key, () => this.#place(panel, reader));
    const made = this.#pictures.get(keyOf(parseWith(pictureRequest, request)))![start]!;
    const { spaces } = await place('', made.clip, reader);
    const points = all.map((one) => one.spaces.get(space)!);
    const own = spaces.get(space);
    const found = own && nearest(own, points, panel.number + 1)[panel.number];
    if (!found) return null;
    return { ...all[found.index]!, ratio: ratioOf(found.distance, points) };
  }

  async #place(panel: RealPlan, reader: FeatureReader): Promise<Placed[]> {
    const placed: Placed[] = [];
    for (const { name, clip } of await this.#examples(panel, MOST_COMPARED)) {
      placed.push(await place(name, clip, reader));
    }
    return placed;
  }

  #reader(model: string): Promise<FeatureReader> {
    return FeatureReader.open(this.#run.registry.loadWithUnits(model), null, this.#runtime!, this.#run.threads);
  }

  async #viewer(model: string): Promise<Viewer | null> {
    const { registry, threads } = this.#run;
    const runtime = this.#runtime;
    if (runtime === null) return null;
    return once(this.#viewers, model, () => openViewer(registry.loadWithUnits(model), runtime, threads));
  }

  async close(): Promise<void> {
    for (const opened of await Promise.allSettled([...this.#viewers.values(), ...this.#readers.values()])) {
      if (opened.status === 'fulfilled') await opened.value.close();
    }
  }
}

function ratioOf(distance: number, points: readonly Example[]): number | null {
  const usual = usualDistance(points);
  return usual > 0 ? distance / usual : null;
}

/** What is opened under a name, once. */
function once<T>(opened: Map<string, Promise<T>>, name: string, open: () => Promise<T>): Promise<T> {
  const known = opened.get(name) ?? open();
  opened.set(name, known);
  return known;
}
