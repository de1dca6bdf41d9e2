/** Chooses a unit by its label: a field that searches as one types (a combobox of WAI-ARIA). */
import { useSignal } from '@preact/signals';
import type { JSX } from 'preact';
import { useId, useRef } from 'preact/hooks';
import { sentenceCase } from '../shared/words.js';
import { findUnits, type Found } from '../shared/unit-search.js';

interface UnitPickerProps {
  readonly label: string;
  readonly labels: readonly string[];
  /** Index of the unit that is chosen, shown while nothing is typed; null for none. */
  readonly chosen: number | null;
  readonly onChoose: (index: number) => void;
  readonly hint?: string;
}

interface ListProps {
  readonly id: string;
  readonly found: readonly Found[];
  readonly all: number;
  readonly active: number;
  readonly choose: (unit: Found) => void;
}

function Options({ id, found, all, active, choose }: ListProps): JSX.Element {
  return (
    <div class="options">
      <ul id={id} role="listbox" aria-label="Units">
        {found.map((unit, place) => (
          // The field has the focus, and the keyboard is its business.
          <li
            key={unit.index}
            id={`${id}-${unit.index}`}
            role="option"
            aria-selected={place === active}
            onMouseDown={(event) => event.preventDefault()}
            onClick={() => choose(unit)}
          >
            <span>{sentenceCase(unit.label)}</span>
            <span class="number quiet">{unit.index}</span>
          </li>
        ))}
      </ul>
      {found.length === 0 && <p class="quiet">No unit is called so.</p>}
      {all > found.length && <p class="quiet">and {all - found.length} more: type to find them</p>}
    </div>
  );
}

export function UnitPicker({ label, labels, chosen, onChoose, hint }: UnitPickerProps): JSX.Element {
  const id = useId();
  const typed = useSignal<string | null>(null);
  const open = useSignal(false);
  const active = useSignal(0);
  const input = useRef<HTMLInputElement>(null);
  const { found, all } = findUnits(labels, typed.value ?? '');
  const name = chosen === null ? '' : sentenceCase(labels[chosen] ?? `unit ${chosen}`);
  const close = (): void => {
    open.value = false;
    typed.value = null;
  };
  const choose = (unit: Found): void => {
    onChoose(unit.index);
    close();
  };
  const show = (): void => {
    open.value = true;
    active.value = Math.max(
      0,
      found.findIndex(({ index }) => index === chosen),
    );
  };
  const move = (by: number): void => {
    if (!open.value) show();
    else active.value = Math.min(found.length - 1, Math.max(0, active.value + by));
    const unit = found[active.value];
    if (unit !== undefined) document.getElementById(`${id}-${unit.index}`)?.scrollIntoView({ block: 'nearest' });
  };
  const onKeyDown = (event: KeyboardEvent): void => {
    const unit = found[active.value];
    if (event.key === 'ArrowDown') move(1);
    else if (event.key === 'ArrowUp') move(-1);
    else if (event.key === 'Enter' && open.value && unit !== undefined) choose(unit);
    else if (event.key === 'Escape' && open.value) close();
    else return;
    event.preventDefault();
  };
  const current = open.value ? found[active.value] : undefined;
  return (
    <div class="unit-picker">
      <label for={`${id}-field`}>{label}</label>
      <input
        ref={input}
        id={`${id}-field`}
        type="text"
        role="combobox"
        autocomplete="off"
        spellcheck={false}
        aria-autocomplete="list"
        aria-expanded={open.value}
        aria-controls={id}
        aria-activedescendant={current === undefined ? undefined : `${id}-${current.index}`}
        value={typed.value ?? name}
        placeholder={`Search ${labels.length} units`}
        onFocus={({ currentTarget }) => currentTarget.select()}
        onClick={show}
        onBlur={close}
        onKeyDown={onKeyDown}
        onInput={({ currentTarget }) => {
          typed.value = currentTarget.value;
          open.value = true;
          active.value = 0;
        }}
      />
      {open.value && <Options id={id} found={found} all={all} active={active.value} choose={choose} />}
      {hint !== undefined && <small>{hint}</small>}
    </div>
  );
}
