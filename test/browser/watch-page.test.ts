/** Start and Watch on the page, in a real Chromium, with tiny networks and real jobs. */
import { spawn, type ChildProcess } from 'node:child_process';
import { createServer as createTcpServer, type AddressInfo } from 'node:net';
import { join } from 'node:path';
import type { Browser } from 'playwright-core';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { packageRoot } from '../../src/jobs/package-root.js';
import type { AdamSettings } from '../../src/engine/synthesis/presets.js';
import { isFinal, jobRequest, PRESETS } from '../../src/protocol/index.js';
import { TINY_CLASSIFIER, writeTinyClassifier } from '../fixtures/tiny-classifier.js';
import { TINY_RECOGNISER, writeTinyModels } from '../fixtures/tiny-models.js';
import { reaches, temporaryFolder } from '../jobs/fixtures/fixtures.js';
import { expectSoundInAllLooks, hasBrowser, launch } from './harness.js';
import { usePage } from './page-fixture.js';

/** Runs until it is cancelled, some iterations a second. */
const endless = { kind: 'video', model: TINY_RECOGNISER, unit: 'left', frames: 64, iterations: 100_000 };
const quick = { ...endless, frames: 24, iterations: 6 };
/** Step size that videos begin with when nothing is said. */
const RATE = (PRESETS.default.videos as AdamSettings).optimiser.rate;

