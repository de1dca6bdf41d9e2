/** The report of an audit in place: verdict, charts, tables. */
import type { ComponentChildren, JSX } from 'preact';
import type { AuditReport } from '../../../src/protocol/audit-report.js';
import type { Artifact } from '../../../src/protocol/jobs.js';
import { Picture } from '../shared/files.js';
import { Table } from '../shared/table.js';
import { percent, sentenceCase } from '../shared/words.js';
import { StrengthCharts } from './strength-chart.js';

/** Charts of the report that are shown as they are, with what they show. */
const FIGURES: Readonly<Record<string, string>> = {
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
          <>
            {c.name}
            <small>{c.description}</small>
          </>,
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
        sentenceCase(c.label),
        c.clips,
        (100 * c.accuracy).toFixed(1),
        (100 * c.accuracyShuffled).toFixed(1),
        withRange(c.flipRate),
        pValue(c.adjustedP),
        c.partner === null || c.partnerShare === null ? '–' : `${percent(c.partnerShare)} ${sentenceCase(c.partner)}`,
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

/** What a verdict means, in a few words. */
const MEANINGS: Readonly<Record<ModelReport['verdict'], string>> = {
  sensitive: 'Its answers depend on the order of frames.',
  insensitive: 'The order of frames hardly matters to its answers.',
  inconclusive: 'These clips are too few to tell.',
};

function Verdict({ name, verdict, sentence }: ModelReport): JSX.Element {
  return (
    <section class="audit-verdict" data-verdict={verdict} aria-label={`Verdict on ${name}`}>
      <p class="quiet">{name}</p>
      <p class="verdict-word large">{verdict}</p>
      <p>{MEANINGS[verdict]}</p>
      <p class="quiet">{sentence.replace(/^\w+: /, '')}</p>
    </section>
  );
}

function Figures({ artifacts }: Pick<AuditResultProps, 'artifacts'>): JSX.Element | null {
  const found = Object.entries(FIGURES).flatMap(([name, words]) => {
    const url = artifacts.find((artifact) => artifact.name === name)?.url;
    return url === undefined ? [] : [{ url, words }];
  });
  if (found.length === 0) return null;
  return (
    <details>
      <summary>More charts ({found.length})</summary>
      {found.map(({ url, words }) => (
        <Picture key={url} class="audit-figure" url={url} alt={words} />
      ))}
    </details>
  );
}

export function AuditResult({ report, artifacts }: AuditResultProps): JSX.Element {
  const { models, controls, comparisons, parameters } = report;
  const withClasses = models.filter(({ classes }) => classes.length > 0);
  return (
    <div class="audit-result">
      <div class="audit-verdicts">
        {models.map((model) => (
          <Verdict key={model.name} {...model} />
        ))}
      </div>
      <Controls controls={controls} />
      {comparisons
        .filter(({ condition }) => condition === 'shuffle')
        .map(({ sentence }) => (
          <p key={sentence}>{sentence}</p>
        ))}
      <StrengthCharts models={models} delta={parameters.delta} />
      <p class="quiet">
        Flip rate: how many answers change when the frames are put in another order. Noise floor: how many change with
        slightly other crops, in order. D: mean distance of a frame from its own place. Bars are 95 % intervals.
      </p>
      {withClasses.map((model) => (
        <Classes key={model.name} {...model} />
      ))}
      <details>
        <summary>Every condition ({models[0]?.conditions.length})</summary>
        {models.map((model) => (
          <Conditions key={model.name} {...model} />
        ))}
      </details>
      <Figures artifacts={artifacts} />
      {models.map(({ name, skipped, unlabelled }) => (
        <div key={name}>
          <Listed title={`Skipped by ${name}`} of={skipped} />
          <Listed title={`Without a true class for ${name}`} of={unlabelled} />
        </div>
      ))}
    </div>
  );
}
