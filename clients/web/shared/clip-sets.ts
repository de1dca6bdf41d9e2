/** The sets of clips of the server. */
import { useSignal } from '@preact/signals';
import { useEffect } from 'preact/hooks';
import { call } from './api.js';
import { models } from './models.js';
import { reportFailure } from './trouble.js';

/** Names of the sets; asked for once the models are there, which is when a token was given. */
export function useClipSets(): readonly string[] {
  const sets = useSignal<readonly string[]>([]);
  const loaded = models.value !== null;
  useEffect(() => {
    if (!loaded) return;
    call<{ clips: string[] }>('GET', 'v1/clips').then(({ clips }) => (sets.value = clips), reportFailure);
  }, [loaded]);
  return sets.value;
}
