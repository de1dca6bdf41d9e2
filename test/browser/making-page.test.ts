/** Figures and batches on the page, in a real Chromium: put together, started, and what they left; with tiny networks. */
import { afterEach, describe, expect, it } from 'vitest';
import { jobRequest } from '../../src/protocol/index.js';
import { TINY_CLASSIFIER, writeTinyClassifier } from '../fixtures/tiny-classifier.js';
import { TINY_PRIOR, TINY_RECOGNISER, writeTinyModels } from '../fixtures/tiny-models.js';
import { reaches } from '../jobs/fixtures/fixtures.js';
import { expectSoundInAllLooks, hasBrowser } from './harness.js';
import { usePage } from './page-fixture.js';

describe.skipIf(!hasBrowser)('Figures and batches', () => {
  const web = usePage({
    async fill(place) {
      await writeTinyModels(place('models'), { clips: 2 });
      writeTinyClassifier(place('models'));
    },
  });
  const { show, button } = web;
  const combobox = (name: string) => web.page.getByRole('combobox', { name, exact: true });
  const code = () => web.page.locator('pre.code').innerText();
  const state = (expected: string) =>
    expect.poll(() => web.page.locator('.watch .state').first().innerText()).toBe(expected);

  async function chooseKind(name: string): Promise<void> {
    await show('start');
    await web.page.locator('.kinds label', { hasText: name }).click();
  }

  async function iterations(count: number): Promise<void> {
    await web.page.getByText('Advanced options').click();
    await web.page.getByLabel('Iterations', { exact: true }).fill(String(count));
  }

  /** Starts it, and gives its request as the server has it. */
  async function started(): Promise<{ id: string; request: object }> {
    await button('Start').click();
    await web.page.waitForURL(/#\/watch\/./);
    const id = new URL(web.page.url()).hash.split('/')[2]!;
    return { id, request: web.server.jobs.get(id).request };
  }

  const width = (selector: string) =>
    expect.poll(() =>
      web.page
        .locator(selector)
        .first()
        .evaluate((image: any) => image.naturalWidth as number),
    );

  afterEach(() => expect(web.complaints).toEqual([]));

  it('puts a figure together out of what the server has, and shows its picture and its document', async () => {
    await chooseKind('Figure');
    expect(await code()).toBe(`neuroreel figure s9 --model ${TINY_CLASSIFIER}`);
    await combobox('Figure').selectOption('s13');
    for (const unit of ['left', 'still']) {
      const picker = web.page.getByRole('combobox', { name: /^(Choose units|Add a unit)$/ });
      await picker.fill(unit);
      await picker.press('Enter');
    }
    await combobox('Priors').selectOption('pixels');
    await combobox('Priors').selectOption(TINY_PRIOR);
    await iterations(2);
    await expectSoundInAllLooks(web.page);
    expect((await code()).split(' \\\n  ')).toEqual([
      'neuroreel figure s13',
      `--model ${TINY_CLASSIFIER}`,
      '--units left,still',
      `--priors pixels,${TINY_PRIOR}`,
      '--iterations 2',
    ]);
    await button('JSON').click();
    const asked = JSON.parse(await code()) as object;
    const { request } = await started();
    expect(request).toMatchObject(asked);
    await state('finished');
    expect(await web.page.locator('h1').innerText()).toBe(`Priors for ${TINY_CLASSIFIER}`);
    await width('.screen img').toBeGreaterThan(100);
    expect(await web.page.locator('.artifacts a').allInnerTexts()).toEqual(['Figure', 'Document of the figure']);
    await expectSoundInAllLooks(web.page);
    await web.page.getByRole('link', { name: 'Change and start' }).click();
    await expect.poll(() => combobox('Figure').inputValue()).toBe('s13');
    await expect.poll(code).toContain('--units left,still');
  });

  it('offers only what a figure makes something of, and the layers of the model', async () => {
    await chooseKind('Figure');
    await combobox('Figure').selectOption('s14');
    const layers = combobox('Layers');
    await expect.poll(() => layers.locator('option').allInnerTexts()).toContain('conv1');
    await layers.selectOption('conv1');
    await web.page.getByLabel('Units', { exact: true }).fill('0, 2');
    await web.page.getByLabel('Units', { exact: true }).blur();
    expect(await code()).toMatch(/--units 0,2 .*--layers conv1|--layers conv1 .*--units 0,2/);
    await combobox('Figure').selectOption('s9');
    expect(await layers.count()).toBe(0);
    expect(await code()).toBe(`neuroreel figure s9 --model ${TINY_CLASSIFIER}`);
    await combobox('Figure').selectOption('s22');
    await web.page.getByText('The server has no sets').waitFor();
    await button('Start').click();
    await expect.poll(() => web.page.locator('#start-error').innerText()).toContain('needs `real`');
    web.complaints = [];
  });

  it('puts finished videos beside each other, in the order in which they were chosen', async () => {
    const video = { kind: 'video', model: TINY_RECOGNISER, frames: 8, iterations: 2 };
    for (const unit of ['left', 'right']) await web.server.jobs.submit(unit, jobRequest.parse({ ...video, unit }));
    await reaches(web.server.jobs, 'right', 'succeeded');
    await chooseKind('Figure');
    await combobox('Figure').selectOption('stacked');
    for (const name of ['right', 'left']) await combobox('Jobs (needed)').selectOption(name);
    const parts = ['neuroreel figure stacked', '--videos right left', `--server ${web.server.url}`];
    expect((await code()).split(' \\\n  ')).toEqual(parts);
    const { request } = await started();
    expect(request).toMatchObject({ figure: 'stacked', jobs: ['right', 'left'] });
    await state('finished');
    const playing = web.page.locator('.screen video');
    await expect.poll(() => playing.evaluate((one: any) => one.videoWidth as number)).toBeGreaterThan(15);
    expect(await web.page.locator('.artifacts a').allInnerTexts()).toContain('Figure as video');
  });

  it('starts a batch of all units, shows what its jobs left, and all of it as one page', async () => {
    await chooseKind('Batch');
    await combobox('Model').selectOption(TINY_CLASSIFIER);
    await iterations(2);
    await expectSoundInAllLooks(web.page);
    expect(await code()).toBe(`neuroreel batch --model ${TINY_CLASSIFIER} --iterations 2`);
    const { id, request } = await started();
    expect(request).toMatchObject({ units: 'all', job: { kind: 'image', model: TINY_CLASSIFIER, iterations: 2 } });
    await state('finished');
    const parts = web.page.getByRole('list', { name: 'Jobs of the batch' });
    await expect.poll(() => parts.getByRole('link').count()).toBe(3);
    await width('.gallery img').toBeGreaterThan(15);
    await expectSoundInAllLooks(web.page);
    const opened = web.page.waitForEvent('popup');
    await web.page.getByRole('link', { name: 'All as one page' }).click();
    const index = await opened;
    await expect.poll(() => index.locator('h1').innerText()).toBe(`Preferred pictures of ${TINY_CLASSIFIER}`);
    const there = index.locator('.parts img');
    await expect
      .poll(() => there.evaluateAll((all: any[]) => all.filter((one) => one.naturalWidth > 0).length))
      .toBe(3);
    await index.close();
    await web.page.getByRole('link', { name: 'Change and start' }).click();
    await expect.poll(code).toContain('neuroreel batch');
    await combobox('Choose units').fill('still');
    await combobox('Choose units').press('Enter');
    await expect.poll(code).toContain('--units still');
    await button('JSON').click();
    expect(JSON.parse(await code())).toMatchObject({ units: ['still'], job: { iterations: 2 } });
    await parts.waitFor({ state: 'detached' });
    expect(web.server.jobs.get(id).state).toBe('succeeded');
  });
});
