/** `neuroreel models import`: makes a package of a model file of another program. */
import { Option, InvalidArgumentError, type Command } from 'commander';
import { resolve } from 'node:path';
import type { NumberOrFile } from '../../src/engine/formats/code-statistics.js';
import { importModel } from '../../src/engine/formats/import.js';
import { readPackage } from '../../src/engine/models/package.js';
import type { SequenceRule } from '../../src/protocol/index.js';
import { action } from './command.js';
import { show } from './model-words.js';
import { examples, type GlobalOptions } from './options.js';
import { frameSize, perChannel, whole } from './option-values.js';
import type { Output } from './output.js';
import { importFolder } from './settings.js';

interface ImportCommandOptions extends GlobalOptions {
  readonly name: string;
  readonly out?: string;
  readonly labels?: string;
  readonly order: 'rgb' | 'bgr';
  readonly mean: number | [number, number, number];
  readonly scale: number | [number, number, number];
  readonly sequence?: SequenceRule;
  readonly bounds?: NumberOrFile;
  readonly lower?: NumberOrFile;
  readonly codeMean?: NumberOrFile;
  readonly encoder?: string;
  readonly encoderWeights?: string;
  readonly weights?: string;
  readonly randomWeights?: boolean;
  readonly size?: [number, number];
  readonly steps?: number;
  readonly precision: 'F16' | 'F32';
  readonly licence: string;
  readonly title?: string;
  readonly description?: string;
  readonly source?: string;
  readonly overwrite?: boolean;
}

/** Adds arguments, options, examples and the action. */
export function defineImport(command: Command): void {
  command
    .description('make a model package of a model file')
    .requiredOption('--name <name>', 'name of the package: small letters, digits, . _ -')
    .option(
      '--out <folder>',
      'folder of packages to write to (default: the first of NEUROREEL_MODELS, else the one of the user)',
    )
    .option('--weights <file>', 'file of weights, for a format that keeps them apart (Caffe)', file)
    .option('--random-weights', 'draw the weights at random, for a network that comes without them')
    .option('--labels <file>', 'labels of the units: a JSON list, {"labels": [...]}, or one a line', file)
    .addOption(
      new Option('--order <order>', 'colour channels that the network wants, or that a generator gives')
        .choices(['rgb', 'bgr'])
        .default('rgb'),
    )
    .option(
      '--mean <m>',
      'subtracted from the bytes 0..255: one number, or three in the order of the channels',
      perChannel,
      0,
    )
    .option('--scale <s>', 'multiplied with after that: one number or three, 1/255 for example', perChannel, 1)
    .option(
      '--sequence <rule>',
      'how a video is fed: spread:N, windows:N:STRIDE or whole (default: as the file fixes)',
      sequenceRule,
    )
    .option('--steps <n>', 'frames of a sequence, for a file that leaves their number open', whole(1, 4096))
    .option('--size <WxH>', 'size of a picture, for a file that leaves it open', frameSize)
    .option('--bounds <b>', "upper bounds of a generator's code: a number, or a file with one for each", numberOrFile)
    .option('--lower <b>', 'lower bounds of the code, likewise (default: 0)', numberOrFile)
    .option('--code-mean <m>', 'mean of the code, likewise (default: as the bounds imply)', numberOrFile)
    .option('--encoder <file>', 'network that gives the code of a picture, to go with a generator', file)
    .option('--encoder-weights <file>', 'file of its weights, for a format that keeps them apart', file)
    .addOption(new Option('--precision <p>', 'how weights are stored').choices(['F16', 'F32']).default('F32'))
    .option('--licence <text>', 'licence of the weights, an SPDX identifier or what the source says', 'none stated')
    .option('--title <text>', 'one line for people')
    .option('--description <text>', 'more for people')
    .option('--source <text>', 'where the weights come from')
    .option('--overwrite', 'replace a package of that name')
    .action(action<ImportCommandOptions & GlobalOptions>(importOne));
  examples(command, [
    [
      'a recogniser of 20 evenly spaced frames, BGR bytes from 0 to 1, in TensorFlow.js layers format',
      'neuroreel models import lrcn/model.json --name lrcn --labels labels.json --order bgr --scale 1/255 --sequence spread:20',
    ],
    [
      'a classifier in TensorFlow.js layers format, RGB bytes from 0 to 1',
      'neuroreel models import darknet/model.json --name darknet --labels labels.txt --scale 1/255',
    ],
    [
      'a generator, whose code is natural up to bounds that a file holds; RGB from -1 to 1',
      'neuroreel models import generator/model.json --name my-prior --bounds bounds.txt --mean 127.5 --scale 1/127.5',
    ],
    [
      'windows of 16 frames, one every 8, channels minus their means',
      'neuroreel models import m/model.json --name m --order bgr --mean 104,117,123 --sequence windows:16:8',
    ],
  ]);
}

/** `spread:20`, `windows:16:8`, `whole` */
function sequenceRule(text: string): SequenceRule {
  const frames = whole(1, 4096);
  const [rule, length, stride, ...rest] = text.split(':');
  if (rule === 'whole' && length === undefined) return { rule };
  if (rule === 'spread' && length !== undefined && stride === undefined) return { rule, length: frames(length) };
  if (rule === 'windows' && length !== undefined && stride !== undefined && rest.length === 0) {
    return { rule, length: frames(length), stride: frames(stride) };
  }
  throw new InvalidArgumentError('It must be spread:N, windows:N:STRIDE or whole.');
}

/** A number, or the path of a file. */
function numberOrFile(text: string): NumberOrFile {
  const value = Number(text);
  return text.trim() !== '' && Number.isFinite(value) ? value : resolve(text);
}

const file = (text: string): string => resolve(text);

async function importOne(out: Output, options: ImportCommandOptions, path?: string): Promise<void> {
  const { json: _, quiet: __, out: folder = importFolder(), ...facts } = options;
  const { directory } = await importModel({ ...facts, path: resolve(path!), out: resolve(folder) });
  out.note(`Imported to ${directory}.`);
  show(out, readPackage(directory));
}
