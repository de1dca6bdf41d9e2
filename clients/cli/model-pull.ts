/** `neuroreel models pull`: fetches a network of the paper from where its makers publish it, and makes a package of it. */
import { InvalidArgumentError, Option, type Command } from 'commander';
import { join, resolve } from 'node:path';
import { readPackage } from '../../src/engine/models/package.js';
import { NeuroreelError } from '../../src/protocol/index.js';
import { action } from './command.js';
import { writing } from './errors.js';
import { facts } from './format.js';
import { onInterrupt } from './interrupt.js';
import { show } from './model-words.js';
import { examples, type GlobalOptions } from './options.js';
import type { Output } from './output.js';
import { byHand, filesOf, importCommand, knownHash } from './pull/by-hand.js';
import { PUBLISHED, type ManualModel, type PublishedModel } from './pull/published.js';
import type { PullOptions } from './pull/pull.js';
import { importFolder, userCache } from './settings.js';

interface PullCommandOptions extends GlobalOptions {
  readonly name?: string;
  readonly out?: string;
  readonly from?: string;
  readonly sha256?: string;
  readonly precision: 'F16' | 'F32';
  readonly keep?: boolean;
  readonly overwrite?: boolean;
}

/** Adds arguments, options, examples and the action. */
export function definePull(command: Command): void {
  command
    .description('fetch a network of the paper from its makers, and make a model package of it')
    .argument('[network]', 'which one; without it, list all that are known')
    .option('--name <name>', 'name of the package (default: that of the network)')
    .option('--out <folder>', 'folder of packages to write to (default: as of `models import`)')
    .option('--from <url>', 'a mirror: a folder with the files under the paths that the list shows')
    .option('--sha256 <hash>', 'what the file of weights, out of its archive, must have', sha256)
    .addOption(new Option('--precision <p>', 'how weights are stored').choices(['F16', 'F32']).default('F32'))
    .option('--keep', 'keep what was fetched, such as an archive of which other networks come, too')
    .option('--overwrite', 'replace a package of that name')
    .action(action<PullCommandOptions>(listOrPull));
  examples(command, [
    ['what there is: addresses, hashes, licences, and how to do it by hand', 'neuroreel models pull'],
    ['CaffeNet; what breaks off goes on with the same command', 'neuroreel models pull caffenet'],
    [
      'two generators out of one archive',
      'neuroreel models pull generator-fc6 --keep && neuroreel models pull generator-fc7',
    ],
  ]);
}

function sha256(text: string): string {
  if (/^[0-9a-f]{64}$/i.test(text)) return text.toLowerCase();
  throw new InvalidArgumentError('It must be 64 hexadecimal digits.');
}

async function listOrPull(out: Output, options: PullCommandOptions, network?: string): Promise<void> {
  if (network === undefined) {
    const published = PUBLISHED.map((model) => ({ ...model, import: importCommand(model) }));
    out.result({ published }, PUBLISHED.map(described).join('\n\n'));
    return;
  }
  const model = PUBLISHED.find(({ name }) => name === network);
  if (model === undefined) {
    const names = PUBLISHED.map(({ name }) => name).join(', ');
    throw new NeuroreelError('MODEL_UNKNOWN', `No address of a network ${network} is known; there are: ${names}.`);
  }
  if ('manual' in model) throw unavailable(model);
  await pullOne(out, options, model);
}

/** All that is known of one, for people. */
function described(model: PublishedModel | ManualModel): string {
  const { name, title, becomes, licence } = model;
  const common = [
    ['title', title],
    ['becomes', becomes],
    ['licence', licence],
  ] as const;
  const indented = (text: string): string => text.replace(/^/gm, '  ');
  if ('manual' in model) return `${name}\n${indented(`${facts(common)}\n${byHand(model)}`)}`;
  const files = filesOf(model).flatMap((file) => [
    ['file', file.url] as const,
    ['', `${knownHash(file)}; at most ${file.maxBytes / 2 ** 20} MiB`] as const,
    ['', file.member === undefined ? '' : `of it ${file.member}`] as const,
    ['', `at a mirror ${file.path}`] as const,
  ]);
  return `${name}\n${indented(facts([...common, ...files]))}`;
}

function unavailable(model: ManualModel): NeuroreelError {
  const details = { import: importCommand(model) };
  return new NeuroreelError('DOWNLOAD_FAILED', `${model.name} cannot be fetched. ${byHand(model)}`, { details });
}

/** What failed, and how to do without. */
function withInstructions(error: unknown, model: PublishedModel, name: string): unknown {
  if (!(error instanceof NeuroreelError) || error.code !== 'DOWNLOAD_FAILED') return error;
  const details = { files: filesOf(model), import: importCommand(model, name) };
  return new NeuroreelError(error.code, `${error.message}\n${byHand(model, name)}`, { details, cause: error });
}

const MIB = 2 ** 20;

/** Shows one file after the other, in MiB. */
function progressOf(out: Output): PullOptions['onProgress'] {
  let shown = '';
  let bar = out.progress('', 1);
  return (file, done, total) => {
    if (total === null) return;
    if (file !== shown) bar = out.progress(`${file} (MiB)`, Math.max(1, Math.ceil(total / MIB)));
    shown = file;
    bar.update(done === total ? Math.max(1, Math.ceil(total / MIB)) : done / MIB);
  };
}

async function pullOne(out: Output, options: PullCommandOptions, model: PublishedModel): Promise<void> {
  const {
    name = model.name,
    out: folder = importFolder(),
    from,
    sha256: demanded,
    precision,
    keep,
    overwrite,
  } = options;
  // Readers of archives are loaded only when there is something to fetch.
  const { pull } = await import('./pull/pull.js');
  const interrupt = onInterrupt(out, { message: `${model.name} was not fetched to its end.`, goesOn: true });
  const cache = join(userCache(), 'downloads', model.weights.path);
  const onProgress = progressOf(out);
  try {
    const { directory } = await writing(cache, () =>
      pull(model, {
        ...{ name, out: resolve(folder), cache, precision, keep: keep ?? false, overwrite: overwrite ?? false },
        ...(from !== undefined && { from }),
        ...(demanded !== undefined && { sha256: demanded }),
        ...(onProgress && { onProgress }),
        signal: interrupt.signal,
        onNote: (text) => out.note(text),
      }),
    );
    out.endProgress();
    out.note(`Pulled to ${directory}.`);
    show(out, readPackage(directory));
  } catch (error) {
    throw withInstructions(error, model, name);
  } finally {
    interrupt.release();
  }
}
