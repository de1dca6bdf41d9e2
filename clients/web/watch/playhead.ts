/** Which frame is on show, wherever it is played, and how to go to another. */
import { signal, type Signal } from '@preact/signals';
import { useMemo } from 'preact/hooks';

export interface Playhead {
  /** Index of the frame. */
  readonly frame: Signal<number>;
  /** Set by whatever plays. */
  seek: (frame: number) => void;
}

export function usePlayhead(): Playhead {
  return useMemo(() => ({ frame: signal(0), seek: () => undefined }), []);
}
