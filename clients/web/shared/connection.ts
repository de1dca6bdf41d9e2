/** Whether the server is there, as the header of the page says: by the stream, and by requests while nothing is watched. */
import { computed, effect, signal } from '@preact/signals';
import type { ConnectionState } from '../../js/types.js';
import { client } from './api.js';

const stream = signal<ConnectionState>('idle');
/** Whether the last request was answered; null before the first. */
const answered = signal<boolean | null>(null);

export const connectionState = computed<'connecting' | 'live' | 'lost'>(() => {
  if (stream.value !== 'idle') return stream.value;
  if (answered.value === null) return 'connecting';
  return answered.value ? 'live' : 'lost';
});

/** To be told of every request that is made again and again. */
export function tellReachable(reachable: boolean): void {
  // A server that answers again is to be connected to at once.
  if (reachable && stream.value === 'lost') client.value.reconnectNow();
  answered.value = reachable;
}

/** Follows the connection of the stream. */
export function followConnection(): void {
  effect(() => {
    const current = client.value;
    stream.value = current.connection.state;
    const stop = current.onConnection(({ state }) => (stream.value = state));
    return () => {
      stop();
      current.close();
    };
  });
}
