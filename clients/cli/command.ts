/** What a command is: a line for the overview, and a module that is loaded only when the command is used. */
import type { Command } from 'commander';
import type { GlobalOptions } from './options.js';
import { Output } from './output.js';

export interface CommandModule {
  /** Adds arguments, options, examples and the action. */
  define(command: Command): void;
}

export interface CommandEntry {
  readonly name: string;
  readonly summary: string;
  load(): Promise<CommandModule>;
}

/**
 * An action for commander, which calls it with the arguments, the options and the command.
 * @param run gets the output, the options (the global ones among them), and the arguments
 */
export function action<O extends GlobalOptions>(
  run: (out: Output, options: O, ...operands: (string | undefined)[]) => Promise<void>,
): (...given: unknown[]) => Promise<void> {
  return async (...given) => {
    const command = given.at(-1) as Command;
    const options = command.optsWithGlobals<O>();
    const out = new Output(options);
    try {
      await run(out, options, ...(given.slice(0, -2) as (string | undefined)[]));
    } finally {
      out.endProgress();
    }
  };
}
