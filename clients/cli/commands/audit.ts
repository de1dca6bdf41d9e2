/** `neuroreel audit`: does a recogniser use the order of frames? Every condition, files to keep, and a page to print. */
import { Option, type Command } from 'commander';
import { mkdir, readdir, readFile } from 'node:fs/promises';
import { join, relative, resolve } from 'node:path';
import { formatReport } from '../../../src/engine/audit/format-report.js';
import { formatSelfTest } from '../../../src/engine/audit/format-self-test.js';
import { selfTest } from '../../../src/engine/audit/self-test.js';
import { OBSERVATIONS_FILE } from '../../../src/jobs/audit/observations.js';
import { auditReport, NeuroreelError, parseWith } from '../../../src/protocol/index.js';
import { AUDIT_FILES, writeAuditFiles } from '../../../src/report/write-audit.js';
import { auditWithProgress, frameCache } from '../auditing.js';
import { action } from '../command.js';
import { writing } from '../errors.js';
import { EXIT } from '../exit-codes.js';
import { onInterrupt } from '../interrupt.js';
import { computeOptions, examples, type ComputeOptions, type GlobalOptions } from '../options.js';
import { names, number, whole } from '../option-values.js';
import { makeJob } from '../job-making.js';
import type { Output } from '../output.js';
import { refuseWithServer, serverAddress, serverOptions, type ServerOptions } from '../server-options.js';
import { openRegistry, runtimeChoice } from '../settings.js';

interface AuditOptions extends GlobalOptions, Omit<ComputeOptions, 'memory'>, ServerOptions {
  readonly model: string;
  readonly compare?: string[];
  readonly clips?: string;
  readonly conditions?: string[];
  readonly permutations?: number;
  readonly delta?: number;
  readonly seed?: number;
  readonly crops?: number;
  readonly frames?: number;
  readonly synthesised?: string[];
  readonly path?: 'auto' | 'full';
  readonly out: string;
  readonly force?: boolean;
  readonly cache?: number;
  readonly selfTest?: boolean;
  readonly runs: number;
}

/** Megabytes of decoded frames that are kept, unless another number is asked for. */
const CACHE_MEGABYTES = 2048;

export function define(command: Command): void {
  command
    .option('--model <name>', 'the recogniser', 'figures-lrcn')
    .option('--compare <names...>', 'more recognisers, shown the same clips in the same orders', names)
    .option(
      '--clips <path>',
      'a folder with a folder of videos for each label, or a list of path, label and group as .csv, .tsv or .json ' +
        '(default: the clips that the model brings); with --server: the name of a set of its clips',
    )
    .option(
      '--conditions <names...>',
      'what is done to the order of frames (default: everything that clips allow)',
      names,
    )
    .option('--permutations <n>', 'R, random orders of each clip (default 20)', number)
    .option(
      '--delta <share>',
      'excess share of changed answers from which on a difference matters (default 0.05)',
      number,
    )
    .option('--seed <n>', 'seed of the random orders (default 1)', number)
    .option('--crops <n>', 'crops of each clip that make the noise floor (default 4)', number)
    .option('--frames <n>', 'frames of a clip that are taken at most (default 2048)', whole(2, 1_000_000))
    .option('--synthesised <paths...>', 'folders that `neuroreel video` made, audited as well', names)
    .addOption(
      new Option('--path <path>', 'full: run the whole network for every order (default auto)').choices([
        'auto',
        'full',
      ]),
    )
    .option('--out <folder>', 'folder for the report, the tables and the plots', 'out/audit')
    .option('--force', 'begin anew, whatever an earlier audit left in the folder')
    .option(
      '--cache <megabytes>',
      `decoded frames that are kept on disk for the next time, 0 for none (default ${CACHE_MEGABYTES})`,
      number,
    )
    .option('--self-test', 'hold the instruments of the audit against simulated recognisers of known truth')
    .option('--runs <n>', 'simulated audits of the self-test', whole(20, 1_000_000), 2000);
  computeOptions(serverOptions(command), ['memory']).action(action(audit));
  examples(command, [
    ['the default model on its own clips, to out/audit/report.html', 'neuroreel audit'],
    [
      'a model on clips of yours: my-clips/LABEL/anything.mp4',
      'neuroreel audit --model mine --clips my-clips --out out/mine',
    ],
    ['two models on the same clips and orders', 'neuroreel audit --model mine --compare figures-lrcn --clips my-clips'],
    ['some conditions, many orders', 'neuroreel audit --conditions shuffle,reverse,static --permutations 1000'],
    ['preferred videos as well', 'neuroreel audit --synthesised out/video'],
    ['the verdict, for a script', 'neuroreel audit --json --quiet | jq -r .verdict'],
    ['are the instruments right?', 'neuroreel audit --self-test'],
  ]);
}

