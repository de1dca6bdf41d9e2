/** `neuroreel completion SHELL`: what makes a shell complete the command line. */
import { Argument, type Command } from 'commander';
import { action } from '../command.js';
import { candidates, SCRIPTS } from '../completion.js';
import { programFor } from '../main.js';
import { examples, type GlobalOptions } from '../options.js';
import type { Output } from '../output.js';

export function define(command: Command): void {
  command
    .addArgument(
      new Argument('<shell>', 'the shell; `words` is what they ask').choices([...Object.keys(SCRIPTS), 'words']),
    )
    .argument('[words...]', 'of a command line that is being typed; the last one may be empty')
    .action(action(completion));
  examples(command, [
    ['in bash, for this session; in ~/.bashrc for all', 'source <(neuroreel completion bash)'],
    ['in zsh', 'neuroreel completion zsh > "${fpath[1]}/_neuroreel"'],
    ['in fish', 'neuroreel completion fish > ~/.config/fish/completions/neuroreel.fish'],
  ]);
}

async function completion(out: Output, _: GlobalOptions, shell?: string, ...rest: unknown[]): Promise<void> {
  if (shell !== undefined && shell in SCRIPTS) {
    const script = SCRIPTS[shell as keyof typeof SCRIPTS];
    out.result({ shell, script }, script);
    return;
  }
  const words = rest.flat() as string[];
  const found = candidates(await programFor(words), words);
  if (out.json) out.result({ words: found }, '');
  else for (const word of found) out.say(word);
}
