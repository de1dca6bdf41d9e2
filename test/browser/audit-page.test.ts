/** An audit on the page, in a real Chromium, with a tiny network and real clips. */
import { mkdir } from 'node:fs/promises';
import { describe, expect, it } from 'vitest';
import { TINY_RECOGNISER, writeTinyClips, writeTinyModels } from '../fixtures/tiny-models.js';
import { expectSoundInAllLooks, hasBrowser } from './harness.js';
import { usePage } from './page-fixture.js';

describe.skipIf(!hasBrowser)('an audit on the page', () => {
  const web = usePage({
    async fill(place) {
      await writeTinyModels(place('models'), { clips: 1 });
      await mkdir(place('sets'));
      await writeTinyClips(place('sets', 'dots'), 4);
    },
  });
  const { show, text, button } = web;
  const state = (expected: string) => expect.poll(() => text('.watch .state')).toBe(expected);

  async function startAudit(orders: number): Promise<void> {
    await show('audit');
    await expect.poll(() => web.page.locator('#audit-set option').allInnerTexts()).toContain('dots');
    await web.page.locator('#audit-set').selectOption('dots');
    await web.page.getByLabel('Orders of each clip').fill(String(orders));
    await button('Audit').click();
  }

  it('is started, followed, and shown: the verdict in words, charts, tables, files', async () => {
    await startAudit(5);
    await state('finished');
    expect(web.server.jobs.list()[0]?.request).toMatchObject({
      kind: 'audit',
      model: TINY_RECOGNISER,
      clips: 'dots',
      permutations: 5,
    });
    expect(await text('.job-title')).toBe(`Audit of ${TINY_RECOGNISER}`);
    expect(await text('.job-subtitle')).toBe('12 clips · 5 orders each · delta 5 % · seed 1');
    const verdict = web.page.getByRole('region', { name: `Verdict on ${TINY_RECOGNISER}` });
    await verdict.waitFor();
    expect((await verdict.innerText()).replace(/\s+/g, ' ')).toMatch(
      /^tiny-lrcn (In)?(sensitive|conclusive) .*Flip rate .* noise floor .* N = 12 clips, R = 5 orders each, delta = 5\.0 %\.$/i,
    );
    expect(new URL(web.page.url()).hash).toBe(`#/audit/${web.server.jobs.list()[0]?.id}`);
    // The chart says in words what it shows: every point with its interval.
    const chart = web.page.locator('.strength-charts').getByRole('img');
    expect(await chart.getAttribute('aria-label')).toMatch(
      /^tiny-lrcn: .*shuffle: [\d.]+ \([\d.]+ to [\d.]+\).*noise floor, 95 % [\d.]+ to [\d.]+/,
    );
    expect(await chart.locator('canvas').evaluate((canvas: any) => canvas.width)).toBeGreaterThan(300);
    await web.page.getByText(/^Every condition/).click();
    const row = web.page.getByRole('row', { name: /^shuffle-within-clip/ });
    expect(await row.count()).toBe(1);
    await web.page.getByText(/^More charts/).click();
    const figure = web.page.getByAltText('Flip rate by class', { exact: true });
    await expect.poll(() => figure.evaluate((image: any) => image.naturalWidth)).toBeGreaterThan(300);
    expect(
      await web.page
        .getByRole('table', { name: `Classes: ${TINY_RECOGNISER}` })
        .getByRole('row')
        .count(),
    ).toBe(4);
    expect(await web.page.locator('.artifacts a').allInnerTexts()).toEqual([
      'Report',
      'Report (JSON)',
      'Clips (CSV)',
      'Conditions (CSV)',
    ]);
    // The report itself, as the server sends it: with its own style.
    const [report] = await Promise.all([
      web.page.context().waitForEvent('page'),
      web.page.locator('.artifacts a').first().click(),
    ]);
    await report.waitForLoadState();
    expect(await report.locator('h1').innerText()).toBe(`Does ${TINY_RECOGNISER} use the order of frames?`);
    const hue = await report
      .locator('.verdict')
      .evaluate((e: any) => (globalThis as any).getComputedStyle(e).borderLeftWidth);
    expect(hue).toBe('8px');
    await report.close();
    await expectSoundInAllLooks(web.page);
    expect(web.complaints).toEqual([]);
  });

  it('shows how far it is, can be paused and cancelled', async () => {
    await startAudit(20_000);
    await state('running');
    await expect.poll(() => text('.progress-label'), { timeout: 60_000 }).toMatch(/^Clip \d+ of 12: .*\.mp4$/);
    await expect.poll(() => text('#audit-flips')).toMatch(/^\d+\.\d %$/);
    await expect
      .poll(() => web.page.locator('#audit-chart').getAttribute('aria-label'))
      .toMatch(/^Flip rate of the shuffled clips so far: flip rate from /);
    await web.page.getByRole('button', { name: 'Pause' }).click();
    await state('paused');
    await web.page.getByRole('button', { name: 'Resume' }).click();
    await state('running');
    await web.page.getByRole('button', { name: 'Cancel audit' }).click();
    await state('cancelled');
    expect(await text('.progress-label')).toMatch(/^Cancelled after \d+ clips$/);
    expect(web.complaints).toEqual([]);
  });

  it('goes on after the server was stopped and started again', async () => {
    await startAudit(1500);
    await expect.poll(() => text('#audit-clips'), { timeout: 60_000 }).toMatch(/^[2-9] \/ 12$/);
    await web.restart();
    await show('audit');
    await state('finished');
    const [job] = web.server.jobs.list();
    expect(job?.events.map((event) => event.state)).toContain('queued');
    expect((job?.run as { found: number }).found).toBeGreaterThan(0);
  });

  it('says what is wrong with a request', async () => {
    await show('audit');
    await expect.poll(() => web.page.locator('#audit-set option').count()).toBe(2);
    await web.page.locator('#audit-set').evaluate((select: any) => (select.options[1].value = 'gone'));
    await web.page.locator('#audit-set').selectOption('gone');
    await button('Audit').click();
    await expect.poll(() => text('#audit-error')).toContain('There is no set of clips named "gone"');
  });

  it('shows its figures with a token, too, and lists the audits that there are', async () => {
    await web.restart('a-token-of-many-letters');
    await show('audit');
    await web.page.getByRole('textbox', { name: 'Token' }).fill('a-token-of-many-letters');
    await web.page.getByRole('button', { name: 'Continue' }).click();
    await web.page.locator('.audit-side .jobs a').first().waitFor();
    await web.page.locator('.audit-side .jobs a', { hasText: 'finished' }).last().click();
    await state('finished');
    await web.page.getByText(/^More charts/).click();
    const figure = web.page.locator('.audit-figure').first();
    await figure.waitFor();
    await expect.poll(() => figure.getAttribute('src')).toMatch(/^blob:/);
  });
});
