/** An audit on the page, in a real Chromium, with a tiny network and real clips. */
import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import type { Browser, Page } from 'playwright-core';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { ModelRegistry } from '../../src/engine/models/registry.js';
import { jobKinds } from '../../src/jobs/kinds.js';
import { createServer, type NeuroreelServer } from '../../src/server/index.js';
import { TINY_RECOGNISER, writeTinyClips, writeTinyModels } from '../fixtures/tiny-models.js';
import { temporaryFolder } from '../jobs/fixtures/fixtures.js';
import { complaintsOf, expectSoundInAllLooks, hasBrowser, launch } from './harness.js';

describe.skipIf(!hasBrowser)('an audit on the page', () => {
  let browser: Browser;
  let folder: Awaited<ReturnType<typeof temporaryFolder>>;
  let server: NeuroreelServer;
  let page: Page;
  let complaints: string[];

  const place = (...parts: string[]): string => join(folder.path, ...parts);
  const text = (selector: string): Promise<string> => page.locator(selector).innerText();
  const state = (expected: string) => expect.poll(() => text('.watch .state'), { timeout: 60_000 }).toBe(expected);

  async function start(token?: string): Promise<void> {
    const models = ModelRegistry.open({ folders: [place('models')] });
    const clipFolders = [place('sets')];
    const settings = { modelFolders: [place('models')], runtime: 'auto', threads: 1, clipFolders };
    const config = { port: 0, dataFolder: place('data'), logLevel: 'silent', clipFolders, token } as const;
    server = await createServer(config, { models, kinds: jobKinds(models, settings) });
    await server.listen();
  }

  beforeAll(async () => {
    folder = await temporaryFolder();
    await writeTinyModels(place('models'), { clips: 1 });
    await mkdir(place('sets'));
    await writeTinyClips(place('sets', 'dots'), 4);
    [browser] = await Promise.all([launch(), start()]);
  });

  afterAll(async () => {
    await browser?.close();
    await server?.close();
    await folder?.remove();
  });

  beforeEach(async () => {
    page = await browser.newPage({ viewport: { width: 1280, height: 860 } });
    complaints = complaintsOf(page);
  });

  afterEach(() => page.close());

  async function startAudit(orders: number): Promise<void> {
    await page.goto(`${server.url}#/audit`);
    await expect.poll(() => page.locator('#audit-set option').allInnerTexts()).toContain('dots');
    await page.locator('#audit-set').selectOption('dots');
    await page.getByLabel('Orders of each clip').fill(String(orders));
    await page.getByRole('button', { name: 'Audit', exact: true }).click();
  }

  it('is started, followed, and shown: the verdict in words, charts, tables, files', async () => {
    await startAudit(5);
    await state('finished');
    expect(server.jobs.list()[0]?.request).toMatchObject({
      kind: 'audit',
      model: TINY_RECOGNISER,
      clips: 'dots',
      permutations: 5,
    });
    expect(await text('.job-title')).toBe(`Audit of ${TINY_RECOGNISER}`);
    expect(await text('.job-subtitle')).toBe('12 clips · 5 orders each · delta 5 % · seed 1');
    const verdict = page.getByRole('region', { name: `Verdict on ${TINY_RECOGNISER}` });
    await verdict.waitFor();
    expect((await verdict.innerText()).replace(/\s+/g, ' ')).toMatch(
      /^tiny-lrcn (In)?(sensitive|conclusive) .*Flip rate .* noise floor .* N = 12 clips, R = 5 orders each, delta = 5\.0 %\.$/i,
    );
    expect(new URL(page.url()).hash).toBe(`#/audit/${server.jobs.list()[0]?.id}`);
    // The chart says in words what it shows: every point with its interval.
    const chart = page.locator('.strength-charts').getByRole('img');
    expect(await chart.getAttribute('aria-label')).toMatch(
      /^tiny-lrcn: .*shuffle: [\d.]+ \([\d.]+ to [\d.]+\).*noise floor, 95 % [\d.]+ to [\d.]+/,
    );
    expect(await chart.locator('canvas').evaluate((canvas: any) => canvas.width)).toBeGreaterThan(300);
    await page.getByText(/^Every condition/).click();
    const row = page.getByRole('row', { name: /^shuffle-within-clip/ });
    expect(await row.count()).toBe(1);
    await page.getByText(/^More charts/).click();
    const figure = page.getByAltText('Flip rate by class', { exact: true });
    await expect.poll(() => figure.evaluate((image: any) => image.naturalWidth)).toBeGreaterThan(300);
    expect(
      await page
        .getByRole('table', { name: `Classes: ${TINY_RECOGNISER}` })
        .getByRole('row')
        .count(),
    ).toBe(4);
    expect(await page.locator('.artifacts a').allInnerTexts()).toEqual([
      'Report',
      'Report (JSON)',
      'Clips (CSV)',
      'Conditions (CSV)',
    ]);
    // The report itself, as the server sends it: with its own style.
    const [report] = await Promise.all([
      page.context().waitForEvent('page'),
      page.locator('.artifacts a').first().click(),
    ]);
    await report.waitForLoadState();
    expect(await report.locator('h1').innerText()).toBe(`Does ${TINY_RECOGNISER} use the order of frames?`);
    const hue = await report
      .locator('.verdict')
      .evaluate((e: any) => (globalThis as any).getComputedStyle(e).borderLeftWidth);
    expect(hue).toBe('8px');
    await report.close();
    await expectSoundInAllLooks(page);
    expect(complaints).toEqual([]);
  });

  it('shows how far it is, can be paused and cancelled', async () => {
    await startAudit(20_000);
    await state('running');
    await expect.poll(() => text('.progress-label'), { timeout: 60_000 }).toMatch(/^Clip \d+ of 12: .*\.mp4$/);
    await expect.poll(() => text('#audit-flips')).toMatch(/^\d+\.\d %$/);
    await expect
      .poll(() => page.locator('#audit-chart').getAttribute('aria-label'))
      .toMatch(/^Flip rate of the shuffled clips so far: flip rate from /);
    await page.getByRole('button', { name: 'Pause' }).click();
    await state('paused');
    await page.getByRole('button', { name: 'Resume' }).click();
    await state('running');
    await page.getByRole('button', { name: 'Cancel audit' }).click();
    await state('cancelled');
    expect(await text('.progress-label')).toMatch(/^Cancelled after \d+ clips$/);
    expect(complaints).toEqual([]);
  });

  it('goes on after the server was stopped and started again', async () => {
    await startAudit(1500);
    await expect.poll(() => text('#audit-clips'), { timeout: 60_000 }).toMatch(/^[2-9] \/ 12$/);
    await server.close();
    await start();
    await page.goto(`${server.url}#/audit`);
    await state('finished');
    const [job] = server.jobs.list();
    expect(job?.events.map((event) => event.state)).toContain('queued');
    expect((job?.run as { found: number }).found).toBeGreaterThan(0);
  });

  it('says what is wrong with a request', async () => {
    await page.goto(`${server.url}#/audit`);
    await expect.poll(() => page.locator('#audit-set option').count()).toBe(2);
    await page.locator('#audit-set').evaluate((select: any) => (select.options[1].value = 'gone'));
    await page.locator('#audit-set').selectOption('gone');
    await page.getByRole('button', { name: 'Audit', exact: true }).click();
    await expect.poll(() => text('#audit-error')).toContain('There is no set of clips named "gone"');
  });

  it('shows its figures with a token, too, and lists the audits that there are', async () => {
    await server.close();
    await start('a-token-of-many-letters');
    await page.goto(`${server.url}#/audit`);
    await page.getByRole('textbox', { name: 'Token' }).fill('a-token-of-many-letters');
    await page.getByRole('button', { name: 'Continue' }).click();
    await page.locator('.audit-side .jobs a').first().waitFor();
    await page.locator('.audit-side .jobs a', { hasText: 'finished' }).last().click();
    await state('finished');
    await page.getByText(/^More charts/).click();
    const figure = page.locator('.audit-figure').first();
    await figure.waitFor();
    await expect.poll(() => figure.getAttribute('src')).toMatch(/^blob:/);
  });
});
