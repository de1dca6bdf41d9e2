/** The request as it is being put together; kept while the page is open, one for each kind. */
import { computed, signal } from '@preact/signals';
import type { JobRequestInput } from '../../../src/protocol/jobs.js';
import type { ModelSummary } from '../../../src/protocol/http.js';
import { defaultUnit, firstOf, models } from '../shared/models.js';
import { KINDS, type Kind } from './kinds.js';
import type { Fields } from '../shared/schemas.js';

const kindName = signal(KINDS[0]!.kind);
const drafts = signal<Readonly<Record<string, Fields>>>({});

/** The kind that is chosen. */
export const kind = computed<Kind>(() => KINDS.find((one) => one.kind === kindName.value) ?? KINDS[0]!);

/** Fields that were set, without those that are as they come. */
export const fields = computed<Fields>(() => drafts.value[kind.value.kind] ?? {});

/** Models that the kind takes. */
export const offered = computed<readonly ModelSummary[]>(() => {
  const { models: wanted } = kind.value;
  return (models.value ?? []).filter((model) => (wanted as readonly string[]).includes(model.kind));
});

export const chosenModel = computed<ModelSummary | undefined>(() => {
  const name = fields.value['model'];
  return offered.value.find((model) => model.name === name) ?? firstOf(offered.value);
});

export function chooseKind(name: Kind['kind']): void {
  kindName.value = name;
}

/** Sets a field; undefined takes it away. Another model has other units and layers. */
export function setField(name: string, value: unknown): void {
  const { [name]: _, ...rest } = fields.value;
  const kept = name === 'model' ? without(rest, ['unit', 'units', 'layer', 'position', 'prior']) : rest;
  const next = value === undefined ? kept : { ...kept, [name]: value };
  drafts.value = { ...drafts.value, [kind.value.kind]: next };
}

const without = (all: Fields, names: readonly string[]): Fields =>
  Object.fromEntries(Object.entries(all).filter(([name]) => !names.includes(name)));

/** Puts the request of a job there, to be changed. */
export function fillFrom({ kind: name, ...request }: Fields & { readonly kind: string }): void {
  if (!KINDS.some((one) => one.kind === name)) return;
  kindName.value = name as Kind['kind'];
  drafts.value = { ...drafts.value, [name]: request };
}

/** How requests name a unit: by its label, where that is clear, else by its index. */
export function unitName({ labels }: ModelSummary, index: number): string | number {
  const label = labels[index];
  if (label === undefined || label.includes(',') || /^\d+$/.test(label)) return index;
  return labels.indexOf(label) === labels.lastIndexOf(label) ? label : index;
}

/** The units that stand in the request, or the model's own. */
function unitsOf({ units }: Kind, model: ModelSummary, set: Fields): Fields {
  if (units === undefined || set['layer'] !== undefined) return {};
  const own = unitName(model, defaultUnit(model));
  return units === 'unit' ? { unit: set['unit'] ?? own } : { units: set['units'] ?? [own] };
}

/** What is sent. Null while there is no model for it. */
export const request = computed<JobRequestInput | null>(() => {
  const model = chosenModel.value;
  if (model === undefined) return null;
  const set = without(fields.value, ['model']);
  return {
    ...{ kind: kind.value.kind, model: model.name },
    ...unitsOf(kind.value, model, set),
    ...set,
  } as JobRequestInput;
});
