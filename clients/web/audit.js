/** An audit on the live page: how far it is, its verdict, its numbers; and the form that starts one. */
import { ApiError, call, fileAddress } from './api.js';
import { Chart } from './chart.js';

const FINAL = ['succeeded', 'failed', 'canceled'];
/** The files of an audit as links, the most wanted first. */
const FILES = {
  'report.html': 'Report',
  'report.json': 'Report (JSON)',
  'clips.csv': 'Clips (CSV)',
  'conditions.csv': 'Conditions (CSV)',
};
/** Charts that are shown in place, with what they show. */
const FIGURES = {
  'flip-rate.svg': 'Flip rate against shuffle strength',
  'models.svg': 'Flip rates of all models against shuffle strength',
  'decomposition.svg': 'Where the accuracy above chance comes from',
  'classes.svg': 'Flip rate by class',
  'reversal.svg': 'What reversed clips are taken for',
};

const $ = (id) => document.getElementById(id);

function setText(id, text) {
  const node = $(id);
  if (node.textContent !== text) node.textContent = text;
}

function element(name, { text, ...properties } = {}, ...children) {
  const made = Object.assign(document.createElement(name), properties);
  if (text !== undefined) made.textContent = text;
  made.append(...children);
  return made;
}

const percent = (share) => (share === null || share === undefined ? '–' : `${(100 * share).toFixed(1)} %`);
const range = ({ low, high }) => `${(100 * low).toFixed(1)} to ${(100 * high).toFixed(1)}`;
const pValue = (p) => (p === null ? '–' : p < 0.0001 ? p.toExponential(0) : p.toFixed(4));

/** What an audit is called. */
export const auditName = ({ request }) => `Audit of ${[request.model, ...request.compare].join(' and ')}`;

/** A line of facts about its request. */
export function auditFacts({ request, run }) {
  const clips = run === null ? (request.clips ?? "the model's clips") : `${run.clips} clips`;
  return [clips, `${request.permutations} orders each`, `delta ${100 * request.delta} %`, `seed ${request.seed}`].join(
    ' · ',
  );
}

function table(caption, columns, rows) {
  const cell = (kind, value, number) => {
    const made = element(kind, { className: number ? 'number' : '' });
    made.append(...(Array.isArray(value) ? value : [String(value)]));
    return made;
  };
  const head = element('tr', {}, ...columns.map(({ name, number }) => cell('th', name, number)));
  const body = rows.map((row) => element('tr', {}, ...row.map((value, i) => cell('td', value, columns[i].number))));
  return element(
    'div',
    { className: 'table', tabIndex: 0, role: 'region', ariaLabel: caption },
    element(
      'table',
      {},
      element('caption', { text: caption }),
      element('thead', {}, head),
      element('tbody', {}, ...body),
    ),
  );
}

/** A number with its interval below it. */
const withRange = (estimate) =>
  estimate === null ? '–' : [(100 * estimate.value).toFixed(1), element('small', { text: range(estimate) })];

const verdictWord = (verdict) => [element('span', { className: 'verdict-word', text: verdict, ariaLabel: verdict })];

function conditionTable({ name, conditions, noiseFloor }) {
  const columns = [
    { name: 'condition' },
    { name: 'D', number: true },
    { name: 'flips %', number: true },
    { name: 'excess %', number: true },
    { name: 'accuracy %', number: true },
    { name: 'p', number: true },
    { name: 'verdict' },
  ];
  const rows = conditions.map((c) => [
    c.name,
    c.strength.displacement.toFixed(1),
    withRange(c.flipRate),
    withRange(c.excessFlipRate),
    withRange(c.accuracy),
    pValue(c.randomisationP),
    c.judgement === null ? '–' : verdictWord(c.judgement.verdict),
  ]);
  return table(`Conditions: ${name}`, columns, [
    ...rows,
    ['another crop', '0.0', withRange(noiseFloor), '', '', '', ''],
  ]);
}

function classTable({ name, classes }) {
  const columns = [
    { name: 'class' },
    { name: 'clips', number: true },
    { name: 'accuracy %', number: true },
    { name: 'shuffled %', number: true },
    { name: 'flips %', number: true },
    { name: 'adjusted p', number: true },
    { name: 'reversed: partner', number: true },
  ];
  const rows = classes.map((c) => [
    c.label,
    c.clips,
    (100 * c.accuracy).toFixed(1),
    (100 * c.accuracyShuffled).toFixed(1),
    withRange(c.flipRate),
    pValue(c.adjustedP),
    c.partner === null || c.partnerShare === null ? '–' : `${percent(c.partnerShare)} ${c.partner}`,
  ]);
  return table(`Classes: ${name}`, columns, rows);
}

