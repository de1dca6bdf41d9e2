/** What is checked of a request before a job is taken in, or changed: that what it names is there. */
import { checkedSettings } from '../engine/audit/settings.js';
import { placeIn, SCORES } from '../engine/models/classifier.js';
import {
  NeuroreelError,
  type AuditJobRequest,
  type FigureField,
  type FigureJobRequest,
  type ImageJobRequest,
  type ModelSummary,
  type Steering,
  isWithoutGenerator,
  type VideoJobRequest,
} from '../protocol/index.js';
import { figureNamed } from './figures/table.js';
import { findModel, UNIT_MODELS, type ModelCatalogue } from './model-catalogue.js';

const refused = (message: string): NeuroreelError => new NeuroreelError('REQUEST_INVALID', message);

/** Where a request looks for its units. */
interface Where {
  /** Units of hidden layers have no labels. */
  readonly layer?: string | undefined;
  readonly position?: readonly [number, number] | undefined;
}

function checkUnit(
  models: ModelCatalogue,
  model: ModelSummary,
  unit: number | string,
  { layer, position }: Where = {},
): void {
  const { labels, name } = model;
  if (layer !== undefined && layer !== SCORES) {
    if (typeof unit !== 'number')
      throw refused(`A unit of the layer "${layer}" is asked for by its index, not as ${JSON.stringify(unit)}.`);
    const shapes = models.layers?.(name);
    if (shapes !== undefined) placeIn({ name, shapes }, layer, unit, position);
    return;
  }
  if (typeof unit === 'number') {
    if (unit < labels.length) return;
    throw new NeuroreelError('UNIT_UNKNOWN', `${name} has units 0 to ${labels.length - 1}; ${unit} is none of them.`);
  }
  if (labels.includes(unit)) return;
  const some = labels.slice(0, 12).join(', ') + (labels.length > 12 ? ', ...' : '');
  throw new NeuroreelError('UNIT_UNKNOWN', `${name} has no unit ${JSON.stringify(unit)}; there are: ${some}.`);
}

/** Whether the unit is one of a hidden layer: its first, where a request names none. */
const isHidden = ({ layer }: Where): boolean => layer !== undefined && layer !== SCORES;

function checkPrior(models: ModelCatalogue, prior: string | undefined): void {
  if (!isWithoutGenerator(prior)) findModel(models, ['prior'], prior);
}

/** @throws {NeuroreelError} MODEL_UNKNOWN, UNIT_UNKNOWN, REQUEST_INVALID */
export function checkVideoRequest(models: ModelCatalogue, request: VideoJobRequest): void {
  const model = findModel(models, ['recogniser'], request.model);
  const { unit = isHidden(request) ? 0 : undefined } = request;
  if (unit !== undefined) checkUnit(models, model, unit, request);
  checkPrior(models, request.prior);
}

/** @throws {NeuroreelError} MODEL_UNKNOWN, UNIT_UNKNOWN, REQUEST_INVALID */
export function checkImageRequest(models: ModelCatalogue, request: ImageJobRequest): void {
  const model = findModel(models, ['classifier'], request.model);
  for (const unit of request.units ?? (isHidden(request) ? [0] : [])) checkUnit(models, model, unit, request);
  checkPrior(models, request.prior);
}

/** What figures cannot do without, in words. */
const NEEDED: Readonly<Partial<Record<FigureField, string>>> = {
  jobs: 'two or more finished ones',
  real: 'a set of real examples of the server, `GET /v1/clips`',
};

/** What only a worker can tell, such as whether a model has a layer, is not checked. @throws as the others do */
export function checkFigureRequest(models: ModelCatalogue, request: FigureJobRequest): void {
  const { name, models: kinds, takes, needs = [], defaults } = figureNamed(request.figure);
  const { model = defaults.model, units = [], checkpoints = [], priors = [] } = request;
  if (model !== undefined && takes.includes('model')) {
    const found = findModel(models, kinds, model);
    // Units of hidden layers are indices of each layer.
    if (!takes.includes('layers')) for (const unit of units) checkUnit(models, found, unit);
  }
  for (const one of checkpoints) findModel(models, UNIT_MODELS, one);
  for (const one of priors) checkPrior(models, one);
  for (const field of needs) {
    if (request[field] === undefined) {
      throw refused(`The figure ${name} needs \`${field}\`: ${NEEDED[field] ?? 'name some'}.`);
    }
  }
}

/** @throws {NeuroreelError} MODEL_UNKNOWN, CONDITION_UNKNOWN, REQUEST_INVALID */
export function checkAuditRequest(models: ModelCatalogue, request: AuditJobRequest): void {
  for (const name of [request.model, ...request.compare]) findModel(models, ['recogniser'], name);
  checkedSettings(request);
}

/** @throws {NeuroreelError} UNIT_UNKNOWN, REQUEST_INVALID */
export function checkSteering(
  models: ModelCatalogue,
  request: VideoJobRequest | ImageJobRequest,
  { unit }: Steering,
): void {
  if (unit !== undefined) checkUnit(models, findModel(models, UNIT_MODELS, request.model), unit, request);
}
