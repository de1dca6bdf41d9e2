/** A control with its label above it, and below it a line that explains it. */
import type { ComponentChildren, JSX } from 'preact';
import { useId } from 'preact/hooks';
import { Marked } from './marked.js';

/** What ties the control to its label and its explanation. */
export interface Ties {
  readonly id: string;
  readonly 'aria-describedby': string | undefined;
}

interface LabelledProps {
  readonly label: string;
  /** Explains the control. */
  readonly hint?: string;
  readonly id?: string;
  /** The control, which takes the ties as attributes. */
  readonly control: (ties: Ties) => JSX.Element;
  /** More below it. */
  readonly children?: ComponentChildren;
}

export function Labelled({ label, hint, id: given, control, children }: LabelledProps): JSX.Element {
  const made = useId();
  const id = given ?? made;
  return (
    <div class="field">
      <label for={id}>{label}</label>
      {control({ id, 'aria-describedby': hint === undefined ? undefined : `${id}-hint` })}
      {children}
      {hint !== undefined && (
        <small id={`${id}-hint`}>
          <Marked text={hint} />
        </small>
      )}
    </div>
  );
}
