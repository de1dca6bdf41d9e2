/** What is typed, and becomes a value: numbers, texts, files, JSON. What cannot be understood is said at once. */
import type { JSX } from 'preact';
import { useState } from 'preact/hooks';
import type { SchemaFieldProps } from './schema-field.js';
import { words } from './schema-field.js';
import { Labelled, type Ties } from '../shared/labelled.js';
import type { Schema } from '../shared/schemas.js';

const BASE64_SHARE = 4 / 3;

/** A text that is kept as it was typed as long as it stands for the value. */
function useTyped<T>(
  value: T,
  textOf: (value: T) => string,
  valueOf: (text: string) => T,
): [string, (text: string) => T] {
  const [typed, setTyped] = useState(() => textOf(value));
  const same = JSON.stringify(valueOf(typed)) === JSON.stringify(value);
  const type = (text: string): T => {
    setTyped(text);
    return valueOf(text);
  };
  return [same ? typed : textOf(value), type];
}

interface NumberEntryProps {
  readonly schema: Schema;
  readonly value: unknown;
  readonly onValue: (value: number | undefined) => void;
  readonly placeholder?: string;
  readonly ties?: Ties;
  /** Where it has no label of its own. */
  readonly label?: string;
}

export function NumberEntry({ schema, value, onValue, placeholder, ties, label }: NumberEntryProps): JSX.Element {
  const whole = schema.type === 'integer';
  const number = typeof value === 'number' ? value : undefined;
  const [text, type] = useTyped<number | undefined>(
    number,
    (of) => (of === undefined ? '' : String(of)),
    (typed) => (typed.trim() === '' || Number.isNaN(Number(typed)) ? undefined : Number(typed)),
  );
  return (
    <input
      {...ties}
      type="number"
      inputMode={whole ? 'numeric' : 'decimal'}
      step={whole ? 1 : 'any'}
      min={schema.minimum ?? schema.exclusiveMinimum}
      max={schema.maximum ?? schema.exclusiveMaximum}
      value={text}
      placeholder={placeholder}
      aria-label={label}
      onInput={({ currentTarget }) => onValue(type(currentTarget.value))}
    />
  );
}

interface TextEntryProps {
  readonly text: string;
  readonly onText: (text: string) => void;
  readonly ties: Ties;
  readonly placeholder?: string;
}

/** A text; taken as it is left, so that a list may be typed with its commas. */
export function TextEntry({ text, onText, ties, placeholder }: TextEntryProps): JSX.Element {
  return (
    <input
      {...ties}
      type="text"
      autocomplete="off"
      spellcheck={false}
      value={text}
      placeholder={placeholder}
      onChange={({ currentTarget }) => onText(currentTarget.value.trim())}
    />
  );
}

/** A file's bytes in base64. */
function inBase64(file: File): Promise<string> {
  return new Promise((resolve, reject) => {
    const reader = new FileReader();
    reader.addEventListener('load', () => resolve((reader.result as string).replace(/^[^,]*,/, '')));
    reader.addEventListener('error', () => reject(new Error(`${file.name} cannot be read.`)));
    reader.readAsDataURL(file);
  });
}

export function FileField({ name, schema, value, onValue }: SchemaFieldProps): JSX.Element {
  const [problem, setProblem] = useState('');
  const take = async (file: File | undefined): Promise<void> => {
    setProblem('');
    if (file === undefined) {
      onValue(undefined);
      return;
    }
    const most = Math.floor((schema.maxLength ?? Infinity) / BASE64_SHARE);
    if (file.size > most) {
      setProblem(`${file.name} has ${file.size} bytes; at most ${most} can be sent.`);
      return;
    }
    await inBase64(file).then(onValue, (error: Error) => setProblem(error.message));
  };
  return (
    <Labelled
      label={words(name)}
      hint={schema.description}
      control={(ties) => (
        <input
          {...ties}
          type="file"
          accept="image/png,image/jpeg,image/webp"
          onChange={({ currentTarget }) => take(currentTarget.files?.[0])}
        />
      )}
    >
      {typeof value === 'string' && (
        <small>{Math.round(value.length / BASE64_SHARE / 1000)} kB are in the request.</small>
      )}
      <span class="field-error" role="alert">
        {problem}
      </span>
    </Labelled>
  );
}

/** What no other field is made for, as JSON. */
export function JsonField({ name, schema, value, onValue }: SchemaFieldProps): JSX.Element {
  const [problem, setProblem] = useState('');
  const take = (text: string): void => {
    setProblem('');
    if (text.trim() === '') {
      onValue(undefined);
      return;
    }
    try {
      onValue(JSON.parse(text));
    } catch (error) {
      setProblem(`This is no JSON: ${(error as Error).message}`);
    }
  };
  return (
    <Labelled
      label={`${words(name)} (JSON)`}
      hint={schema.description}
      control={(ties) => (
        <textarea
          {...ties}
          rows={3}
          spellcheck={false}
          value={value === undefined ? '' : JSON.stringify(value)}
          onChange={({ currentTarget }) => take(currentTarget.value)}
        />
      )}
    >
      <span class="field-error" role="alert">
        {problem}
      </span>
    </Labelled>
  );
}
