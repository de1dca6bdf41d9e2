/** What may stand at a place of a command line: out of commander's own tree, the models that are installed and their units. */
import type { Command, Option } from 'commander';
import { WITHOUT_GENERATOR, type ModelSummary } from '../../src/protocol/index.js';
import { openRegistry } from './settings.js';

/** Options that take the name of a model, by what kinds of model fit. */
const MODEL_OPTIONS: Readonly<Record<string, readonly ModelSummary['kind'][]>> = {
  '--model': ['recogniser', 'classifier'],
  '--compare': ['recogniser'],
  '--judge': ['recogniser', 'classifier'],
  '--checkpoints': ['recogniser', 'classifier'],
  '--prior': ['prior'],
  '--priors': ['prior'],
};
const UNIT_OPTIONS = ['--unit', '--units'];

const models = (kinds: readonly ModelSummary['kind'][]): string[] =>
  openRegistry()
    .list()
    .filter(({ kind }) => kinds.includes(kind))
    .map(({ name }) => name);

/** The option that `word` is of a command or one above it. */
function optionNamed(command: Command | null, word: string): Option | undefined {
  if (command === null) return undefined;
  return (
    command.options.find((option) => [option.short, option.long].includes(word)) ?? optionNamed(command.parent, word)
  );
}

/** The labels of the model that the words name, or of the command's own. */
function labels(command: Command, words: readonly string[]): string[] {
  const at = words.lastIndexOf('--model');
  const usual = optionNamed(command, '--model')?.defaultValue as string | undefined;
  const name = at >= 0 ? words[at + 1] : (usual ?? 'figures-lrcn');
  return [
    ...(openRegistry()
      .list()
      .find((model) => model.name === name)?.labels ?? []),
  ];
}

/** Values of an option; none where a file or anything else may stand. */
function valuesOf(command: Command, option: Option, words: readonly string[]): string[] {
  if (option.argChoices) return [...option.argChoices];
  const long = option.long ?? '';
  const kinds = MODEL_OPTIONS[long];
  if (kinds) return [...models(kinds), ...(kinds.includes('prior') ? WITHOUT_GENERATOR : [])];
  return UNIT_OPTIONS.includes(long) ? labels(command, words) : [];
}

/** The command that the words lead to: the deepest one that they name. */
function commandFor(program: Command, words: readonly string[]): Command {
  let command = program;
  for (const word of words) command = command.commands.find((one) => one.name() === word) ?? command;
  return command;
}

function optionsOf(command: Command | null): string[] {
  if (command === null) return ['--help'];
  return [...command.options.map(({ long }) => long ?? ''), ...optionsOf(command.parent)].filter(Boolean);
}

/**
 * What may stand in the place of the last word.
 * @param program with the command that the words name defined
 * @param words those after the program's name; the last one is being typed and may be empty
 */
export function candidates(program: Command, words: readonly string[]): string[] {
  const [typed = '', before] = [words.at(-1), words.slice(0, -1)];
  const command = commandFor(program, before);
  const option = optionNamed(command, before.at(-1) ?? '');
  const all = (): string[] => {
    if (option && (option.required || option.optional)) return valuesOf(command, option, before);
    if (typed.startsWith('-')) return optionsOf(command);
    const named = command.name() === 'models' || command.name() === 'inspect';
    return [
      ...command.commands.map((one) => one.name()),
      ...(named ? models(['recogniser', 'classifier', 'prior']) : []),
    ];
  };
  return [...new Set(all())].filter((one) => one.startsWith(typed)).sort();
}

/** What a shell reads to complete the command line; each asks the program itself. */
export const SCRIPTS = {
  bash: `_neuroreel() {
  local line
  COMPREPLY=()
  while IFS= read -r line; do COMPREPLY+=("$(printf '%q' "$line")"); done \\
    < <(neuroreel completion words -- "\${COMP_WORDS[@]:1:COMP_CWORD}" 2>/dev/null)
}
complete -o default -F _neuroreel neuroreel
`,
  zsh: `#compdef neuroreel
_neuroreel() {
  local -a found
  found=("\${(@f)$(neuroreel completion words -- "\${(@)words[2,CURRENT]}" 2>/dev/null)}")
  if [[ -n "$found" ]]; then compadd -- $found; else _files; fi
}
if (( $+functions[compdef] )); then compdef _neuroreel neuroreel; fi
`,
  fish: `function __neuroreel_words
  set -l words (commandline -opc) (commandline -ct)
  neuroreel completion words -- $words[2..-1] 2>/dev/null
end
complete -c neuroreel -a '(__neuroreel_words)'
`,
} as const;
