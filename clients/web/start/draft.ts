/** The request as it is being put together; kept while the page is open, one for each kind. */
import { computed, signal } from '@preact/signals';
import type { JobRequestInput } from '../../../src/protocol/jobs.js';
import type { ModelSummary } from '../../../src/protocol/http.js';
import { defaultUnit, firstOf, models } from '../shared/models.js';
import { KINDS, type Form, type Kind, type UnitModel } from './kinds.js';
import { schemas, type Fields, type Schema } from '../shared/schemas.js';

const kindName = signal(KINDS[0]!.kind);
const drafts = signal<Readonly<Record<string, Fields>>>({});

/** The kind that is chosen. */
export const kind = computed<Kind>(() => KINDS.find((one) => one.kind === kindName.value) ?? KINDS[0]!);

/** Fields that were set, without those that are as they come. */
export const fields = computed<Fields>(() => drafts.value[kind.value.kind] ?? kind.value.leading ?? {});

/** What the fields make of the form. */
export const form = computed<Form>(() => {
  const { form: formOf, models: taken } = kind.value;
  if (formOf === undefined || schemas.value === null) return { models: taken, usual: {} };
  return formOf(fields.value, schemas.value);
});

/** Whether a field means something. */
export const takes = (name: string): boolean => form.value.takes?.includes(name) ?? true;

/** Models that it can be made of. */
export const offered = computed<readonly ModelSummary[]>(() =>
  (models.value ?? []).filter((model) => (form.value.models as readonly string[]).includes(model.kind)),
);

export const chosenModel = computed<ModelSummary | undefined>(() => {
  const named = (name: unknown): ModelSummary | undefined => offered.value.find((model) => model.name === name);
  return named(fields.value['model']) ?? named(form.value.usual['model']) ?? firstOf(offered.value);
});

/** The schema of the request that has the fields. */
const schema = computed<Schema | undefined>(() => {
  const { kind: name, holds } = kind.value;
  const own = schemas.value?.jobs[name];
  const model = chosenModel.value;
  if (holds === undefined || model === undefined) return own;
  const held = holds.kinds[model.kind as UnitModel];
  return own?.properties?.[holds.field]?.oneOf?.find(({ properties }) => properties?.['kind']?.const === held);
});

/** Never an option: they have fields of their own. */
const OWN = ['kind', 'model', 'unit', 'units'];
/** What pictures have none of. */
const OF_VIDEOS = ['frames'];

/** The options that the request has, by name; null until the schemas are there. */
export const options = computed<Readonly<Record<string, Schema>> | null>(() => {
  const { properties } = schema.value ?? {};
  if (properties === undefined) return null;
  const still = chosenModel.value?.kind === 'classifier';
  const has = (name: string): boolean => !OWN.includes(name) && takes(name) && !(still && OF_VIDEOS.includes(name));
  return Object.fromEntries(Object.entries(properties).filter(([name]) => has(name)));
});

/** The schema of a list of units. */
export const unitsSchema = computed<Schema | undefined>(() => schema.value?.properties?.['units']);

export function chooseKind(name: Kind['kind']): void {
  kindName.value = name;
}

/** What a choice takes away: fields whose values are of what was chosen before. */
const OF_MODEL = ['unit', 'units', 'layer', 'layers', 'position', 'prior', 'priors'];
const TAKES_AWAY: Readonly<Record<string, readonly string[]>> = {
  model: OF_MODEL,
  figure: [...OF_MODEL, 'model', 'starts', 'frames', 'preset', 'settings'],
};

/** Sets a field; undefined takes it away. Another model has other units and layers, another figure other options. */
export function setField(name: string, value: unknown): void {
  const { [name]: _, ...rest } = fields.value;
  const kept = without(rest, TAKES_AWAY[name] ?? []);
  const next = value === undefined ? kept : { ...kept, [name]: value };
  drafts.value = { ...drafts.value, [kind.value.kind]: next };
}

const without = (all: Fields, names: readonly string[]): Fields =>
  Object.fromEntries(Object.entries(all).filter(([name]) => !names.includes(name)));

/** Puts the request of a job there, to be changed. */
export function fillFrom({ kind: name, ...request }: Fields & { readonly kind: string }): void {
  const found = KINDS.find((one) => one.kind === name);
  if (found === undefined) return;
  const { units, ...own } = request;
  const held = found.holds && without(own[found.holds.field] as Fields, ['kind']);
  const named = units === undefined || units === found.noUnits?.value ? {} : { units };
  kindName.value = found.kind;
  drafts.value = { ...drafts.value, [name]: { ...(held ?? own), ...named } };
}

/** How requests name a unit: by its label, where that is clear, else by its index. */
export function unitName({ labels }: ModelSummary, index: number): string | number {
  const label = labels[index];
  if (label === undefined || label.includes(',') || /^\d+$/.test(label)) return index;
  return labels.indexOf(label) === labels.lastIndexOf(label) ? label : index;
}

/** The units that stand in the request, or what stands for none. */
function unitsOf({ units, noUnits }: Kind, model: ModelSummary, set: Fields): Fields {
  if (units === undefined || !takes(units)) return {};
  if (set[units] !== undefined) return { [units]: set[units] };
  if (noUnits !== undefined) return noUnits.value === undefined ? {} : { [units]: noUnits.value };
  if (set['layer'] !== undefined) return {};
  const own = unitName(model, defaultUnit(model));
  return { [units]: units === 'unit' ? own : [own] };
}

/** What is sent. Null while there is no model for it. */
export const request = computed<JobRequestInput | null>(() => {
  const model = chosenModel.value;
  const known = options.value;
  const { kind: name, holds } = kind.value;
  const set = fields.value;
  if (model === undefined && takes('model')) return null;
  const units = model === undefined ? {} : unitsOf(kind.value, model, set);
  const { figure, ...own } = Object.fromEntries(
    Object.entries(without(set, ['model', ...Object.keys(units)])).filter(
      ([field]) => known === null || field in known,
    ),
  );
  const what = { ...(figure !== undefined && { figure }), ...(model && { model: model.name }) };
  const whole =
    holds === undefined
      ? { kind: name, ...what, ...units, ...own }
      : { kind: name, ...units, [holds.field]: { kind: holds.kinds[model!.kind as UnitModel], ...what, ...own } };
  return whole as JobRequestInput;
});
