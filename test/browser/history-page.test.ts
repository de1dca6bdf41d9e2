/** The history on the page, in a real Chromium: a thousand jobs in the store, and some that are done anew. */
import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import sharp from 'sharp';
import { afterEach, describe, expect, it } from 'vitest';
import { JobStore } from '../../src/jobs/store/job-store.js';
import { job as jobSchema, jobRequest, type Job } from '../../src/protocol/index.js';
import { createServer } from '../../src/server/index.js';
import { reaches } from '../jobs/fixtures/fixtures.js';
import { expectSoundInAllLooks, hasBrowser, sketches } from './harness.js';
import { usePage } from './page-fixture.js';

const MANY = 1000;

/** A job that ended, as the store has it. */
function ended(number: number): Job {
  const at = new Date(Date.UTC(2026, 0, 1, 0, number)).toISOString();
  const state = number % 20 === 0 ? 'failed' : number % 20 === 1 ? 'canceled' : 'succeeded';
  const request = { kind: 'video', model: 'sketch', unit: number % 2, seed: number, frames: 40 };
  return jobSchema.parse({
    ...{ id: `job-${number}`, request: jobRequest.parse(request), state, priority: 0, parent: null, batch: null },
    ...{ webhook: null, steering: [], crashes: 0, createdAt: at, updatedAt: at, startedAt: at, endedAt: at, run: null },
    error: state === 'failed' ? { code: 'FFMPEG_FAILED', message: 'ffmpeg broke off.', remedy: 'Try again.' } : null,
    ...{ progress: null, events: [{ state, at }], eventLoopMaxPauseMs: null },
  });
}

/** Fills a data folder with jobs, the finished ones with a picture. */
async function fill(dataFolder: string): Promise<void> {
  await mkdir(dataFolder, { recursive: true });
  const store = await JobStore.open(dataFolder);
  const sheet = { create: { width: 256, height: 64, channels: 3, background: '#8855cc' } } as const;
  const { folder } = await store.runFolder('sheet');
  await writeFile(join(folder, 'sheet.png'), await sharp(sheet).png().toBuffer());
  const artifacts = await store.takeArtifacts(folder);
  store.write(() => {
    for (let number = 1; number <= MANY; number++) {
      const job = ended(number);
      const history = { iterations: [], activations: [] };
      store.rows.insert({ job, history, fingerprint: job.id, secret: null, states: null });
      if (job.state === 'succeeded') store.rows.setArtifacts(job.id, artifacts);
    }
  });
  await store.close();
}

