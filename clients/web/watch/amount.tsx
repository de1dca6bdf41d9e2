import type { JSX } from 'preact';
import { Labelled } from '../shared/labelled.js';
import { NumberEntry } from '../start/entries.js';

const SCHEMA = { type: 'number', minimum: 0, maximum: 1e6 } as const;
/** What doubling something that is zero begins with. */
const FIRST = 0.1;

interface AmountProps {
  readonly label: string;
  /** As it is; undefined when that is not known. */
  readonly now: number | undefined;
  /** As it is to be; undefined to leave it. */
  readonly value: number | undefined;
  readonly onValue: (value: number | undefined) => void;
}

const rounded = (value: number): number => Number(value.toPrecision(4));

/** A number to be changed, by typing or by halving and doubling it. */
export function Amount({ label, now, value, onValue }: AmountProps): JSX.Element {
  const base = value ?? now ?? 0;
  return (
    <div class="amount">
      <Labelled
        label={label}
        control={(ties) => (
          <NumberEntry ties={ties} schema={SCHEMA} value={value} onValue={onValue} placeholder={now?.toString()} />
        )}
      />
      <button type="button" class="small" aria-label={`Halve ${label}`} onClick={() => onValue(rounded(base / 2))}>
        ½×
      </button>
      <button
        type="button"
        class="small"
        aria-label={`Double ${label}`}
        onClick={() => onValue(rounded(base === 0 ? FIRST : base * 2))}
      >
        2×
      </button>
    </div>
  );
}
