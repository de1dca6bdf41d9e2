/** An error or a hint in a box: what is wrong, and what to do. */
import type { ComponentChildren, JSX } from 'preact';
import type { Failure } from './trouble.js';

interface NoticeProps {
  readonly error: Failure;
  readonly id?: string;
  readonly children?: ComponentChildren;
}

export function Notice({ error, id, children }: NoticeProps): JSX.Element {
  return (
    <div id={id} class="notice error" role="alert">
      <div>
        <p>{error.message}</p>
        <p class="quiet">{error.remedy}</p>
      </div>
      {children}
    </div>
  );
}

interface EmptyProps {
  readonly children: ComponentChildren;
}

/** Room where nothing is yet: says what to do. */
export function Empty({ children }: EmptyProps): JSX.Element {
  return (
    <div class="empty">
      <img src="./icon.svg" alt="" width="56" height="56" />
      {children}
    </div>
  );
}
