/** One model package as people see it: what its manifest says, in words. */
import type { ModelPackage } from '../../src/engine/models/package.js';
import type { ModelManifest, RecogniserManifest } from '../../src/protocol/index.js';
import { columns, facts } from './format.js';
import type { Output } from './output.js';

/** Gives a package out as the result of a command. */
export function show(out: Output, { manifest, directory, sha256, weights, graphs }: ModelPackage): void {
  const numbers = [...weights.values()].reduce((sum, { data }) => sum + data.length, 0);
  const network = { weights: numbers, graphs: Object.keys(graphs) };
  out.result({ manifest, sha256, folder: directory, ...network }, words(manifest, sha256, directory, numbers));
}

function words(manifest: ModelManifest, sha256: string, directory: string, numbers: number): string {
  const { name, kind, title, description, licence, source, quality, files } = manifest;
  const own =
    manifest.kind === 'prior'
      ? ([
          ['pictures', pixelWords(manifest.output)],
          ['code', `${manifest.code.size} numbers: ${manifest.code.layer}`],
        ] as const)
      : ([
          [manifest.kind === 'recogniser' ? 'frames' : 'pictures', pixelWords(manifest.input)],
          ...(manifest.kind === 'recogniser' ? sequenceFacts(manifest) : []),
          ['defaults', Object.keys(manifest.defaults).length === 0 ? undefined : manifest.defaults],
        ] as const);
  const sections = [
    facts([
      ...([
        ['name', name],
        ['kind', kind],
        ['title', title],
        ['about', description],
      ] as const),
      ...([
        ['licence', licence],
        ['source', source],
        ['folder', directory],
        ['weights', `${numbers} numbers`],
      ] as const),
      ...own,
      ['sha256', sha256],
      ...Object.values(files).map((file) => [`  ${file.path}`, file.sha256] as const),
    ]),
    Object.keys(quality).length === 0 ? '' : `quality, as measured\n${facts(indented(Object.entries(quality)))}`,
    manifest.kind === 'prior' ? '' : `units\n${columns(manifest.labels.map((label, unit) => [`  ${unit}`, label]))}`,
  ];
  return sections.filter((section) => section !== '').join('\n\n');
}

function sequenceFacts({ sequence, clips, partners }: RecogniserManifest): (readonly [string, unknown])[] {
  return [
    ['sequence', sequence],
    ['clips', clips],
    ['reversed', Object.entries(partners).map(([label, partner]) => `${label} -> ${partner}`)],
  ];
}

function indented(entries: readonly (readonly [string, unknown])[]): (readonly [string, unknown])[] {
  return entries.map(([name, value]) => [`  ${name}`, value]);
}

function pixelWords({
  width,
  height,
  order,
  mean,
  scale,
}: Extract<ModelManifest, { kind: 'prior' }>['output']): string {
  const one = (numbers: readonly number[]): string =>
    numbers.every((x) => x === numbers[0]) ? String(numbers[0]) : `(${numbers.join(', ')})`;
  return `${width}x${height} ${order}, (byte - ${one(mean)}) * ${one(scale.map((x) => Number(x.toPrecision(6))))}`;
}