describe.skipIf(!hasBrowser)('Start and Watch', () => {
  const web = usePage({
    async fill(place) {
      await writeTinyModels(place('models'));
      writeTinyClassifier(place('models'));
    },
  });
  const { show, button } = web;
  const panel = (id: string) => web.page.locator(`[data-job="${id}"]`);
  const state = (id: string, expected: string) =>
    expect.poll(() => panel(id).locator('.state').first().innerText()).toBe(expected);
  const submit = (id: string, request: object) => web.server.jobs.submit(id, jobRequest.parse(request));
  const describes = (chart: string) => web.page.locator(chart).getAttribute('aria-label');

  afterEach(() => {
    for (const { id, state: now } of web.server.jobs.list()) {
      if (!isFinal(now)) web.server.jobs.cancel(id);
    }
  });

  it('puts a request together, shows it as command, curl and JSON, and starts it', async () => {
    await show('start');
    const unit = web.page.getByRole('combobox', { name: 'Unit' });
    await unit.fill('nothing of the kind');
    await web.page.getByText('No unit is called so.').waitFor();
    await unit.fill('st');
    await unit.press('Enter');
    await web.page.getByLabel('Frames', { exact: true }).fill('24');
    await web.page.getByText('Advanced options').click();
    await web.page.getByLabel('Iterations', { exact: true }).fill('5');
    await web.page.getByText('Settings of the synthesis').click();
    await web.page.getByRole('group', { name: 'Sequence' }).getByLabel('Which').selectOption('dct');
    await web.page.getByLabel('Coefficients').fill('4');
    await web.page.getByLabel('Noise', { exact: true }).fill('0.25');
    const code = web.page.locator('pre.code');
    expect(await code.innerText()).toBe(
      [
        `neuroreel video \\`,
        `  --model ${TINY_RECOGNISER} \\`,
        `  --unit still \\`,
        `  --frames 24 \\`,
        `  --iterations 5 \\`,
        `  --settings '{"sequence":{"form":"dct","coefficients":4},"noise":0.25}'`,
      ].join('\n'),
    );
    await button('JSON').click();
    const request = JSON.parse(await code.innerText()) as object;
    await button('curl').click();
    expect(await code.innerText()).toContain(`curl -X POST ${web.server.url}v1/jobs -H`);
    await button('Start').click();
    await web.page.waitForURL(/#\/watch\//);
    const id = new URL(web.page.url()).hash.split('/')[2]!;
    await state(id, 'finished');
    expect(web.server.jobs.get(id).request).toMatchObject(request);
    await web.page.goBack();
    await web.page.locator('#start-title').waitFor();
    expect(web.complaints).toEqual([]);
  });

  it('says what is wrong with a request', async () => {
    await show('start');
    await web.page.getByText('Advanced options').click();
    await web.page.getByLabel('Layer', { exact: true }).fill('nowhere');
    await web.page.getByLabel('Layer', { exact: true }).blur();
    await button('Start').click();
    await expect.poll(() => web.page.locator('#start-error').innerText(), { timeout: 10_000 }).toContain('nowhere');
    await expectSoundInAllLooks(web.page);
  });

  it('shows a job while it runs, steers it, and is where it was after a reload', async () => {
    await submit('steered', endless);
    await show('watch/steered');
    await web.page.locator('canvas.player').waitFor();
    await expect
      .poll(() => describes('#curve-steered'), { timeout: 10_000 })
      .toMatch(/^Activation per iteration: activation from /);
    await expect.poll(() => describes('#frames-steered'), { timeout: 10_000 }).toMatch(/to .* at frame 64$/);
    // A place in the chart is a frame.
    await web.page.locator('#frames-steered .u-over').click({ position: { x: 2, y: 20 } });
    await expect.poll(() => web.page.locator('.transport output').innerText(), { timeout: 10_000 }).toBe('1 / 64');
    await web.page.locator('.steer summary').click();
    await expect
      .poll(() => web.page.getByLabel('Step size', { exact: true }).getAttribute('placeholder'), { timeout: 10_000 })
      .toBe(String(RATE));
    await button('Halve Step size').click();
    await web.page.getByLabel('Smoothness', { exact: true }).fill('0.5');
    await web.page.getByRole('combobox', { name: 'Unit' }).fill('still');
    await web.page.getByRole('option', { name: 'Still' }).click();
    await button('Apply from the next step').click();
    await expect
      .poll(() => web.page.getByRole('list', { name: 'Changes while it ran' }).innerText(), { timeout: 20_000 })
      .toMatch(new RegExp(`from iteration \\d+ step size ${RATE / 2}, smoothness 0\\.5, unit still`));
    expect(await web.page.locator('h1').innerText()).toBe('Left → Still');
    await web.page.reload();
    await web.page.locator('canvas.player').waitFor();
    expect(await web.page.locator('h1').innerText()).toBe('Left → Still');
    await expectSoundInAllLooks(web.page);
    await button('Cancel job').click();
    await state('steered', 'cancelled');
    await button('Try again').click();
    await state('steered', 'running');
    expect(web.complaints).toEqual([]);
  });

  it('shows a finished job: video, sheet and evolution; and makes the same bytes again beside it', async () => {
    await submit('kept', { ...quick, keyframeEvery: 2 });
    await reaches(web.server.jobs, 'kept', 'succeeded');
    await show('watch/kept');
    for (const view of ['Play', 'Evolution']) {
      await button(view).click();
      await expect
        .poll(() => web.page.locator('video').evaluate((e: any) => e.videoWidth), { timeout: 30_000 })
        .toBeGreaterThan(15);
    }
    await button('All frames').click();
    await expect
      .poll(() => web.page.locator('.screen img').evaluate((e: any) => e.naturalWidth), { timeout: 20_000 })
      .toBeGreaterThan(15);
    await expectSoundInAllLooks(web.page);
    await button('Reproduce').click();
    await web.page.waitForURL(/#\/watch\/kept\/./);
    const again = new URL(web.page.url()).hash.split('/')[3]!;
    await state(again, 'finished');
    await expect.poll(() => web.page.getByText('The same bytes').count(), { timeout: 20_000 }).toBe(2);
    await expectSoundInAllLooks(web.page);
    await button(/^Take .* away$/, panel('kept')).click();
    expect(new URL(web.page.url()).hash).toBe(`#/watch/${again}`);
    await web.page.getByRole('link', { name: 'Change and start' }).click();
    await expect
      .poll(() => web.page.getByLabel('Frames', { exact: true }).inputValue(), { timeout: 10_000 })
      .toBe('24');
    expect(web.complaints).toEqual([]);
  });

  it('makes images of several units', async () => {
    await show('start');
    await web.page.getByText('Images').click();
    const add = web.page.getByRole('combobox', { name: 'Add a unit' });
    for (let i = 0; i < 2; i++) {
      await add.click();
      await web.page.getByRole('listbox').getByRole('option').nth(i).click();
    }
    await web.page.getByText('Advanced options').click();
    await web.page.getByLabel('Iterations', { exact: true }).fill('3');
    await button('Start').click();
    await web.page.waitForURL(/#\/watch\//);
    const id = new URL(web.page.url()).hash.split('/')[2]!;
    await state(id, 'finished');
    expect(web.server.jobs.get(id).request).toMatchObject({ kind: 'image', model: TINY_CLASSIFIER });
    await expect
      .poll(() => web.page.locator('.screen img').evaluate((e: any) => e.naturalWidth), { timeout: 20_000 })
      .toBeGreaterThan(15);
    expect(web.complaints).toEqual([]);
  });

  it('stays usable over a slow network: numbers keep coming, and commands work', async () => {
    await submit('slow', { ...endless, frames: 256 });
    const session = await web.page.context().newCDPSession(web.page);
    await show('watch/slow');
    await web.page.locator('canvas.player').waitFor();
    await session.send('Network.enable');
    await session.send('Network.emulateNetworkConditions', {
      ...{ offline: false, latency: 150 },
      ...{ downloadThroughput: 100_000, uploadThroughput: 100_000 },
    });
    const iteration = async (): Promise<number> =>
      Number(/Iteration (\d+)/.exec(await web.page.locator('.progress-label').innerText())?.[1]);
    const before = await iteration();
    await expect.poll(iteration, { timeout: 30_000 }).toBeGreaterThan(before + 2);
    await button('Pause').click();
    await state('slow', 'paused');
    expect(web.complaints).toEqual([]);
  });
});

/** A port that nobody listens on. */
async function freePort(): Promise<number> {
  const probe = createTcpServer();
  await new Promise<void>((resolve) => probe.listen(0, '127.0.0.1', resolve));
  const { port } = probe.address() as AddressInfo;
  await new Promise((resolve) => probe.close(resolve));
  return port;
}

describe.skipIf(!hasBrowser)('a server that is killed and started again', () => {
  let browser: Browser;
  let folder: Awaited<ReturnType<typeof temporaryFolder>>;
  let child: ChildProcess | null = null;

  /** Starts `neuroreel serve` at a port, and waits until it answers. */
  async function serve(port: number): Promise<void> {
    const args = ['serve', '--port', String(port), '--log', 'silent', '--checkpoint-seconds', '0.2'];
    const folders = ['--data', join(folder.path, 'data'), '--models', join(folder.path, 'models')];
    child = spawn(process.execPath, [join(packageRoot, 'bin', 'neuroreel.mjs'), ...args, ...folders], {
      stdio: 'ignore',
    });
    await expect
      .poll(
        () =>
          fetch(`http://127.0.0.1:${port}/readyz`).then(
            (answer) => answer.ok,
            () => false,
          ),
        { timeout: 60_000 },
      )
      .toBe(true);
  }

  async function kill(): Promise<void> {
    const ended = new Promise((resolve) => child?.once('exit', resolve));
    child?.kill('SIGKILL');
    await ended;
    child = null;
  }

  beforeAll(async () => {
    folder = await temporaryFolder();
    await writeTinyModels(join(folder.path, 'models'));
    browser = await launch();
  });

  afterAll(async () => {
    if (child !== null) await kill();
    await browser?.close();
    await folder?.remove();
  });

  it('is found again by the page, which shows how far the job is', async () => {
    const port = await freePort();
    await serve(port);
    const page = await browser.newPage();
    const complaints: string[] = [];
    page.on('pageerror', (error) => complaints.push(error.message));
    const url = `http://127.0.0.1:${port}`;
    await fetch(`${url}/v1/jobs/a`, {
      ...{ method: 'PUT', headers: { 'Content-Type': 'application/json' } },
      body: JSON.stringify(endless),
    });
    await page.goto(`${url}/#/watch/a`);
    const words = () => page.locator('.progress-label').innerText();
    const iteration = async (): Promise<number> => Number(/^Iteration (\d+) of/.exec(await words())?.[1] ?? 0);
    await expect.poll(iteration, { timeout: 60_000 }).toBeGreaterThan(20);
    await kill();
    await expect.poll(() => page.locator('#connection').innerText(), { timeout: 10_000 }).toBe('Reconnecting');
    const reached = await iteration();
    await serve(port);
    await expect.poll(() => page.locator('#connection').innerText(), { timeout: 30_000 }).toBe('Live');
    await expect.poll(iteration, { timeout: 60_000 }).toBeGreaterThan(reached);
    await page.close();
    expect(complaints).toEqual([]);
  });
});
