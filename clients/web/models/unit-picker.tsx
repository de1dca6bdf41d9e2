/** The units of a model by label: searched, and one chosen. */
import { useSignal } from '@preact/signals';
import type { JSX } from 'preact';
import { SearchField } from '../shared/search-field.js';
import { sentenceCase } from '../shared/words.js';

/** Units that are listed at a time. */
const MOST_LISTED = 60;

interface UnitPickerProps {
  readonly labels: readonly string[];
  readonly unit: number;
  readonly onUnit: (unit: number) => void;
}

/** Indices of the labels that hold all words of the text, or the index that the text is. */
export function matches(labels: readonly string[], text: string): number[] {
  const words = text.toLowerCase().split(/\s+/).filter(Boolean);
  const plain = labels.map((label) => label.toLowerCase().replaceAll('_', ' '));
  return plain.flatMap((label, index) =>
    String(index) === text.trim() || words.every((word) => label.includes(word.replaceAll('_', ' '))) ? [index] : [],
  );
}

export function UnitPicker({ labels, unit, onUnit }: UnitPickerProps): JSX.Element {
  const text = useSignal('');
  const found = matches(labels, text.value);
  const listed = found.slice(0, MOST_LISTED);
  return (
    <section aria-labelledby="units-title">
      <h3 id="units-title">Units ({labels.length})</h3>
      <div class="form">
        <SearchField label="Search by label or index" value={text.value} onValue={(value) => (text.value = value)} />
      </div>
      {found.length === 0 && <p class="quiet">No unit has a label like that.</p>}
      <ul class="units" aria-label="Units">
        {listed.map((index) => (
          <li key={index}>
            <button type="button" class="unit" aria-pressed={index === unit} onClick={() => onUnit(index)}>
              <span class="number quiet">{index}</span> {sentenceCase(labels[index]!)}
            </button>
          </li>
        ))}
      </ul>
      {found.length > MOST_LISTED && <p class="quiet">{found.length - MOST_LISTED} more: type a part of the label.</p>}
    </section>
  );
}