describe.skipIf(!hasBrowser)('the history on the page', () => {
  const web = usePage({
    fill: (place) => fill(place()),
    async start(place, token) {
      const module = new URL('./fixtures/drawing-job.mjs', import.meta.url).href;
      const kinds = { video: { module, settings: { stepMs: 5, iterations: 20 }, check: () => undefined } };
      const config = { port: 0, dataFolder: place(), logLevel: 'silent', token } as const;
      const server = await createServer(config, { models: sketches, kinds });
      await server.listen();
      return server;
    },
  });

  const rows = () => web.page.locator('.row');
  const row = (id: string) => web.page.locator(`.row[data-job="${id}"]`);
  const ids = (): Promise<string[]> => rows().evaluateAll((list: any[]) => list.map(({ dataset }) => dataset.job));
  const show = async (query = ''): Promise<void> => {
    await web.show(`history${query}`);
    await rows().first().waitFor();
  };

  afterEach(() => expect(web.complaints).toEqual([]));

  it('lists a thousand jobs, newest first, page after page as one goes down, and draws what is in sight', async () => {
    const thumbnails: string[] = [];
    web.page.on('request', (request) => request.url().endsWith('.webp') && thumbnails.push(request.url()));
    await show();
    expect((await ids()).slice(0, 2)).toEqual(['job-1000', 'job-999']);
    expect(await rows().count()).toBeLessThan(MANY / 2);
    const asked = thumbnails.length;
    expect(asked).toBeLessThan(MANY / 4);
    const toTheEnd = async (): Promise<number> => {
      await web.page.evaluate(() => (globalThis as any).scrollTo(0, (globalThis as any).document.body.scrollHeight));
      return rows().count();
    };
    await expect.poll(toTheEnd, { timeout: 100_000, interval: 250 }).toBe(MANY);
    const all = await ids();
    expect([all.at(-1), new Set(all).size]).toEqual(['job-1', MANY]);
    expect(await web.page.getByText('1000 jobs', { exact: true }).count()).toBe(1);
    await expect.poll(() => web.page.getByRole('button', { name: 'Show more' }).count()).toBe(0);
    // Rows that are out of sight are not laid out.
    expect(await row('job-1000').evaluate((e: any) => (globalThis as any).getComputedStyle(e).contentVisibility)).toBe(
      'auto',
    );
    const seen = row('job-3').locator('img');
    await expect.poll(() => seen.evaluate((image: any) => image.naturalWidth), { timeout: 20_000 }).toBeGreaterThan(0);
  });

  it('is filtered by state, model and text, and the address keeps that', async () => {
    await show();
    await web.page.getByLabel('State').selectOption({ label: 'failed' });
    await expect.poll(() => rows().count()).toBe(MANY / 20);
    await web.page.getByLabel('Search').fill('job-98');
    await expect.poll(ids).toEqual(['job-980']);
    expect(web.page.url()).toMatch(/#\/history\?state=failed&text=job-98$/);
    await web.page.reload();
    await expect.poll(ids).toEqual(['job-980']);
    await web.page.getByLabel('Kind').selectOption('audits');
    await web.page.getByText('No job is like that.').waitFor();
    await web.page.getByRole('link', { name: 'Show all jobs' }).click();
    await expect.poll(() => rows().count()).toBeGreaterThan(50);
  });

  it('deletes a job after asking, and tries one again', async () => {
    await show('?text=job-99');
    await row('job-999')
      .getByRole('button', { name: /^Delete / })
      .click();
    await row('job-999').getByRole('button', { name: 'Keep' }).click();
    expect(await row('job-999').count()).toBe(1);
    await row('job-999')
      .getByRole('button', { name: /^Delete / })
      .click();
    await row('job-999').getByRole('button', { name: 'Delete for good' }).click();
    await expect.poll(() => row('job-999').count()).toBe(0);
    expect(() => web.server.jobs.get('job-999')).toThrow(/no job/);

    await show('?text=job-980');
    expect(await row('job-980').innerText()).toContain('ffmpeg broke off.');
    await row('job-980')
      .getByRole('button', { name: /^Try .* again$/ })
      .click();
    await expect.poll(() => row('job-980').locator('.state').innerText(), { timeout: 30_000 }).toBe('finished');
    await expect
      .poll(
        () =>
          row('job-980')
            .locator('img')
            .evaluate((image: any) => image.naturalWidth),
        { timeout: 20_000 },
      )
      .toBeGreaterThan(300);
  });

  it('takes in what is new', async () => {
    await show();
    await web.server.jobs.submit('fresh', jobRequest.parse({ kind: 'video', model: 'sketch', unit: 1, frames: 40 }));
    await expect.poll(async () => (await ids())[0], { timeout: 20_000 }).toBe('fresh');
    await reaches(web.server.jobs, 'fresh', 'succeeded');
    await expect.poll(() => row('fresh').locator('.state').innerText(), { timeout: 20_000 }).toBe('finished');
  });

  it('leads to a comparison of those that are chosen', async () => {
    await show('?text=job-97');
    for (const id of ['job-979', 'job-978']) await row(id).getByRole('checkbox').check();
    await web.page.getByRole('link', { name: 'Compare 2' }).click();
    expect(web.page.url()).toMatch(/#\/compare\/job-979\/job-978$/);
    web.complaints = [];
  });

  it('fits every look', async () => {
    await show('?text=job-95');
    await row('job-959')
      .getByRole('button', { name: /^Delete / })
      .click();
    await expectSoundInAllLooks(web.page);
  });

  it('shows pictures with a token, too', async () => {
    await web.restart('a-token-of-many-letters');
    await web.show('history?text=job-8');
    await web.page.getByRole('textbox', { name: 'Token' }).fill('a-token-of-many-letters');
    await web.page.getByRole('button', { name: 'Continue' }).click();
    await rows().first().waitFor();
    await expect.poll(() => row('job-899').locator('img').getAttribute('src'), { timeout: 20_000 }).toMatch(/^blob:/);
    web.complaints = [];
  });
});
