/** One GET of a file: redirects are followed, what comes is as it is stored there, silence ends it. */
import { get as getHttp, type IncomingMessage } from 'node:http';
import { get as getHttps } from 'node:https';
import { NeuroreelError } from '../../../src/protocol/index.js';

const MAX_REDIRECTS = 5;
/** Milliseconds without a byte after which a connection is given up. */
const SILENCE_MS = 60_000;
const REDIRECTS = [301, 302, 303, 307, 308];

const failed = (message: string, cause?: unknown): NeuroreelError =>
  new NeuroreelError('DOWNLOAD_FAILED', message, { cause });

/** An http address, or null. */
function parsed(text: string, base?: URL): URL | null {
  if (!URL.canParse(text, base)) return null;
  const url = new URL(text, base);
  return /^https?:$/.test(url.protocol) ? url : null;
}

/** @throws {NeuroreelError} REQUEST_INVALID for what is no http address */
export function webAddress(text: string): URL {
  const url = parsed(text);
  if (url) return url;
  throw new NeuroreelError('REQUEST_INVALID', `${text} is no address of the form http://.. or https://..`);
}

function once(url: URL, headers: Readonly<Record<string, string>>, signal?: AbortSignal): Promise<IncomingMessage> {
  return new Promise((resolve, reject) => {
    const get = url.protocol === 'https:' ? getHttps : getHttp;
    const options = { headers: { 'accept-encoding': 'identity', 'user-agent': 'neuroreel', ...headers }, signal };
    const request = get(url, { ...options, timeout: SILENCE_MS }, resolve);
    request.on('timeout', () => request.destroy(new Error('nothing came for a minute')));
    request.on('error', reject);
  });
}

/**
 * The answer to a GET, whatever its status; its body is still to be read.
 * @throws {NeuroreelError} DOWNLOAD_FAILED without an answer, or for redirects that lead nowhere or from https to http
 */
export async function request(
  address: string,
  headers: Readonly<Record<string, string>>,
  signal?: AbortSignal,
): Promise<IncomingMessage> {
  let url = webAddress(address);
  for (let hops = 0; hops <= MAX_REDIRECTS; hops++) {
    const response = await once(url, headers, signal).catch((cause: Error) => {
      if (signal?.aborted) throw signal.reason;
      throw failed(`${url.href} cannot be reached: ${cause.message || (cause as NodeJS.ErrnoException).code}.`, cause);
    });
    if (!REDIRECTS.includes(response.statusCode!)) return response;
    response.resume();
    const next = parsed(response.headers.location ?? '', url);
    if (!next || response.headers.location === undefined) throw failed(`${url.href} redirects to no address.`);
    if (url.protocol === 'https:' && next.protocol === 'http:') {
      throw failed(`${url.href} redirects to ${next.href}, which is not encrypted.`);
    }
    url = next;
  }
  throw failed(`${address} redirects more than ${MAX_REDIRECTS} times.`);
}
