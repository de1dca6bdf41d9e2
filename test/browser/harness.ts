/**
 * A real Chromium, at `CHROMIUM_PATH` or where Debian puts it, and what every section has to hold: it fits, its controls have
 * names, axe finds nothing serious.
 */
import { existsSync, readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { chromium, type Browser, type Page } from 'playwright-core';
import { expect } from 'vitest';
import type { ModelCatalogue } from '../../src/jobs/model-catalogue.js';

const executablePath = process.env['CHROMIUM_PATH'] ?? '/usr/bin/chromium';
export const hasBrowser = existsSync(executablePath);

export const launch = (): Promise<Browser> => chromium.launch({ executablePath, args: ['--no-sandbox'] });

/** Errors of a page, as they come. */
export function complaintsOf(page: Page): string[] {
  const complaints: string[] = [];
  page.on('pageerror', (error) => complaints.push(error.message));
  page.on('console', (message) => message.type() === 'error' && complaints.push(message.text()));
  return complaints;
}

const axe = readFileSync(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8');

/** Expects the page to be as wide as its window, and axe to find nothing serious or critical. */
export async function expectSound(page: Page): Promise<void> {
  const width = page.viewportSize()!.width;
  expect(await page.evaluate(() => (globalThis as any).document.documentElement.scrollWidth)).toBe(width);
  await page.evaluate(axe);
  const found = await page.evaluate(async () => {
    const { violations } = await (globalThis as any).axe.run((globalThis as any).document, {
      resultTypes: ['violations'],
    });
    return violations
      .filter(({ impact }: any) => impact === 'serious' || impact === 'critical')
      .map(
        ({ id, nodes }: any) =>
          `${id}: ${nodes.map(({ html, failureSummary }: any) => `${html} ${failureSummary}`).join(' | ')}`,
      );
  });
  expect(found).toEqual([]);
}

/** The looks in which a section is checked. */
export const LOOKS = [
  [375, 'light'],
  [375, 'dark'],
  [1280, 'light'],
  [1280, 'dark'],
] as const;

/** Shows the page in each look and expects it to be sound. */
export async function expectSoundInAllLooks(page: Page): Promise<void> {
  const before = page.viewportSize()!;
  for (const [width, colorScheme] of LOOKS) {
    await page.setViewportSize({ width, height: 860 });
    await page.emulateMedia({ colorScheme, reducedMotion: 'reduce' });
    // Colours that fade from one look to the other are none to be judged.
    await page.evaluate(() => Promise.all((globalThis as any).document.getAnimations().map((a: any) => a.finished)));
    await expectSound(page);
  }
  await page.setViewportSize(before);
  await page.emulateMedia({ colorScheme: 'light', reducedMotion: 'no-preference' });
}

/** Drawings in the place of networks: see `fixtures/drawing-job.mjs`. */
export const sketches: ModelCatalogue = {
  list: () => [
    {
      name: 'sketch',
      kind: 'recogniser',
      title: 'A drawing that stands for a recogniser',
      labels: ['wave', 'walk', 'broken'],
      input: { width: 64, height: 64 },
      licence: 'MIT',
      default: { unit: 'wave' },
    },
  ],
};
