/** Models and Compare on the page, in a real Chromium, with tiny networks, real jobs, real clips and real forward passes. */
import { mkdir } from 'node:fs/promises';
import { afterEach, describe, expect, it } from 'vitest';
import { jobRequest } from '../../src/protocol/index.js';
import { TINY_CLASSIFIER, writeTinyClassifier, writeTinyPictures } from '../fixtures/tiny-classifier.js';
import { TINY_PRIOR, TINY_RECOGNISER, writeTinyModels } from '../fixtures/tiny-models.js';
import { reaches } from '../jobs/fixtures/fixtures.js';
import { expectSoundInAllLooks, hasBrowser } from './harness.js';
import { usePage } from './page-fixture.js';

const UNITS = ['left', 'right', 'still'];

describe.skipIf(!hasBrowser)('sections of the page', () => {
  const web = usePage({
    async fill(place) {
      await writeTinyModels(place('models'), { clips: 2 });
      writeTinyClassifier(place('models'));
      await mkdir(place('sets'));
      await writeTinyPictures(place('sets', 'pictures'), 2);
    },
    async ready({ jobs }) {
      const video = { kind: 'video', model: TINY_RECOGNISER, frames: 40, iterations: 2 };
      for (const unit of UNITS) await jobs.submit(unit, jobRequest.parse({ ...video, unit }));
      // Another rate: its 40 frames take 4 seconds, those of the others 1.6.
      await jobs.submit('slow', jobRequest.parse({ ...video, unit: 'left', fps: 10 }));
      await reaches(jobs, 'slow', 'succeeded');
    },
  });
  const { show, button } = web;

  afterEach(() => expect(web.complaints).toEqual([]));

  describe('Models', () => {
    it('shows what a model is, its layers, and its units', async () => {
      await show(`models/${TINY_RECOGNISER}`);
      await web.page.getByRole('heading', { name: TINY_RECOGNISER }).waitFor();
      const facts = web.page.locator('.model-facts').first();
      await expect.poll(() => facts.innerText()).toContain('windows of 8 frames, one every 4');
      expect(await facts.innerText()).toContain('random numbers');
      await web.page.getByText(/^SHA-256/).click();
      expect(await web.page.locator('.hashes code').last().innerText()).toMatch(/^[0-9a-f]{64}$/);
      const conv = web.page.getByRole('row', { name: /^conv1 / });
      await conv.waitFor();
      expect((await conv.innerText()).split(/\s{2,}|\t|\n/)).toEqual(
        expect.arrayContaining(['conv1', 'Conv2d + Relu', '1 × 6 × 8 × 8', '168', '10.4 k', '3 × 3', 'from 7, 7']),
      );
      await web.page.getByRole('searchbox').fill('igh');
      expect(await web.page.getByRole('list', { name: 'Units' }).getByRole('button').allInnerTexts()).toEqual([
        '1 Right',
      ]);
      await button('1 Right').click();
      expect(web.page.url()).toContain('unit=1');
      await web.page.getByRole('link', { name: 'What does it want to see?' }).click();
      await expect.poll(() => web.page.locator('.start-section').innerText()).toMatch(/--unit right/);
      await web.page.goBack();
      await web.page.getByRole('link', { name: TINY_PRIOR }).first().click();
      await web.page.getByRole('heading', { name: TINY_PRIOR }).waitFor();
      await expect.poll(() => web.page.locator('.model-facts').first().innerText()).toContain('8 numbers');
    });

    it('scores the real clips when asked, and plays those that excite a unit most', async () => {
      await show(`models/${TINY_RECOGNISER}?unit=2`);
      await button(/^Score the 6 clips$/).click();
      const cards = web.page.locator('.example');
      await expect.poll(() => cards.count(), { timeout: 60_000 }).toBe(6);
      await expect.poll(() => web.page.locator('.model-unit').innerText()).toContain('6 of 6 clips scored');
      const numbers = (await web.page.locator('.example .number').allInnerTexts()).map(Number);
      expect(numbers).toEqual([...numbers].sort((a, b) => b - a));
      const picture = cards.first().getByRole('img', { includeHidden: true }).or(cards.first().locator('img'));
      await expect.poll(() => picture.first().evaluate((image: any) => image.naturalWidth)).toBe(96);
      await button('Play all').click();
      const video = cards.first().locator('video');
      await expect
        .poll(() => video.evaluate((element: any) => element.currentTime), { timeout: 20_000 })
        .toBeGreaterThan(0);
      await expectSoundInAllLooks(web.page);
    });

    it('of a classifier shows pictures of a set of the server', async () => {
      await show(`models/${TINY_CLASSIFIER}?unit=1`);
      await web.page.getByRole('combobox', { name: 'Pictures' }).selectOption('pictures');
      await button(/^Score the 6 pictures$/).click();
      await expect.poll(() => web.page.locator('.example img').count(), { timeout: 60_000 }).toBe(6);
      expect(web.page.url()).toContain('clips=pictures');
      await web.page.reload();
      await expect.poll(() => web.page.locator('.example img').count()).toBe(6);
    });

    it('says what to do when there is no such model', async () => {
      await show('models/none');
      await expect.poll(() => web.page.locator('.model .notice').innerText()).toContain('No model is named "none"');
      web.complaints = [];
    });
  });

  describe('Compare', () => {
    const videos = () => web.page.locator('video.compare-video');
    const times = (): Promise<number[]> =>
      videos().evaluateAll((elements: any[]) => elements.map(({ currentTime }) => currentTime as number));
    const ready = (count: number) =>
      expect.poll(() => videos().evaluateAll((elements: any[]) => elements.filter((e) => e.readyState >= 2).length), { timeout: 20_000 }).toBe(count); // prettier-ignore

    it('plays finished jobs and a real clip on one clock', async () => {
      await show('compare');
      await web.page.getByText('Choose two or more finished videos').waitFor();
      await web.page
        .getByRole('checkbox', { name: /^Left .* / })
        .first()
        .check();
      await web.page.getByRole('checkbox', { name: /^Right / }).check();
      // The real clips of the unit of the first.
      const score = button('Score the clips');
      const clip = web.page.getByRole('checkbox', { name: /dot-\d\.mp4 activation/ }).first();
      await score.or(clip).first().waitFor();
      if (await score.isVisible()) await score.click();
      await clip.check({ timeout: 60_000 });
      await ready(3);
      expect(await web.page.locator('.compare-tile.clip').innerText()).toMatch(/Rank\s+1 of 6/);
      await button('Hold').or(button('Play')).first().waitFor();
      if (await button('Play').isVisible()) await button('Play').click();
      // The longest sets the pace; the clip of 12 frames holds its last frame meanwhile.
      await web.page.waitForFunction(() => (globalThis as any).document.querySelector('video').currentTime > 0.6);
      await button('Hold').click();
      const apart = async (): Promise<number> => {
        const [first, second] = await times();
        return Math.abs(first! - second!);
      };
      await expect.poll(apart).toBeLessThan(0.005);
      expect((await times())[2]).toBeLessThan(0.481);
    });

    it('scrubs and steps all of them together, by pointer and by keyboard', async () => {
      await web.page.emulateMedia({ reducedMotion: 'reduce' });
      await show('compare/left/slow');
      await ready(2);
      const scrub = web.page.getByRole('slider', { name: 'Time' });
      await expect.poll(() => scrub.getAttribute('max')).toBe('4');
      await scrub.fill('1.2');
      await expect.poll(async () => (await times()).map((time) => time.toFixed(1))).toEqual(['1.2', '1.2']);
      await scrub.fill('3');
      await expect.poll(async () => (await times()).map((time) => time.toFixed(1))).toEqual(['1.6', '3.0']);
      await web.page.locator('main').focus();
      await web.page.keyboard.press('Home');
      await expect.poll(times).toEqual([0, 0]);
      const before = await scrub.inputValue();
      await web.page.keyboard.press('ArrowRight');
      await expect.poll(() => scrub.inputValue()).not.toBe(before);
      await web.page.keyboard.press('Space');
      await button('Hold').waitFor();
      await web.page.keyboard.press('Space');
      await button('Play').waitFor();
      await expectSoundInAllLooks(web.page);
    });

    it('shows images and figures beside videos; pictures alone have no clock', async () => {
      const { jobs } = web.server;
      const image = { kind: 'image', model: TINY_CLASSIFIER, iterations: 2 };
      await jobs.submit('one-image', jobRequest.parse(image));
      await jobs.submit('images', jobRequest.parse({ ...image, starts: 4 }));
      await jobs.submit('side', jobRequest.parse({ kind: 'figure', figure: 'beside', jobs: ['left', 'right'] }));
      await reaches(jobs, 'side', 'succeeded');
      await show('compare/one-image/images');
      const tile = (name: string | RegExp) => web.page.getByRole('article', { name });
      const pictures = web.page.locator('.compare-picture');
      await expect
        .poll(() => pictures.evaluateAll((all: any[]) => all.filter((one) => one.naturalWidth > 15).length))
        .toBe(2);
      expect(await tile(/./).first().innerText()).toMatch(/preferred image · .*Activation\s+-?\d/s);
      expect(await tile(/./).nth(1).innerText()).toMatch(/Images\s+4\s+Highest activation\s+-?\d/);
      expect(await web.page.getByRole('slider', { name: 'Time' }).count()).toBe(0);
      await expectSoundInAllLooks(web.page);
      await web.page.getByRole('checkbox', { name: /^Side by side / }).check();
      await ready(1);
      await web.page.getByRole('slider', { name: 'Time' }).waitFor();
      expect(await tile('Side by side').innerText()).toMatch(/Panels\s+2/);
    });

    it('says what cannot be compared, and takes it away', async () => {
      await show('compare/left/none');
      const tile = web.page.getByRole('article', { name: 'Not to be shown' });
      await expect.poll(() => tile.innerText()).toContain('no job "none"');
      web.complaints = [];
      await button('Take Not to be shown away').click();
      await expect.poll(() => web.page.locator('.compare-tile').count()).toBe(1);
      expect(web.page.url()).toMatch(/#\/compare\/left$/);
    });
  });
});
