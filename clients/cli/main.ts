/** The command line: finds the command, runs it, and turns what goes wrong into an error on paper and an exit code. */
import { Command } from 'commander';
import { packageVersion } from '../../src/jobs/package-root.js';
import { NeuroreelError } from '../../src/protocol/index.js';
import type { CommandEntry } from './command.js';
import { cataloguedError, isHelp } from './errors.js';
import { EXIT, EXIT_CODES, EXIT_MEANINGS } from './exit-codes.js';
import { Output } from './output.js';

/** Every command. To add one, add its file to `commands/` and an entry here. */
export const COMMANDS: readonly CommandEntry[] = [
  { name: 'serve', summary: 'run the server with its live page', load: () => import('./commands/serve.js') },
  {
    name: 'models',
    summary: 'list the models, show, inspect, import or pull one',
    load: () => import('./commands/models.js'),
  },
  { name: 'video', summary: 'make a preferred video for a unit of a model', load: () => import('./commands/video.js') },
  {
    name: 'image',
    summary: 'make preferred images for units of a classifier',
    load: () => import('./commands/image.js'),
  },
  {
    name: 'figure',
    summary: 'make a figure of the kinds that the paper has',
    load: () => import('./commands/figure.js'),
  },
  {
    name: 'batch',
    summary: 'make preferred pictures or videos for all units of a model',
    load: () => import('./commands/batch.js'),
  },
  {
    name: 'audit',
    summary: 'find out whether a model uses time, with a report',
    load: () => import('./commands/audit.js'),
  },
  { name: 'probe', summary: 'a quick audit, on the terminal', load: () => import('./commands/probe.js') },
  {
    name: 'evaluate',
    summary: "measure how good a model's preferred pictures or videos are",
    load: () => import('./commands/evaluate.js'),
  },
  {
    name: 'jobs',
    summary: 'list the jobs of a server, show, cancel, retry, delete them',
    load: () => import('./commands/jobs.js'),
  },
  {
    name: 'watch',
    summary: 'follow a job of a server, with its frames',
    load: () => import('./commands/watch.js'),
  },
  { name: 'train', summary: 'train a model from its recipe', load: () => import('./commands/train.js') },
  {
    name: 'demo',
    summary: 'show it all: a preferred video, live, and a probe',
    load: () => import('./commands/demo.js'),
  },
  {
    name: 'bench',
    summary: 'measure how fast this machine is',
    load: () => import('./commands/bench.js'),
  },
  {
    name: 'completion',
    summary: 'make bash, zsh or fish complete the command line',
    load: () => import('./commands/completion.js'),
  },
  {
    name: 'doctor',
    summary: 'find out what this machine has, and what it lacks',
    load: () => import('./commands/doctor.js'),
  },
];

const ENVIRONMENT = `
Environment:
  NEUROREEL_MODELS   more folders of model packages, with the system's path separator between them
  NEUROREEL_DATA     data folder of the server
  NEUROREEL_RUNTIME  what computes, as --runtime
  NEUROREEL_DEVICE   where it computes, as --device
  NEUROREEL_SERVER   address of the server to work with, as --server
  NEUROREEL_TOKEN    token of the server
  FFMPEG_PATH        the ffmpeg to use`;

function exitCodesHelp(): string {
  const lines = Object.entries(EXIT_MEANINGS).map(([code, meaning]) => `  ${code.padEnd(4)} ${meaning}`);
  return `\nExit codes:\n${lines.join('\n')}`;
}

/** The name of the command that the arguments are for: `train`, also in `help train`. */
function commandNamed(argv: readonly string[]): string | undefined {
  const [first, second] = argv.filter((argument) => !argument.startsWith('-'));
  return first === 'help' ? second : first;
}

/** The program with the command that the arguments are for; the others have only their names. */
export async function programFor(argv: readonly string[]): Promise<Command> {
  const program = new Command('neuroreel')
    .description('Shows what a unit of a trained network wants to see, and audits whether a recogniser uses time.')
    .version(packageVersion, '-V, --version', 'print the version')
    .option('--json', 'the result as one JSON document on standard output, and nothing else there')
    .option('-q, --quiet', 'neither progress nor notes')
    .helpOption('-h, --help', 'print this help')
    .addHelpText(
      'after',
      `${ENVIRONMENT}\n${exitCodesHelp()}\n\nneuroreel COMMAND --help has examples of each command.`,
    )
    .configureHelp({ showGlobalOptions: true })
    .configureOutput({ writeErr: () => undefined })
    .exitOverride();
  for (const entry of COMMANDS) {
    const { name, summary } = entry;
    const command = program.command(name).description(summary).helpOption('-h, --help', 'print this help');
    if (commandNamed(argv) === name) (await entry.load()).define(command);
  }
  return program;
}

/** A reader that has enough (`neuroreel models | head -1`) is no error. */
function endWhenNobodyReads(): void {
  process.stdout.on('error', (error: NodeJS.ErrnoException) => {
    if (error.code === 'EPIPE') process.exit(EXIT.ok);
    throw error;
  });
}

/**
 * Runs a command line and sets the process's exit code.
 * @param argv the arguments after the program's name
 */
export async function main(argv: readonly string[]): Promise<void> {
  endWhenNobodyReads();
  try {
    const program = await programFor(argv);
    if (
      commandNamed(argv) === undefined &&
      !argv.some((a) => ['-h', '--help', '-V', '--version', 'help'].includes(a))
    ) {
      if (!argv.includes('--json')) process.stderr.write(`${program.helpInformation()}\n`);
      throw new NeuroreelError('REQUEST_INVALID', 'No command was given.');
    }
    await program.parseAsync([...argv], { from: 'user' });
  } catch (error) {
    if (isHelp(error)) return;
    const known = cataloguedError(error);
    new Output({ json: argv.includes('--json') }).error(known);
    if (known.code === 'INTERNAL' && known.cause instanceof Error) process.stderr.write(`${known.cause.stack ?? ''}\n`);
    process.exitCode = EXIT_CODES[known.code];
  }
}
