/** Fields of forms with their labels. Values are texts, as the browser has them. */
import type { JSX } from 'preact';
import { Labelled } from './labelled.js';

interface FieldProps {
  readonly label: string;
  readonly value: string;
  readonly onValue: (value: string) => void;
  readonly id?: string;
  /** A line below the field that explains it. */
  readonly hint?: string;
}

interface SelectProps extends FieldProps {
  /** Values, with the texts that stand for them where these differ. */
  readonly options: readonly (string | readonly [value: string, text: string])[];
}

export function SelectField({ label, value, onValue, id, hint, options }: SelectProps): JSX.Element {
  return (
    <Labelled
      label={label}
      hint={hint}
      id={id}
      control={(ties) => (
        <select {...ties} value={value} onChange={({ currentTarget }) => onValue(currentTarget.value)}>
          {options.map((option) => {
            const [key, text] = typeof option === 'string' ? [option, option] : option;
            return (
              <option key={key} value={key}>
                {text}
              </option>
            );
          })}
        </select>
      )}
    />
  );
}

interface NumberProps extends FieldProps {
  readonly min?: number;
  readonly max?: number;
  readonly step?: number | 'any';
  readonly required?: boolean;
  readonly placeholder?: string;
}

export function NumberField({ label, onValue, hint, id, ...attributes }: NumberProps): JSX.Element {
  return (
    <Labelled
      label={label}
      hint={hint}
      id={id}
      control={(ties) => (
        <input
          {...ties}
          {...attributes}
          type="number"
          inputMode={attributes.step === 'any' ? 'decimal' : 'numeric'}
          onInput={({ currentTarget }) => onValue(currentTarget.value)}
        />
      )}
    />
  );
}
