/** How to get a published network without this program's help: which files, from where, and the command that imports them. */
import { posix } from 'node:path';
import { CAFFE_PIXELS, type ManualModel, type PublishedFile, type PublishedModel } from './published.js';

/** What is known of a file, so that it can be checked: a few words. */
export function knownHash({ sha1, sha256 }: PublishedFile): string {
  if (sha256 !== undefined) return `SHA-256 ${sha256}`;
  return sha1 === undefined ? 'no hash is published' : `SHA-1 ${sha1}`;
}

export const filesOf = ({ network, weights, labels, bounds }: PublishedModel): PublishedFile[] =>
  [network, weights, labels, bounds].filter((file) => file !== undefined);

const baseName = ({ member, path }: PublishedFile): string => posix.basename(member ?? path);

const quoted = (word: string): string => (/^[\w@%+=:,./-]+$/.test(word) ? word : `'${word.replaceAll("'", `'\\''`)}'`);

const command = (words: readonly string[]): string => `neuroreel models import ${words.map(quoted).join(' ')}`;

/** The command that makes a package of the files, in the folder that holds them. */
export function importCommand(model: PublishedModel | ManualModel, name = model.name): string | null {
  if ('manual' in model) return model.importing ? command(model.importing) : null;
  const { network, weights, labels, bounds, title, licence } = model;
  const { order, mean, scale } = CAFFE_PIXELS;
  return command([
    ...[baseName(network), '--weights', baseName(weights), '--name', name],
    ...(labels ? ['--labels', baseName(labels)] : []),
    ...(bounds ? ['--bounds', baseName(bounds)] : []),
    ...['--order', order, '--mean', mean.join(','), ...(scale === 1 ? [] : ['--scale', String(scale)])],
    ...['--title', title, '--licence', licence, '--source', weights.url],
  ]);
}

/** Lines of text: the files with their hashes, and the command. */
export function byHand(model: PublishedModel | ManualModel, name?: string): string {
  const importing = importCommand(model, name);
  const last = importing === null ? [] : ['then, where they are:', `  ${importing}`];
  if ('manual' in model) return [model.manual, ...last].join('\n');
  const lines = filesOf(model).map((file) => {
    const part = file.member === undefined ? '' : `; take ${file.member} out of it`;
    return `  ${file.url}\n      ${knownHash(file)}${part}`;
  });
  return ['by hand: get these files', ...lines, ...last].join('\n');
}
