/**
 * Where webhooks may go. A name is looked up by the connection itself, and the address that it is about to connect to is
 * what is judged: a name that points elsewhere the second time does not get past.
 */
import { lookup as lookUp, type LookupAddress } from 'node:dns';
import { request as httpRequest } from 'node:http';
import { request as httpsRequest } from 'node:https';
import { BlockList, isIP, type LookupFunction } from 'node:net';
import { NeuroreelError } from '../protocol/index.js';

/** Networks that are not the public internet (IANA's registries of special-purpose addresses). */
const PRIVATE: readonly (readonly [string, number, 'ipv4' | 'ipv6'])[] = [
  ['0.0.0.0', 8, 'ipv4'],
  ['10.0.0.0', 8, 'ipv4'],
  ['100.64.0.0', 10, 'ipv4'],
  ['127.0.0.0', 8, 'ipv4'],
  ['169.254.0.0', 16, 'ipv4'],
  ['172.16.0.0', 12, 'ipv4'],
  ['192.0.0.0', 24, 'ipv4'],
  ['192.0.2.0', 24, 'ipv4'],
  ['192.88.99.0', 24, 'ipv4'],
  ['192.168.0.0', 16, 'ipv4'],
  ['198.18.0.0', 15, 'ipv4'],
  ['198.51.100.0', 24, 'ipv4'],
  ['203.0.113.0', 24, 'ipv4'],
  ['224.0.0.0', 3, 'ipv4'],
  ['::', 127, 'ipv6'],
  ['64:ff9b::', 96, 'ipv6'],
  ['64:ff9b:1::', 48, 'ipv6'],
  ['100::', 64, 'ipv6'],
  ['2001::', 23, 'ipv6'],
  ['2001:db8::', 32, 'ipv6'],
  ['2002::', 16, 'ipv6'],
  ['fc00::', 7, 'ipv6'],
  ['fe80::', 10, 'ipv6'],
  ['fec0::', 10, 'ipv6'],
  ['ff00::', 8, 'ipv6'],
];

const blocked = new BlockList();
for (const [net, prefix, family] of PRIVATE) blocked.addSubnet(net, prefix, family);

/** Whether an address is of this machine or of a private or reserved network; IPv4 in IPv6 is judged as IPv4. */
export function isPrivateAddress(address: string): boolean {
  const mapped = /^::ffff:(\d+\.\d+\.\d+\.\d+)$/i.exec(address)?.[1];
  if (mapped !== undefined) return isPrivateAddress(mapped);
  const family = isIP(address);
  if (family === 0) return true;
  return blocked.check(address, family === 4 ? 'ipv4' : 'ipv6');
}

function refused(host: string): NeuroreelError {
  return new NeuroreelError('WEBHOOK_REFUSED', `The webhook host ${host} is of this machine or a private network.`);
}

/** A lookup that gives public addresses only. */
const publicLookup: LookupFunction = (host, options, callback) => {
  lookUp(host, { ...options, all: true }, (error, addresses: LookupAddress[]) => {
    if (error !== null) {
      callback(error, '', 0);
      return;
    }
    const fit = addresses.filter(({ address }) => !isPrivateAddress(address));
    if (fit.length === 0) callback(refused(host), '', 0);
    else if (options.all) callback(null, fit);
    else callback(null, fit[0]!.address, fit[0]!.family);
  });
};

/** The host of a URL as an address or name: without the brackets of IPv6. */
const hostOf = (url: URL): string => url.hostname.replace(/^\[|\]$/g, '');

/**
 * Checks on submission what can be known then. A name that cannot be looked up now may be so later.
 * @throws {NeuroreelError} WEBHOOK_REFUSED
 */
export async function checkTarget(address: string, allowPrivate: boolean): Promise<void> {
  if (allowPrivate) return;
  const host = hostOf(new URL(address));
  if (isIP(host) !== 0) {
    if (isPrivateAddress(host)) throw refused(host);
    return;
  }
  await new Promise<void>((resolve, reject) => {
    publicLookup(host, { all: true }, (error) => {
      if (error instanceof NeuroreelError) reject(error);
      else resolve();
    });
  });
}

export interface Post {
  readonly url: string;
  readonly body: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly allowPrivate: boolean;
  readonly timeoutMs: number;
  readonly signal: AbortSignal;
}

/**
 * Posts a body and gives the status of the answer; redirects are not followed.
 * @throws {NeuroreelError} WEBHOOK_REFUSED; and what the connection throws
 */
export function post({ url, body, headers, allowPrivate, timeoutMs, signal }: Post): Promise<number> {
  const target = new URL(url);
  const host = hostOf(target);
  if (!allowPrivate && isIP(host) !== 0 && isPrivateAddress(host)) return Promise.reject(refused(host));
  const request = target.protocol === 'https:' ? httpsRequest : httpRequest;
  return new Promise((resolve, reject) => {
    const sent = request(target, {
      method: 'POST',
      headers: { ...headers, 'Content-Length': Buffer.byteLength(body) },
      // One connection a delivery: a kept one would not be judged again.
      agent: false,
      timeout: timeoutMs,
      signal,
      ...(!allowPrivate && { lookup: publicLookup }),
    });
    sent.on('response', (response) => {
      resolve(response.statusCode ?? 0);
      // What it says does not matter, and may be endless.
      response.destroy();
    });
    sent.on('timeout', () => sent.destroy(new Error(`no answer within ${timeoutMs / 1000} seconds`)));
    sent.on('error', reject);
    sent.end(body);
  });
}
