/** What a form does when it is sent: once at a time, with what went wrong below it. */
import { useSignal } from '@preact/signals';
import type { JSX } from 'preact';
import { failureOf, reportFailure } from './trouble.js';

export interface Submit {
  readonly busy: boolean;
  /** What was caught; null for nothing. */
  readonly error: unknown;
  readonly onSubmit: (event: Event) => void;
}

/** @param send what is to be done; what it throws is shown */
export function useSubmit(send: () => Promise<void>): Submit {
  const busy = useSignal(false);
  const error = useSignal<unknown>(null);
  const onSubmit = (event: Event): void => {
    event.preventDefault();
    if (busy.value) return;
    busy.value = true;
    error.value = null;
    send()
      .catch((failure: unknown) => {
        error.value = failure;
        reportFailure(failure, { shownInPlace: true });
      })
      .finally(() => (busy.value = false));
  };
  return { busy: busy.value, error: error.value, onSubmit };
}

interface FormErrorProps {
  readonly error: unknown;
  readonly id?: string;
}

/** What is wrong with what was entered. */
export function FormError({ error, id }: FormErrorProps): JSX.Element {
  const failure = error === null ? null : failureOf(error);
  return (
    <p id={id} class="field-error" role="alert">
      {failure !== null && `${failure.message} ${failure.remedy}`}
    </p>
  );
}