function listed(title, list) {
  if (list.length === 0) return [];
  const items = list.slice(0, 50).map(({ name, reason }) => element('li', { text: `${name}: ${reason}` }));
  const summary = element('summary', { text: `${title} (${list.length})` });
  return [element('details', {}, summary, element('ul', {}, ...items))];
}

export class AuditView {
  #chart = new Chart($('audit-chart'), {
    quantity: 'flip rate, %',
    step: 'clip',
    none: 'No clips yet',
    name: 'Flip rate',
  });
  /** Id of the job whose result is shown. */
  #shown = null;

  clear() {
    this.#shown = null;
    $('audit-result').replaceChildren();
    $('audit-files').replaceChildren();
    $('audit-files').hidden = true;
    this.#chart.reset();
  }

  /** The flip rate over the clips so far, after a (re)connect. */
  history({ iterations, activations }, total) {
    this.#chart.reset({ iterations, activations: activations.map((share) => 100 * share) }, total);
  }

  /** Adds to the curve, which is that of the model in question. */
  progressed({ request }, { iteration, iterations, activation, audit }) {
    if (audit?.flipRate != null && audit.model === request.model) {
      this.#chart.add(iteration, 100 * activation, iterations);
    }
  }

  /** State and progress of the job. */
  show(job, progress, words) {
    const { state } = job;
    const [label, share] = this.#progressOf(job, progress);
    const whole = Math.floor(share * 100);
    setText('audit-progress-label', label);
    setText('audit-progress-share', `${whole} %`);
    $('audit-progress-fill').style.width = `${share * 100}%`;
    $('audit-progress-bar').setAttribute('aria-valuenow', String(whole));
    $('audit-progress-bar').setAttribute('aria-valuetext', label);
    $('audit-progress-bar').dataset.state = state;
    setText('audit-flips', percent(progress?.audit?.flipRate));
    setText('audit-noise', percent(progress?.audit?.noiseFloor));
    setText('audit-clips', progress === null ? '–' : `${progress.iteration} / ${progress.iterations}`);
    setText('audit-skipped', String(progress?.audit?.skipped ?? 0));
    setText('audit-time-label', FINAL.includes(state) ? 'Time taken' : 'Time left');
    setText('audit-time', words.time);
    setText('audit-runtime', job.run?.runtime ?? '–');
    $('audit-pause').hidden = state !== 'running' && state !== 'paused';
    setText('audit-pause', state === 'paused' ? 'Resume' : 'Pause');
    $('audit-cancel').hidden = FINAL.includes(state);
    $('audit-live').hidden = state === 'succeeded';
    $('audit-result').hidden = state !== 'succeeded';
  }

  #progressOf({ state, run }, progress) {
    const {
      iteration = 0,
      iterations = run?.clips ?? 0,
      framesEncoded = 0,
      framesToEncode = 0,
      audit,
    } = progress ?? {};
    const reached = iterations === 0 ? 0 : iteration / iterations;
    switch (state) {
      case 'queued':
        return [iteration > 0 ? 'Interrupted; goes on in its turn' : 'Waiting for the job before it', reached];
      case 'starting':
        return ['Opening the models', 0];
      case 'encoding':
        return [`Writing the report: ${framesEncoded} of ${framesToEncode} files`, 1];
      case 'succeeded':
        return ['Finished', 1];
      case 'failed':
        return [iteration > 0 ? `Failed after ${iteration} clips` : 'Failed', reached];
      case 'canceled':
        return [iteration > 0 ? `Cancelled after ${iteration} clips` : 'Cancelled before it ran', reached];
      default:
        return [audit === undefined ? 'Running' : `Clip ${iteration} of ${iterations}: ${audit.clip}`, reached];
    }
  }

  /** The finished report in place: verdict, charts, tables, files. */
  async showResult(id, isCurrent) {
    if (this.#shown === id) return;
    const { artifacts } = await call('GET', `v1/jobs/${id}/artifacts`);
    const report = await call('GET', `v1/jobs/${id}/artifacts/report.json`);
    const addresses = new Map();
    for (const { name, url } of artifacts) {
      if (name in FILES || name in FIGURES) addresses.set(name, await fileAddress(url));
    }
    if (!isCurrent()) return;
    this.#shown = id;
    $('audit-result').replaceChildren(...this.#verdicts(report), ...this.#body(report, addresses));
    $('audit-files').replaceChildren(...this.#files(id, artifacts, addresses));
    $('audit-files').hidden = false;
  }

  #verdicts({ models, controls }) {
    const failed = controls.filter(({ passed }) => !passed);
    return [
      ...models.map(({ name, verdict, sentence }) =>
        element(
          'section',
          { className: 'audit-verdict', ariaLabel: `Verdict on ${name}` },
          element('p', { className: 'verdict-word large', text: verdict }),
          element('p', { text: sentence.replace(/^\w+: /, '') }),
        ),
      ),
      ...failed.map(({ name, expectation, found }) =>
        element('p', {
          className: 'notice error',
          role: 'alert',
          text: `Control failed, do not trust the verdict: ${name}. Expected: ${expectation}. Found: ${found}.`,
        }),
      ),
      ...(failed.length === 0 && controls.length > 0
        ? [
            element('p', {
              className: 'quiet',
              text: `Controls passed: ${controls.map(({ name }) => name).join(', ')}.`,
            }),
          ]
        : []),
    ];
  }

  #body({ models, comparisons }, addresses) {
    const shuffled = comparisons.filter(({ condition }) => condition === 'shuffle');
    return [
      ...shuffled.map(({ sentence }) => element('p', { text: sentence })),
      ...Object.entries(FIGURES).flatMap(([name, words]) =>
        addresses.has(name)
          ? [element('img', { className: 'audit-figure', src: addresses.get(name), alt: words, loading: 'lazy' })]
          : [],
      ),
      ...models.map(conditionTable),
      ...models.filter(({ classes }) => classes.length > 0).map(classTable),
      ...models.flatMap(({ name, skipped, unlabelled }) => [
        ...listed(`Skipped by ${name}`, skipped),
        ...listed(`Without a true class for ${name}`, unlabelled),
      ]),
    ];
  }

  #files(id, artifacts, addresses) {
    return Object.entries(FILES).flatMap(([name, words]) => {
      const artifact = artifacts.find((one) => one.name === name);
      if (artifact === undefined) return [];
      const link = element('a', { href: addresses.get(name), text: words });
      // A page that was fetched with a token cannot bring its own style here: it is saved instead.
      if (name === 'report.html' && !link.href.startsWith('blob:')) link.target = '_blank';
      else link.download = `${id}-${name}`;
      const size = element('span', { className: 'quiet', text: `${Math.ceil(artifact.bytes / 1000)} kB` });
      return [element('li', {}, link, ' ', size)];
    });
  }
}

