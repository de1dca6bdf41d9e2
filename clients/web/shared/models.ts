/** The models of the server. */
import { computed, signal } from '@preact/signals';
import type { ModelSummary } from '../../../src/protocol/http.js';
import { client } from './api.js';

/** Null until they were loaded. */
export const models = signal<readonly ModelSummary[] | null>(null);

export const recognisers = computed(() => (models.value ?? []).filter(({ kind }) => kind === 'recogniser'));
export const classifiers = computed(() => (models.value ?? []).filter(({ kind }) => kind === 'classifier'));

/** @throws {ClientError} */
export async function loadModels(): Promise<void> {
  models.value = await client.value.models.list();
}

export function modelNamed(name: string): ModelSummary | undefined {
  return models.value?.find((model) => model.name === name);
}

/** Index of the unit that a model takes when a request names none. */
export function defaultUnit(model: ModelSummary): number {
  const unit = model.default?.unit ?? 0;
  return typeof unit === 'number' ? unit : Math.max(0, model.labels.indexOf(unit));
}

/** Models that are offered first, where they are installed. */
const FIRST = ['figures-lrcn', 'tiny-objects'];

/** The model of a list that is offered first. */
export function firstOf(list: readonly ModelSummary[]): ModelSummary | undefined {
  return list.find(({ name }) => FIRST.includes(name)) ?? list[0];
}
