/** What is made of an audit's report: page, tables, charts. The reports are of real audits of simulated recognisers. */
import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import sharp from 'sharp';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { audit } from '../../src/engine/audit/audit.js';
import { bagOfFrames, directionOfMotion, DIRECTIONS, movingBars } from '../../src/engine/audit/controls.js';
import { auditReport, type AuditReport, type SynthesisedResult } from '../../src/protocol/index.js';
import { auditHtml } from '../../src/report/audit-html.js';
import { clipsCsv, conditionsCsv } from '../../src/report/csv.js';
import { findingsOf } from '../../src/report/findings.js';
import { AUDIT_FILES, writeAuditFiles } from '../../src/report/write-audit.js';
import { tableOf } from '../../src/video/clip-files.js';

const size = { width: 16, height: 4 };
const HOSTILE = '<img src=x onerror="alert(1)">, "a"\n& co';
const video: SynthesisedResult = {
  name: 'out/video',
  model: 'direction',
  unit: { index: 0, label: 'rightwards' },
  frames: 16,
  orders: 999,
  inOrder: { activation: 5, probability: 0.9, answer: 'rightwards' },
  shuffled: { activation: { value: 1, low: 0.5, high: 2 }, probability: 0.5, flipRate: 0.4, p: 0.001 },
  reversed: { activation: -5, probability: 0.1, answer: 'leftwards' },
  partner: {
    label: 'leftwards',
    inOrder: { activation: -5, probability: 0.1 },
    reversed: { activation: 5, probability: 0.9 },
  },
  real: { mean: 4, clips: 3 },
  sentence: 'out/video: the activation of rightwards depends on the order of frames.',
};

let report: AuditReport;
let folder: string;
let names: string[];
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'neuroreel-report-'));
  const partners = { rightwards: 'leftwards', leftwards: 'rightwards' };
  report = await audit({
    models: [
      { name: 'direction', scorer: directionOfMotion(size), labels: DIRECTIONS, partners },
      { name: 'bag', scorer: bagOfFrames({ classes: 2, ...size }), labels: DIRECTIONS },
    ],
    clips: [
      ...[...movingBars({ clips: 20, frames: 16, ...size, seed: 2 })].map((clip, i) =>
        i === 3 ? { ...clip, name: HOSTILE } : clip,
      ),
      { name: 'torn.mp4', unusable: 'it is empty' },
    ],
    synthesised: [video],
    source: HOSTILE,
  });
  names = await writeAuditFiles(folder, report);
});
afterAll(() => rm(folder, { recursive: true, force: true }));

describe('the files of an audit', () => {
  it('are the page, the report, two tables, and every chart twice', async () => {
    expect((await readdir(folder)).sort()).toEqual([...names].sort());
    expect(names).toEqual(expect.arrayContaining(Object.values(AUDIT_FILES)));
    const charts = names.filter((name) => name.endsWith('.svg')).map((name) => name.slice(0, -4));
    expect(charts).toEqual([
      'models',
      'comparison',
      'flip-rate',
      'metrics',
      'classes',
      'reversal',
      'flip-rate-bag',
      'metrics-bag',
      'classes-bag',
      'reversal-bag',
      'decomposition',
      'synthesised',
    ]);
    for (const chart of charts) expect(names).toContain(`${chart}.png`);
    expect(auditReport.parse(JSON.parse(await readFile(join(folder, AUDIT_FILES.report), 'utf8')))).toEqual(report);
  });

  it('have the same bytes for the same report', async () => {
    const again = await mkdtemp(join(tmpdir(), 'neuroreel-report-'));
    await writeAuditFiles(again, report);
    for (const name of names) {
      expect((await readFile(join(again, name))).equals(await readFile(join(folder, name))), name).toBe(true);
    }
    await rm(again, { recursive: true });
  });

  it('show something: no chart is blank', async () => {
    for (const name of names.filter((one) => one.endsWith('.png'))) {
      const { channels } = await sharp(join(folder, name)).stats();
      expect(Math.max(...channels.map(({ stdev }) => stdev)), name).toBeGreaterThan(8);
    }
  });
});

