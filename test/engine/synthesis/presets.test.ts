/** Every preset is a request that can be made, and docs/synthesis.md has it and every setting. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { imageJobRequest, videoJobRequest } from '../../../src/protocol/jobs.js';
import { PRESET_NAMES, PRESETS, type Preset, type PresetName } from '../../../src/protocol/presets.js';
import { settingRows } from '../../../src/protocol/setting-rows.js';
import { synthesisSettings, type SynthesisOverrides } from '../../../src/protocol/synthesis.js';
import { CLASSIFIER, finished, PICTURE, RECOGNISER, smallRuns, type SmallRuns } from './small-runs.js';

let runs: SmallRuns;
beforeAll(async () => {
  runs = await smallRuns();
});
afterAll(() => runs.close());

const page = readFileSync(join(import.meta.dirname, '..', '..', '..', 'docs', 'synthesis.md'), 'utf8');
/** What a request needs besides its preset. */
const needs = (preset: PresetName): { settings?: SynthesisOverrides } =>
  PRESETS[preset].generator.objective.kind === 'joint'
    ? { settings: { objective: { kind: 'joint', with: [{ unit: 'one' }] } } }
    : {};

describe.each(PRESET_NAMES)('the preset %s', (preset) => {
  it('is complete, but for the units that a request names', () => {
    const { generator, pixels, videos = generator }: Preset = PRESETS[preset];
    for (const settings of [generator, pixels, videos]) {
      const objective = { ...settings.objective, ...needs(preset).settings?.objective };
      expect(synthesisSettings.parse({ ...settings, objective })).toBeTruthy();
    }
  });

  it('makes pictures and videos, with a generator and without', async () => {
    expect(imageJobRequest.parse({ kind: 'image', preset, ...needs(preset) }).preset).toBe(preset);
    expect(videoJobRequest.parse({ kind: 'video', preset, ...needs(preset) }).preset).toBe(preset);
    for (const model of [CLASSIFIER, RECOGNISER]) {
      for (const prior of ['small-prior', 'pixels', 'fourier']) {
        const options = { model, prior, preset, iterations: 4, frames: 3, pictures: PICTURE, unit: 'two' };
        const result = await finished(await runs.open({ ...options, ...needs(preset) }));
        expect(result.ended).toBe('completed');
        expect(result.activations).toHaveLength(4);
      }
    }
  });

  it('is in docs/synthesis.md', () => {
    expect(page).toContain(`\`${preset}\``);
    expect(page).toContain(PRESETS[preset].describe);
  });
});

/** Lines of the page with the padding of its tables taken away. */
const lines = page.split('\n').map((line) => line.replace(/\s+/g, ' '));

describe('docs/synthesis.md', () => {
  it.each(settingRows())('has $name with its range, and says where it is from', ({ name, range, describe: words }) => {
    const start = `| \`${name}\` | ${range} | ${words.replaceAll('|', '\\|')} |`;
    const line = lines.find((text) => text.startsWith(start));
    expect(line, `a line that begins with: ${start}`).toBeDefined();
    expect(line!.slice(start.length)).toMatch(/ \w.* \|/);
  });
});