function option(value, text) {
  return element('option', { value, text });
}

/** The form; `started(id)` is called with a new job. */
export class AuditForm {
  #started;
  #failed;

  constructor({ started, failed }) {
    this.#started = started;
    this.#failed = failed;
    $('audit-start').addEventListener('submit', (event) => {
      event.preventDefault();
      void this.#start();
    });
    $('audit-model').addEventListener('change', () => this.#offerOthers());
  }

  /** @param recognisers as `GET /v1/models` gives them; sets of clips are asked for */
  async load(recognisers) {
    $('audit-model').replaceChildren(...recognisers.map(({ name }) => option(name, name)));
    if (recognisers.some(({ name }) => name === 'figures-lrcn')) $('audit-model').value = 'figures-lrcn';
    $('audit-button').disabled = recognisers.length === 0;
    this.#offerOthers();
    const { clips } = await call('GET', 'v1/clips');
    $('audit-set').replaceChildren(
      option('', 'those that the model brings'),
      ...clips.map((name) => option(name, name)),
    );
  }

  #offerOthers() {
    const before = $('audit-compare').value;
    const others = [...$('audit-model').options]
      .map(({ value }) => value)
      .filter((name) => name !== $('audit-model').value);
    $('audit-compare').replaceChildren(option('', 'nothing'), ...others.map((name) => option(name, name)));
    if (others.includes(before)) $('audit-compare').value = before;
  }

  async #start() {
    setText('audit-error', '');
    $('audit-button').disabled = true;
    const [compare, clips] = [$('audit-compare').value, $('audit-set').value];
    try {
      const { id } = await call('POST', 'v1/jobs', {
        kind: 'audit',
        model: $('audit-model').value,
        permutations: Number($('audit-permutations').value),
        ...(compare !== '' && { compare: [compare] }),
        ...(clips !== '' && { clips }),
      });
      this.#started(id);
    } catch (error) {
      setText(
        'audit-error',
        error instanceof ApiError ? `${error.message} ${error.remedy}` : 'The server cannot be reached.',
      );
      this.#failed(error);
    } finally {
      $('audit-button').disabled = false;
    }
  }
}