describe('the page', () => {
  let page: string;
  beforeAll(async () => (page = await readFile(join(folder, AUDIT_FILES.page), 'utf8')));

  it('begins with the verdict in words and its numbers', () => {
    const words = page
      .slice(page.indexOf('<main>'))
      .replace(/<[^>]*>/g, ' ')
      .replaceAll('&nbsp;', ' ')
      .replace(/\s+/g, ' ');
    expect(words.slice(0, 400)).toMatch(
      /Do direction and bag use the order of frames\? sensitive direction uses the order of frames .*Flip rate .* noise floor .* N = 20 clips, R = 20 orders each, delta = 5\.0 %/,
    );
  });

  it('needs nothing but itself, and runs nothing', () => {
    expect(page).not.toMatch(/<(script|link|iframe|object|img)\b/i);
    expect(page).not.toMatch(/\b(src|href)="(?!#)/);
    expect(page).not.toMatch(/url\((?!#)/);
    expect(page.match(/<svg /g)!.length).toBe(12);
  });

  it('has ids that are no other figure’s', () => {
    const ids = [...page.matchAll(/\bid="([^"]+)"/g)].map(([, id]) => id);
    expect(new Set(ids).size).toBe(ids.length);
    for (const [, id] of page.matchAll(/url\(#([^)]+)\)/g)) expect(ids).toContain(id);
  });

  it('makes every text safe', () => {
    expect(page).not.toContain('<img');
    expect(page).toContain('&lt;img src=x');
  });

  it('warns when a control has failed', () => {
    const [first, ...rest] = report.controls;
    const failed = { ...report, controls: [{ ...first!, passed: false, found: 'largest change 0.5' }, ...rest] };
    expect(auditHtml(failed, [])).toContain('Found: largest change 0.5. Do not trust the verdict.');
  });

  it('does without accuracy, partners and charts where there are none', () => {
    const [model] = report.models;
    const bare = {
      ...report,
      synthesised: [],
      comparisons: [],
      models: [{ ...model!, classes: [], reversal: null, decomposition: null, tau: null, reversalConfusion: [] }],
    };
    expect(auditHtml(bare, [])).toMatch(/Does direction use the order/);
    expect(findingsOf(bare)).toHaveLength(2);
  });
});

describe('the tables', () => {
  it('have a row a clip and condition, and can be read again', () => {
    const [head, ...rows] = tableOf(clipsCsv(report), ',');
    const conditions = report.models[0]!.conditions.length;
    expect(rows).toHaveLength(2 * 20 * conditions);
    const column = (name: string): number => head!.indexOf(name);
    const row = rows.find((one) => one[column('clip')] === HOSTILE && one[column('condition')] === 'reverse')!;
    expect(row[column('answer')]).toBe('rightwards');
    expect(Number(row[column('flip_rate')])).toBe(1);
    for (const one of rows) expect(one).toHaveLength(head!.length);
  });

  it('have a row a condition with every number of it', () => {
    const [head, ...rows] = tableOf(conditionsCsv(report), ',');
    expect(rows).toHaveLength(2 * report.models[0]!.conditions.length);
    const shuffle = rows.find((row) => row[0] === 'direction' && row[1] === 'shuffle')!;
    const { flipRate, judgement } = report.models[0]!.conditions.find(({ name }) => name === 'shuffle')!;
    expect(Number(shuffle[head!.indexOf('flip_rate_high')])).toBe(flipRate.high);
    expect(shuffle[head!.indexOf('verdict')]).toBe(judgement!.verdict);
  });
});

describe('findings', () => {
  it('are said in sentences, each only where there are numbers for it', () => {
    const findings = findingsOf(report);
    expect(findings[0]).toMatch(
      /^direction names 100\.0 % \(.*\) of the clips rightly in order and .* shuffled; tau = /,
    );
    expect(
      findings.some((one) => /^Of the 20 reversed clips .* gives 100\.0 % \(.*\) the partner's label/.test(one)),
    ).toBe(true);
    expect(findings.at(-1)).toMatch(/^direction changes its answer more often than bag \(shuffle\)/);
  });
});
