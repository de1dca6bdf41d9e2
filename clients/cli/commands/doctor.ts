/** `neuroreel doctor`: looks at everything that a video needs, and says what is missing and how to get it. */
import type { Command } from 'commander';
import { showPlace } from '../../../src/engine/runtimes/choice.js';
import { packageVersion } from '../../../src/jobs/package-root.js';
import { action } from '../command.js';
import { exitFor, type Check } from '../doctor/check.js';
import { ffmpegCheck } from '../doctor/ffmpeg.js';
import { diskCheck, graphicsCheck, memoryCheck, nodeCheck, processorCheck } from '../doctor/machine.js';
import { modelChecks } from '../doctor/models.js';
import { runtimeChecks, runtimeTable, type RuntimeFindings } from '../doctor/runtimes.js';
import { columns } from '../format.js';
import { deviceOption, examples, modelFolderOption, runtimeOption, type GlobalOptions } from '../options.js';
import type { Output } from '../output.js';
import { moreModelFolders, shippedModels } from '../settings.js';

interface DoctorOptions extends GlobalOptions {
  readonly models?: string[];
  readonly runtime?: string;
  readonly device?: string;
}

export function define(command: Command): void {
  command.addOption(modelFolderOption()).addOption(runtimeOption()).addOption(deviceOption()).action(action(doctor));
  examples(command, [
    ['whether videos can be made here, and with what', 'neuroreel doctor'],
    ['whether they could be made on an NVIDIA GPU', 'neuroreel doctor --device cuda'],
    ['what `auto` takes, for a script', 'neuroreel doctor --json --quiet | jq -r .runtimes.auto'],
  ]);
}

async function doctor(out: Output, options: DoctorOptions): Promise<void> {
  const trials = { onTrial: (place: Parameters<typeof showPlace>[0]) => out.note(`Trying ${showPlace(place)}.`) };
  const runtimes = await runtimeChecks(options, trials);
  const checks: Check[] = [
    nodeCheck(),
    processorCheck(),
    memoryCheck(),
    graphicsCheck(),
    ...runtimes.checks,
    await ffmpegCheck(),
    ...modelChecks([shippedModels, ...moreModelFolders(options.models)]),
    diskCheck('results', 'out'),
    diskCheck('data of the server', process.env['NEUROREEL_DATA'] || 'data'),
  ];
  const exit = exitFor(checks);
  out.result(documentOf(checks, runtimes), wordsOf(checks, runtimes));
  process.exitCode = exit;
}

function documentOf(checks: readonly Check[], { selection }: RuntimeFindings): unknown {
  const { order, reason, standings } = selection;
  return {
    ok: exitFor(checks) === 0,
    versions: { neuroreel: packageVersion, node: process.versions.node },
    checks,
    runtimes: { auto: order[0] ? showPlace(order[0]) : null, reason, order, candidates: standings },
  };
}

function wordsOf(checks: readonly Check[], { selection }: RuntimeFindings): string {
  const lines = checks.flatMap(({ state, name, found, remedy }) => [
    [state, name, found],
    ...(state !== 'ok' && remedy !== undefined ? [['', '', `what to do: ${remedy}`]] : []),
  ]);
  const verdict =
    exitFor(checks) === 0 ? 'Videos can be made here.' : 'Videos cannot be made here until the problems are solved.';
  return `${columns(lines)}\n\n${runtimeTable(selection)}\n\n${verdict}`;
}
