import { useSignal } from '@preact/signals';
import type { JSX } from 'preact';

const SHOWN_MS = 2000;

/** Copies where the clipboard may not be used: pages of plain HTTP from other machines. */
function copyBySelection(text: string): boolean {
  const field = Object.assign(document.createElement('textarea'), { value: text, className: 'visually-hidden' });
  document.body.append(field);
  field.select();
  // Deprecated, and still the only way there.
  const done = document.execCommand('copy');
  field.remove();
  return done;
}

async function copy(text: string): Promise<boolean> {
  try {
    await navigator.clipboard.writeText(text);
    return true;
  } catch {
    return copyBySelection(text);
  }
}

interface CopyButtonProps {
  readonly text: string;
  /** What is copied, for the button's name. */
  readonly what: string;
}

/** Copies a text, and says so. */
export function CopyButton({ text, what }: CopyButtonProps): JSX.Element {
  const said = useSignal('');
  const onClick = async (): Promise<void> => {
    said.value = (await copy(text)) ? 'Copied' : 'Could not be copied: select the text';
    setTimeout(() => (said.value = ''), SHOWN_MS);
  };
  return (
    <p class="copy">
      <button type="button" aria-label={`Copy: ${what}`} onClick={onClick}>
        Copy
      </button>
      <span role="status" class="quiet">
        {said.value}
      </span>
    </p>
  );
}
