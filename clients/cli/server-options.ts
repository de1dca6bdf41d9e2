/** Which server a command works with, if with one, and what is left to the server then. */
import { Option, type Command } from 'commander';
import { NeuroreelError } from '../../src/protocol/index.js';
import { NeuroreelClient } from '../js/index.js';
import type { Environment } from './settings.js';

export interface ServerOptions {
  readonly server?: string;
  readonly token?: string;
}

/** Where a server is that was started without options. */
export const USUAL_SERVER = 'http://127.0.0.1:8160/';

/** Adds what names a server. */
export function serverOptions(command: Command, absent = 'without it the work is done here'): Command {
  return command
    .addOption(new Option('--server <url>', `let this server do the work (NEUROREEL_SERVER; ${absent})`))
    .addOption(new Option('--token <secret>', 'secret that the server asks for (NEUROREEL_TOKEN)'));
}

/** The address of the server to work with: the option, else NEUROREEL_SERVER; undefined where neither says. */
export function serverAddress({ server }: ServerOptions, env: Environment = process.env): string | undefined {
  return server ?? (env['NEUROREEL_SERVER'] || undefined);
}

/** @throws {NeuroreelError} REQUEST_INVALID when it is no address */
export function openClient(address: string, { token }: ServerOptions, env: Environment = process.env): NeuroreelClient {
  const secret = token ?? (env['NEUROREEL_TOKEN'] || undefined);
  try {
    return new NeuroreelClient({ url: address, ...(secret !== undefined && { token: secret }) });
  } catch (cause) {
    const message = `${JSON.stringify(address)} is no address of a server; expected one like ${USUAL_SERVER}`;
    throw new NeuroreelError('REQUEST_INVALID', `${message}.`, { cause });
  }
}

/**
 * Refuses options that only concern work that is done here.
 * @throws {NeuroreelError} REQUEST_INVALID
 */
export function refuseWithServer(options: object, names: readonly string[]): void {
  const given = names.filter((name) => (options as Record<string, unknown>)[name] !== undefined);
  if (given.length === 0) return;
  const written = given.map((name) => `--${name}`).join(', ');
  const message = `${written} cannot be used with a server, which has its own: leave it out.`;
  throw new NeuroreelError('REQUEST_INVALID', message);
}
