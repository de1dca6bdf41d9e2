/** The units of a model by label: searched, and one chosen. */
import { useSignal } from '@preact/signals';
import type { JSX } from 'preact';
import { SearchField } from '../shared/search-field.js';
import { findUnits } from '../shared/unit-search.js';
import { sentenceCase } from '../shared/words.js';

interface UnitPickerProps {
  readonly labels: readonly string[];
  readonly unit: number;
  readonly onUnit: (unit: number) => void;
}

export function UnitPicker({ labels, unit, onUnit }: UnitPickerProps): JSX.Element {
  const text = useSignal('');
  const { found, all } = findUnits(labels, text.value);
  return (
    <section aria-labelledby="units-title">
      <h3 id="units-title">Units ({labels.length})</h3>
      <div class="form">
        <SearchField label="Search by label or index" value={text.value} onValue={(value) => (text.value = value)} />
      </div>
      {all === 0 && <p class="quiet">No unit has a label like that.</p>}
      <ul class="units" aria-label="Units">
        {found.map(({ index, label }) => (
          <li key={index}>
            <button type="button" class="unit" aria-pressed={index === unit} onClick={() => onUnit(index)}>
              <span class="number quiet">{index}</span> {sentenceCase(label)}
            </button>
          </li>
        ))}
      </ul>
      {all > found.length && <p class="quiet">{all - found.length} more: type a part of the label.</p>}
    </section>
  );
}