async function audit(out: Output, options: AuditOptions): Promise<void> {
  if (options.selfTest) return testItself(out, options);
  if (serverAddress(options) !== undefined) return auditThere(out, options);
  const registry = openRegistry(options.models);
  const folder = resolve(options.out);
  const message = 'The audit was not finished; the clips that were scored are kept.';
  const interrupt = onInterrupt(out, { message, goesOn: true });
  const { model, compare, conditions, permutations, delta, seed, crops, frames, path, threads } = options;
  try {
    await writing(folder, () => mkdir(folder, { recursive: true }));
    const report = await auditWithProgress(out, registry, {
      ...{ model, compare, conditions, permutations, delta, seed, crops, frames, path, threads },
      clips: options.clips === undefined ? undefined : resolve(options.clips),
      synthesised: options.synthesised?.map((one) => resolve(one)),
      ...runtimeChoice(options),
      observations: join(folder, OBSERVATIONS_FILE),
      anew: options.force,
      cache: frameCache(options.cache ?? CACHE_MEGABYTES),
      signal: interrupt.signal,
    });
    const names = await writing(folder, () => writeAuditFiles(folder, report));
    const text = formatReport(report, { width: out.width });
    out.result(report, `${text}\n${filesWords(folder, names)}`);
  } finally {
    interrupt.release();
  }
}

/** Only here: what is about files of this machine, or how an audit is carried out. */
const ONLY_HERE = ['synthesised', 'path', 'force', 'cache'];

async function auditThere(out: Output, options: AuditOptions): Promise<void> {
  refuseWithServer(options, ONLY_HERE);
  const folder = resolve(options.out);
  const { model, compare, clips, conditions, permutations, delta, seed, crops, frames } = options;
  await makeJob(out, {
    ...{ what: 'audit', folder, options },
    request: () => ({ kind: 'audit', model, compare, clips, conditions, permutations, delta, seed, crops, frames }),
  });
  const text = await readFile(join(folder, AUDIT_FILES.report), 'utf8');
  const report = parseWith(auditReport, JSON.parse(text), 'INTERNAL');
  const names = (await readdir(folder)).filter((name) => !name.startsWith('.'));
  out.result(report, `${formatReport(report, { width: out.width })}\n${filesWords(folder, names)}`);
}

function filesWords(folder: string, names: readonly string[]): string {
  const short = relative(process.cwd(), folder);
  const here = short.startsWith('..') ? folder : short || '.';
  return `The report is ${join(here, AUDIT_FILES.page)}; beside it ${names.length - 1} more files with its numbers and plots.`;
}

async function testItself(out: Output, { runs, seed }: AuditOptions): Promise<void> {
  const interrupt = onInterrupt(out, { message: 'The self-test was not finished.', goesOn: false });
  let bar: ReturnType<Output['progress']> | null = null;
  try {
    const report = await selfTest({
      runs,
      ...(seed !== undefined && { seed }),
      signal: interrupt.signal,
      onProgress(done, total, what) {
        bar ??= out.progress('testing', total);
        bar.update(done, what);
      },
    });
    out.result(report, formatSelfTest(report));
    if (!report.passed) process.exitCode = EXIT.failed;
  } catch (error) {
    if (error instanceof RangeError) throw new NeuroreelError('REQUEST_INVALID', error.message, { cause: error });
    throw error;
  } finally {
    interrupt.release();
  }
}
