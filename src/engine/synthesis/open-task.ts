/** What a run is about: the models, the units, and the settings of its preset with what the request replaces. */
import { NeuroreelError } from '../../protocol/errors.js';
import { placeOf, SCORES, type LayerPlace } from '../models/classifier.js';
import { detailedPrior } from '../models/detail.js';
import { FOURIER, PIXELS } from '../../protocol/priors.js';
import { fourierPrior } from '../models/fourier.js';
import { generatorPrior, pixelPrior, type Prior } from '../models/prior.js';
import { isClassifier, unitIndex } from '../models/registry.js';
import type { Settings } from './presets.js';
import { patchModel } from './patches.js';
import type { OtherUnit, Task } from './scene.js';
import { completeSettings } from './settings.js';
import type { SynthesisOptions } from './synthesise.js';

const refused = (message: string): NeuroreelError => new NeuroreelError('REQUEST_INVALID', message);

type Model = Task['model'];
type UnitName = number | string;

/**
 * Loads the models of a run, finds its units, and completes its settings.
 * @throws NeuroreelError MODEL_UNKNOWN, UNIT_UNKNOWN, MODEL_INVALID, MODEL_HASH_MISMATCH, REQUEST_INVALID
 */
export function openTask(options: SynthesisOptions): { task: Task; settings: Settings } {
  const model = options.registry.loadWithUnits(options.model);
  const base = openPrior(options, model);
  const pictures = isClassifier(model);
  const settings = completeSettings(options, base.sha256 !== null, pictures);
  const prior = withDetail(base, model, settings);
  const { layer = SCORES, frames } = options;
  if (options.units && !pictures) throw refused(`A video has one unit; ${model.manifest.name} is a recogniser.`);
  const units = options.units?.map((unit) => unitOf(model, layer, unit));
  if (units && units.length !== frames) throw refused(`There are ${units.length} units for ${frames} pictures.`);
  const first = layer === SCORES ? (model.manifest.defaults.unit ?? 0) : 0;
  const unit = units?.[0] ?? unitOf(model, layer, options.unit ?? first);
  const place = placeFor(model, layer, [unit, ...(units ?? [])], options.position, settings);
  checkObjective(settings, place);
  if (settings.blur.every > 0 && settings.blur.sigma > 0 && !prior.blur) {
    throw refused(`Only pixels can be blurred, or their waves; the prior ${prior.name} makes pictures of codes.`);
  }
  const patches = options.examples && settings.penalties.patch > 0 ? patchModel(options.examples) : undefined;
  const others = othersOf(model, layer, settings);
  // A direction, and the mean of a channel, are of what the layer passes on.
  const rectified = ['channel', 'direction'].includes(settings.objective.kind);
  const common = { prior, unit, units, frames, fit: settings.fit, rectified, others, place, patches };
  const resolved = withRivals(settings, (rival) => unitOf(model, layer, rival));
  return { task: { model, ...common } as Task, settings: resolved };
}

/** Index of a unit of a layer. */
export function unitOf(model: Model, layer: string, unit: UnitName): number {
  if (layer === SCORES) return unitIndex(model.manifest, unit);
  if (typeof unit === 'number') return unit;
  throw refused(`A unit of the layer "${layer}" is asked for by its index, not as ${JSON.stringify(unit)}.`);
}

function placeFor(
  model: Model,
  layer: string,
  units: readonly number[],
  position: readonly [number, number] | undefined,
  { objective }: Settings,
): LayerPlace {
  const all = objective.kind === 'channel' ? 'all' : undefined;
  const places = units.map((unit) => placeOf(model, layer, unit, position ?? all));
  return places[0]!;
}

function othersOf(model: Model, layer: string, { objective }: Settings): OtherUnit[] {
  if (objective.kind !== 'joint' && objective.kind !== 'weighted') return [];
  if (objective.with.length === 0) throw refused(`The objective ${objective.kind} names no further units.`);
  return objective.with.map((other) => {
    const own = other.layer ?? layer;
    const unit = unitOf(model, own, other.unit);
    return { unit, place: placeOf(model, own, unit, other.position) };
  });
}

function checkObjective({ objective }: Settings, { layer }: LayerPlace): void {
  if (layer === SCORES || !['log_softmax', 'truncated_softmax'].includes(objective.kind)) return;
  throw refused(`The objective ${objective.kind} is for units with labels, not for those of "${layer}".`);
}

function withRivals(settings: Settings, index: (unit: UnitName) => number): Settings {
  const { objective } = settings;
  if (objective.kind !== 'logit_difference') return settings;
  return { ...settings, objective: { ...objective, rivals: objective.rivals.map(index) } };
}

function openPrior(options: SynthesisOptions, model: Model): Prior {
  const { width, height } = model.manifest.input;
  const name = options.prior ?? model.manifest.defaults.prior ?? PIXELS;
  if (name === PIXELS) return pixelPrior(width, height);
  if (name === FOURIER) return fourierPrior(width, height);
  return generatorPrior(options.registry.loadPrior(name));
}

/** @throws NeuroreelError REQUEST_INVALID for details of what is no generator. */
function withDetail(prior: Prior, model: Model, { detail, fit }: Settings): Prior {
  if (detail === 0) return prior;
  if (prior.sha256 === null) {
    throw refused(`Details are for a generator's pictures; the prior ${prior.name} has all of them. Set detail to 0.`);
  }
  return detailedPrior(prior, model.manifest.input, { fit, strength: detail });
}
