/** What a model is: its kind, sizes, licence, source, hashes, and what was measured. */
import type { JSX } from 'preact';
import type { ModelDetails } from '../../../src/protocol/models.js';
import { linkTo } from '../app/router.js';
import { sentenceCase, short } from '../shared/words.js';

type Fact = readonly [name: string, value: JSX.Element | string | undefined];

function sequenceWords(rule: ModelDetails['sequence']): string | undefined {
  switch (rule?.rule) {
    case undefined:
      return undefined;
    case 'windows':
      return `windows of ${rule.length} frames, one every ${rule.stride}; scores averaged`;
    case 'spread':
      return `${rule.length} frames spread over the clip; scores averaged`;
    case 'whole':
      return 'all frames at once';
  }
}

function partnerWords(partners: ModelDetails['partners']): string | undefined {
  const entries = Object.entries(partners ?? {}).filter(([label, partner]) => label < partner);
  if (entries.length === 0) return undefined;
  return entries.map((pair) => pair.map(sentenceCase).join(' / ')).join(', ');
}

/** Links in what the manifest says of the source. */
function sourceWords(source: string | undefined): JSX.Element | undefined {
  if (source === undefined) return undefined;
  const parts = source.split(/(https?:\/\/[^\s)]+)/);
  return (
    <>
      {parts.map((part, index) =>
        index % 2 === 0 ? (
          part
        ) : (
          <a key={index} href={part} target="_blank" rel="noopener noreferrer">
            {part}
          </a>
        ),
      )}
    </>
  );
}

function factsOf(model: ModelDetails): readonly Fact[] {
  const { input, labels, code, kind } = model;
  return [
    ['Kind', kind],
    [kind === 'recogniser' ? 'Frames' : 'Pictures', `${input.width} × ${input.height} pixels`],
    ['Units', labels.length === 0 ? undefined : String(labels.length)],
    ['Code', code === undefined ? undefined : `${code.size} numbers: ${code.layer}`],
    ['Sequence', sequenceWords(model.sequence)],
    ['Reversed pairs', partnerWords(model.partners)],
    [
      'Prior',
      model.default?.prior === undefined ? undefined : (
        <a href={linkTo('models', [model.default.prior])}>{model.default.prior}</a>
      ),
    ],
    ['Licence', model.licence],
    ['Source', sourceWords(model.source)],
  ];
}

function Hashes({ sha256, files = [] }: ModelDetails): JSX.Element | null {
  if (sha256 === undefined) return null;
  return (
    <details class="hashes">
      <summary>
        SHA-256 <code>{sha256.slice(0, 12)}…</code>
      </summary>
      <dl>
        <dt>model.json</dt>
        <dd>
          <code>{sha256}</code>
        </dd>
        {files.map((file) => (
          <div key={file.path}>
            <dt>{file.path}</dt>
            <dd>
              <code>{file.sha256}</code>
            </dd>
          </div>
        ))}
      </dl>
    </details>
  );
}

function Quality({ quality = {} }: ModelDetails): JSX.Element | null {
  const entries = Object.entries(quality);
  if (entries.length === 0) return null;
  return (
    <details>
      <summary>What was measured ({entries.length})</summary>
      <dl class="model-facts">
        {entries.map(([name, value]) => (
          <div key={name}>
            <dt>{name}</dt>
            <dd>{typeof value === 'number' ? short(value) : value}</dd>
          </div>
        ))}
      </dl>
    </details>
  );
}

export function ModelFacts({ model }: { readonly model: ModelDetails }): JSX.Element {
  const known = factsOf(model).filter(([, value]) => value !== undefined);
  return (
    <>
      {model.description !== undefined && model.description !== '' && <p>{model.description}</p>}
      <dl class="model-facts">
        {known.map(([name, value]) => (
          <div key={name}>
            <dt>{name}</dt>
            <dd>{value}</dd>
          </div>
        ))}
      </dl>
      <Hashes {...model} />
      <Quality {...model} />
    </>
  );
}
