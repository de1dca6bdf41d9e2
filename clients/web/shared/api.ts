/** The server: the client of the SDK, and calls that it has no words for. With the token if the server needs one. */
import { computed, signal } from '@preact/signals';
import { Http } from '../../js/http.js';
import { NeuroreelClient } from '../../js/index.js';

const TOKEN_KEY = 'neuroreel-token';

const secret = signal(sessionStorage.getItem(TOKEN_KEY));

/** The token, kept until the tab is closed. */
export const token = {
  get: (): string | null => secret.value,
  set: (value: string): void => {
    sessionStorage.setItem(TOKEN_KEY, value);
    secret.value = value;
  },
};

const options = computed(() => (secret.value === null ? {} : { token: secret.value }));

/** Another one when there is another token. A page waits for its server also at the first connection. */
export const client = computed(() => new NeuroreelClient({ ...options.value, reconnect: { first: true } }));

const http = computed(() => new Http(options.value));

/** @throws {ClientError} */
export function send(method: string, path: string, body?: unknown): Promise<Response> {
  return http.value.call(method, path, { body });
}

/** Sends JSON, gives JSON. @throws {ClientError} */
export function call<T>(method: string, path: string, body?: unknown): Promise<T> {
  return http.value.json<T>(method, path, { body });
}
