/** The report of an audit in place: verdict, charts, tables. */
import type { ComponentChildren, JSX } from 'preact';
import type { AuditReport } from '../../../src/protocol/audit-report.js';
import type { Artifact } from '../../../src/protocol/jobs.js';
import { Picture } from '../shared/files.js';
import { Table } from '../shared/table.js';
import { percent } from '../shared/words.js';

/** Charts that are shown in place, with what they show. */
const FIGURES: Readonly<Record<string, string>> = {
  'flip-rate.svg': 'Flip rate against shuffle strength',
  'models.svg': 'Flip rates of all models against shuffle strength',
  'decomposition.svg': 'Where the accuracy above chance comes from',
  'classes.svg': 'Flip rate by class',
  'reversal.svg': 'What reversed clips are taken for',
};

type ModelReport = AuditReport['models'][number];
type Estimate = ModelReport['noiseFloor'];

const pValue = (p: number | null): string => (p === null ? '–' : p < 0.0001 ? p.toExponential(0) : p.toFixed(4));

/** A share with its interval below it. */
function withRange(estimate: Estimate | null): ComponentChildren {
  if (estimate === null) return '–';
  return (
    <>
      {(100 * estimate.value).toFixed(1)}
      <small>
        {(100 * estimate.low).toFixed(1)} to {(100 * estimate.high).toFixed(1)}
      </small>
    </>
  );
}

function Conditions({ name, conditions, noiseFloor }: ModelReport): JSX.Element {
  return (
    <Table
      caption={`Conditions: ${name}`}
      columns={[
        { name: 'condition' },
        { name: 'D', number: true },
        { name: 'flips %', number: true },
        { name: 'excess %', number: true },
        { name: 'accuracy %', number: true },
        { name: 'p', number: true },
        { name: 'verdict' },
      ]}
      rows={[
        ...conditions.map((c) => [
          c.name,
          c.strength.displacement.toFixed(1),
          withRange(c.flipRate),
          withRange(c.excessFlipRate),
          withRange(c.accuracy),
          pValue(c.randomisationP),
          c.judgement === null ? '–' : <span class="verdict-word">{c.judgement.verdict}</span>,
        ]),
        ['another crop', '0.0', withRange(noiseFloor), '', '', '', ''],
      ]}
    />
  );
}

function Classes({ name, classes }: ModelReport): JSX.Element {
  return (
    <Table
      caption={`Classes: ${name}`}
      columns={[
        { name: 'class' },
        { name: 'clips', number: true },
        { name: 'accuracy %', number: true },
        { name: 'shuffled %', number: true },
        { name: 'flips %', number: true },
        { name: 'adjusted p', number: true },
        { name: 'reversed: partner', number: true },
      ]}
      rows={classes.map((c) => [
        c.label,
        c.clips,
        (100 * c.accuracy).toFixed(1),
        (100 * c.accuracyShuffled).toFixed(1),
        withRange(c.flipRate),
        pValue(c.adjustedP),
        c.partner === null || c.partnerShare === null ? '–' : `${percent(c.partnerShare)} ${c.partner}`,
      ])}
    />
  );
}

interface ListedProps {
  readonly title: string;
  readonly of: readonly { readonly name: string; readonly reason: string }[];
}

function Listed({ title, of }: ListedProps): JSX.Element | null {
  if (of.length === 0) return null;
  return (
    <details>
      <summary>
        {title} ({of.length})
      </summary>
      <ul>
        {of.slice(0, 50).map(({ name, reason }) => (
          <li key={name}>
            {name}: {reason}
          </li>
        ))}
      </ul>
    </details>
  );
}

function Controls({ controls }: Pick<AuditReport, 'controls'>): JSX.Element {
  const failed = controls.filter(({ passed }) => !passed);
  return (
    <>
      {failed.map(({ name, expectation, found }) => (
        <p key={name} class="notice error" role="alert">
          Control failed, do not trust the verdict: {name}. Expected: {expectation}. Found: {found}.
        </p>
      ))}
      {failed.length === 0 && controls.length > 0 && (
        <p class="quiet">Controls passed: {controls.map(({ name }) => name).join(', ')}.</p>
      )}
    </>
  );
}

interface AuditResultProps {
  readonly report: AuditReport;
  readonly artifacts: readonly Artifact[];
}

export function AuditResult({ report, artifacts }: AuditResultProps): JSX.Element {
  const { models, controls, comparisons } = report;
  const url = (name: string): string | undefined => artifacts.find((artifact) => artifact.name === name)?.url;
  return (
    <div class="audit-result">
      {models.map(({ name, verdict, sentence }) => (
        <section key={name} class="audit-verdict" aria-label={`Verdict on ${name}`}>
          <p class="verdict-word large">{verdict}</p>
          <p>{sentence.replace(/^\w+: /, '')}</p>
        </section>
      ))}
      <Controls controls={controls} />
      {comparisons
        .filter(({ condition }) => condition === 'shuffle')
        .map(({ sentence }) => (
          <p key={sentence}>{sentence}</p>
        ))}
      {Object.entries(FIGURES).map(([name, words]) => {
        const address = url(name);
        return address !== undefined && <Picture key={name} class="audit-figure" url={address} alt={words} />;
      })}
      {models.map((model) => (
        <Conditions key={model.name} {...model} />
      ))}
      {models
        .filter(({ classes }) => classes.length > 0)
        .map((model) => (
          <Classes key={model.name} {...model} />
        ))}
      {models.map(({ name, skipped, unlabelled }) => (
        <div key={name}>
          <Listed title={`Skipped by ${name}`} of={skipped} />
          <Listed title={`Without a true class for ${name}`} of={unlabelled} />
        </div>
      ))}
    </div>
  );
}
