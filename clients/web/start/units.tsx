/** Which unit or units: by label, or of a hidden layer by index. */
import type { JSX } from 'preact';
import type { ModelSummary } from '../../../src/protocol/http.js';
import { Labelled } from '../shared/labelled.js';
import { defaultUnit } from '../shared/models.js';
import { sentenceCase } from '../shared/words.js';
import { fields, kind, setField, unitName } from './draft.js';
import { NumberEntry } from './entries.js';
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

/** A list of units, each of which can be taken out. */
function SeveralUnits({ model }: { readonly model: ModelSummary }): JSX.Element {
  const set = fields.value['units'] as readonly Unit[] | undefined;
  const units = set ?? [unitName(model, defaultUnit(model))];
  const change = (next: readonly Unit[]): void => setField('units', next.length === 0 ? undefined : next);
  return (
    <div class="field">
      <ul class="chips" aria-label="Chosen units">
        {units.map((unit) => {
          const name = sentenceCase(typeof unit === 'number' ? (model.labels[unit] ?? `unit ${unit}`) : unit);
          return (
            <li key={unit}>
              {name}
              {set !== undefined && (
                <button
                  type="button"
                  class="plain"
                  aria-label={`Leave ${name} out`}
                  onClick={() => change(units.filter((other) => other !== unit))}
                >
                  ×
                </button>
              )}
            </li>
          );
        })}
      </ul>
      <UnitPicker
        label="Add a unit"
        labels={model.labels}
        chosen={null}
        onChoose={(index) => {
          const unit = unitName(model, index);
          change(set === undefined ? [unit] : [...new Set([...set, unit])]);
        }}
      />
    </div>
  );
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

export function Units({ model }: { readonly model: ModelSummary }): JSX.Element | null {
  const { units } = kind.value;
  if (units === undefined) return null;
  const layer = fields.value['layer'];
  if (layer !== undefined && layer !== 'logits') return <LayerUnit several={units === 'units'} />;
  return units === 'unit' ? <OneUnit model={model} /> : <SeveralUnits model={model} />;
}
