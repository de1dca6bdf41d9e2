/** Where the page is: `#/section/part/part?key=value`. Links are plain links; nothing but the address is kept. */
import { computed, signal } from '@preact/signals';

export interface Route {
  /** Path of a section; empty for the first. */
  readonly section: string;
  /** What comes after it, decoded. */
  readonly parts: readonly string[];
  readonly query: URLSearchParams;
}

const address = signal(location.hash);

/** The address of a section, for links. */
export function linkTo(
  section: string,
  parts: readonly string[] = [],
  query: Readonly<Record<string, string>> = {},
): string {
  const path = [section, ...parts].map(encodeURIComponent).join('/');
  const text = new URLSearchParams(query).toString();
  return `#/${path}${text === '' ? '' : `?${text}`}`;
}

function decode(part: string): string {
  try {
    return decodeURIComponent(part);
  } catch {
    // A stray % typed by hand.
    return part;
  }
}

export function parseRoute(hash: string): Route {
  const [path = '', query = ''] = hash.replace(/^#\/?/, '').split('?', 2);
  const [section = '', ...parts] = path.split('/').map(decode);
  return { section, parts: parts.filter((part) => part !== ''), query: new URLSearchParams(query) };
}

/** The route now. */
export const route = computed(() => parseRoute(address.value));

/** Goes to an address of {@link linkTo}; `replace` leaves no trace in the history. */
export function go(hash: string, { replace = false } = {}): void {
  if (replace) history.replaceState(null, '', hash);
  else history.pushState(null, '', hash);
  address.value = hash;
}

/** Listens to the address bar; `?job=ID` of earlier versions still leads to the job. */
export function listenToAddress(): void {
  const update = (): void => void (address.value = location.hash);
  window.addEventListener('hashchange', update);
  window.addEventListener('popstate', update);
  const asked = new URLSearchParams(location.search).get('job');
  if (asked !== null && location.hash === '') go(`${location.pathname}${linkTo('watch', [asked])}`, { replace: true });
  update();
}
