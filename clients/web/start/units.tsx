/** Which unit or units: by label, or of a hidden layer by index. */
import type { JSX } from 'preact';
import type { ModelSummary } from '../../../src/protocol/http.js';
import { Labelled } from '../shared/labelled.js';
import { defaultUnit } from '../shared/models.js';
import { sentenceCase } from '../shared/words.js';
import { fields, form, kind, setField, takes, unitName, unitsSchema } from './draft.js';
import { NumberEntry } from './entries.js';
import { SchemaField } from './schema-field.js';
import type { Schema } from '../shared/schemas.js';
import { UnitPicker } from './unit-picker.js';

const INDEX: Schema = { type: 'integer', minimum: 0, maximum: 1_000_000 };

type Unit = string | number;

function indexOf({ labels }: ModelSummary, unit: Unit): number {
  return typeof unit === 'number' ? unit : Math.max(0, labels.indexOf(unit));
}

function OneUnit({ model }: { readonly model: ModelSummary }): JSX.Element {
  const unit = fields.value['unit'] as Unit | undefined;
  return (
    <UnitPicker
      label="Unit"
      labels={model.labels}
      chosen={unit === undefined ? defaultUnit(model) : indexOf(model, unit)}
      onChoose={(index) => setField('unit', unitName(model, index))}
    />
  );
}

/** A list of units, each of which can be taken out; in a figure of pairs one may stand more than once. */
function SeveralUnits({ model }: { readonly model: ModelSummary }): JSX.Element {
  const set = fields.value['units'] as readonly Unit[] | undefined;
  const { noUnits, kind: name } = kind.value;
  const usual = noUnits === undefined ? [unitName(model, defaultUnit(model))] : usualUnits(model);
  const units = set ?? usual;
  const change = (next: readonly Unit[]): void => setField('units', next.length === 0 ? undefined : next);
  const add = (unit: Unit): void => {
    if (name === 'figure' || !set?.includes(unit)) change([...(set ?? []), unit]);
  };
  return (
    <div class="field">
      <ul class="chips" aria-label="Chosen units">
        {units.length === 0 && <li class="none">{noUnits?.words}</li>}
        {units.map((unit, place) => {
          const text = sentenceCase(typeof unit === 'number' ? (model.labels[unit] ?? `unit ${unit}`) : unit);
          return (
            <li key={`${place} ${unit}`}>
              {text}
              {set !== undefined && (
                <button
                  type="button"
                  class="plain"
                  aria-label={`Leave ${text} out`}
                  onClick={() => change(units.filter((_, other) => other !== place))}
                >
                  ×
                </button>
              )}
            </li>
          );
        })}
      </ul>
      <UnitPicker
        label={noUnits === undefined || set !== undefined ? 'Add a unit' : 'Choose units'}
        labels={model.labels}
        chosen={null}
        onChoose={(index) => add(unitName(model, index))}
      />
    </div>
  );
}

/** Units that a figure has of its own, of its own model. */
function usualUnits({ name }: ModelSummary): readonly Unit[] {
  const { model, units } = form.value.usual;
  return model === name ? ((units as readonly Unit[] | undefined) ?? []) : [];
}

/** Units of a hidden layer have no labels. */
function LayerUnit({ several }: { readonly several: boolean }): JSX.Element {
  const name = several ? 'units' : 'unit';
  const value = fields.value[name];
  const index = several ? (value as readonly Unit[] | undefined)?.[0] : value;
  return (
    <Labelled
      label="Unit of the layer, by index"
      control={(ties) => (
        <NumberEntry
          ties={ties}
          schema={INDEX}
          value={index}
          onValue={(next) => setField(name, next === undefined || !several ? next : [next])}
        />
      )}
    />
  );
}

/** Units of several layers, by index. */
function UnitsOfLayers(): JSX.Element | null {
  if (unitsSchema.value === undefined) return null;
  const schema = { ...unitsSchema.value, description: 'Units of each layer, by index; spread over all when absent.' };
  return (
    <SchemaField
      name="units"
      schema={schema}
      value={fields.value['units']}
      onValue={(value) => setField('units', value)}
    />
  );
}

export function Units({ model }: { readonly model: ModelSummary }): JSX.Element | null {
  const { units } = kind.value;
  if (units === undefined || !takes(units)) return null;
  if (form.value.takes?.includes('layers')) return <UnitsOfLayers />;
  const layer = fields.value['layer'];
  if (layer !== undefined && layer !== 'logits') return <LayerUnit several={units === 'units'} />;
  return units === 'unit' ? <OneUnit model={model} /> : <SeveralUnits model={model} />;
}
