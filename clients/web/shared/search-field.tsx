/** A field to search with: what is typed counts when the typing pauses. */
import type { JSX } from 'preact';
import { useEffect, useRef, useState } from 'preact/hooks';

interface SearchFieldProps {
  readonly label: string;
  readonly value: string;
  readonly onValue: (value: string) => void;
  readonly placeholder?: string;
  /** Milliseconds without a key after which it counts. */
  readonly wait?: number;
}

export function SearchField({ label, value, onValue, placeholder, wait = 0 }: SearchFieldProps): JSX.Element {
  const [text, setText] = useState(value);
  const timer = useRef(0);
  useEffect(() => setText(value), [value]);
  useEffect(() => () => clearTimeout(timer.current), []);
  const typed = (now: string): void => {
    setText(now);
    clearTimeout(timer.current);
    if (wait === 0) onValue(now);
    else timer.current = window.setTimeout(() => onValue(now), wait);
  };
  return (
    <label>
      {label}
      <input
        type="search"
        value={text}
        placeholder={placeholder}
        onInput={({ currentTarget }) => typed(currentTarget.value)}
      />
    </label>
  );
}
