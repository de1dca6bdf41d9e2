/** What a run is about: the models, the unit, and the settings of its preset with what the request replaces. */
import { NeuroreelError } from '../../protocol/errors.js';
import { placeOf, SCORES, type ClassifierPackage } from '../models/classifier.js';
import { generatorPrior, pixelPrior, type Prior } from '../models/prior.js';
import { isClassifier, unitIndex } from '../models/registry.js';
import { OBJECTIVES } from './objectives.js';
import { PRESET_NAMES, PRESETS, type Settings } from './presets.js';
import { isOfPictures, type PictureTask, type Task } from './scene.js';
import type { SynthesisOptions } from './synthesise.js';

/** The name of the prior that is none. */
export const PIXELS = 'pixels';

type TaskOptions = Pick<SynthesisOptions, 'registry' | 'model' | 'unit' | 'layer' | 'position' | 'prior' | 'frames'>;
type SettingsOptions = Pick<SynthesisOptions, 'preset' | 'settings' | 'iterations'>;

const refused = (message: string): NeuroreelError => new NeuroreelError('REQUEST_INVALID', message);

/**
 * Loads the models of a run, and finds its unit.
 * @throws NeuroreelError MODEL_UNKNOWN, UNIT_UNKNOWN, MODEL_INVALID, MODEL_HASH_MISMATCH, REQUEST_INVALID
 */
export function openTask(options: TaskOptions): Task {
  const { registry, frames } = options;
  const model = registry.loadWithUnits(options.model);
  if (isClassifier(model)) return pictureTask(model, options);
  if (options.layer !== undefined || options.position !== undefined) {
    throw refused(`Hidden layers are looked into of classifiers; ${model.manifest.name} is a recogniser.`);
  }
  const unit = unitIndex(model.manifest, options.unit ?? model.manifest.defaults.unit ?? 0);
  return { model, prior: openPrior(options, model), unit, frames };
}

function pictureTask(model: ClassifierPackage, options: TaskOptions): PictureTask {
  const { manifest } = model;
  const { layer = SCORES, position, frames } = options;
  const unit =
    layer === SCORES
      ? unitIndex(manifest, options.unit ?? manifest.defaults.unit ?? 0)
      : hiddenUnit(layer, options.unit ?? 0);
  const place = placeOf(model, layer, unit, position);
  return { model, prior: openPrior(options, model), unit, frames, place };
}

function hiddenUnit(layer: string, unit: number | string): number {
  if (typeof unit === 'number') return unit;
  throw refused(`A unit of the layer "${layer}" is asked for by its index, not as ${JSON.stringify(unit)}.`);
}

function openPrior(options: TaskOptions, model: Task['model']): Prior {
  const { width, height } = model.manifest.input;
  const name = options.prior ?? model.manifest.defaults.prior ?? PIXELS;
  return name === PIXELS ? pixelPrior(width, height) : generatorPrior(options.registry.loadPrior(name));
}

/**
 * Settings of a preset with what the request replaces.
 * @throws NeuroreelError REQUEST_INVALID for a preset, a number of iterations or an objective that there is not.
 */
export function settingsOf({ preset: name, settings: own, iterations }: SettingsOptions, task: Task): Settings {
  if (!Object.hasOwn(PRESETS, name)) {
    throw refused(`No preset is named ${JSON.stringify(name)}; there are: ${PRESET_NAMES.join(', ')}.`);
  }
  const preset: Settings = PRESETS[name][task.prior.name === PIXELS ? 'pixels' : 'generator'];
  const single = preset.rule === 'paper' && isOfPictures(task) ? ({ normalise: 'each' } as const) : {};
  const settings = { ...preset, ...single, ...own, ...(iterations !== undefined && { iterations }) } as Settings;
  if (settings.rule !== preset.rule) throw refused(`The preset ${name} is for the rule ${preset.rule} alone.`);
  if (!Number.isInteger(settings.iterations) || settings.iterations < 1) {
    throw refused(`A run must have 1 or more iterations, not ${settings.iterations}.`);
  }
  if (!Object.hasOwn(OBJECTIVES, settings.objective)) {
    throw refused(`No objective is named ${JSON.stringify(settings.objective)}.`);
  }
  if (settings.objective === 'log_softmax' && task.place && task.place.layer !== SCORES) {
    throw refused(`The objective log_softmax is for units with labels, not for those of "${task.place.layer}".`);
  }
  return settings;
}
