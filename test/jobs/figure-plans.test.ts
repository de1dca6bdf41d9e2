/** Every figure as a plan: what is on its panels is a valid request, before anything is made. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { ModelRegistry } from '../../src/engine/models/registry.js';
import { FIGURES, figureNamed, withDefaults } from '../../src/jobs/figures/table.js';
import { jobRequest, pictureRequest } from '../../src/protocol/index.js';
import { TINY_CLASSIFIER, writeTinyClassifier } from '../fixtures/tiny-classifier.js';
import { writeTinyModels } from '../fixtures/tiny-models.js';

let folder: string;
let registry: ModelRegistry;
beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'neuroreel-plans-'));
  await writeTinyModels(folder);
  writeTinyClassifier(folder);
  registry = ModelRegistry.open({ folders: [folder] });
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

function planned(name: string, options = {}) {
  const entry = figureNamed(name);
  return entry.plan(withDefaults(entry, { model: TINY_CLASSIFIER, ...options }), registry);
}

describe('the plan of a figure', () => {
  it.each(FIGURES.map(({ name }) => name).filter((name) => name !== 'real'))('%s asks for what can be made', (name) => {
    const plan = planned(name, { videos: ['a.mp4', 'b.mp4'], real: '/pictures' });
    const panels = plan.panels.flat().flatMap((panel) => (panel === null ? [] : [panel]));
    expect(panels.length).toBeGreaterThan(0);
    for (const panel of panels) {
      if (panel.kind !== 'made') continue;
      const request = pictureRequest.parse(panel.request);
      expect(panel.start).toBeLessThan(request.starts);
    }
    if (plan.rows) expect(plan.rows).toHaveLength(plan.panels.length);
    if (plan.columns) expect(Math.max(...plan.panels.map((row) => row.length))).toBe(plan.columns.length);
  });

  it('of pairs maximises both units in one picture beside each alone', () => {
    const [row] = planned('s11', { units: ['left', 'still'], starts: 2 }).panels;
    const requests = row!.map((panel) => (panel?.kind === 'made' ? panel.request : null));
    expect(requests.map((request) => [request?.unit, request?.settings?.objective?.kind])).toEqual([
      ['left', undefined],
      ['still', undefined],
      ['left', 'joint'],
      ['left', 'joint'],
    ]);
    expect(requests[2]?.settings?.objective).toMatchObject({ with: [{ unit: 'still' }], gamma: 1 });
    const matrix = planned('s12', { units: [0, 1, 2] }).panels;
    const asked = matrix.map((line) => line.map((panel) => (panel?.kind === 'made' ? panel : null)));
    for (let r = 0; r < 3; r++) {
      expect(asked[r]![r]!.request.settings?.objective).toBeUndefined();
      for (let c = 0; c < r; c++) {
        // Both are of one run: another start of the same pair.
        expect(asked[r]![c]!.request).toEqual(asked[c]![r]!.request);
        expect([asked[c]![r]!.start, asked[r]![c]!.start]).toEqual([0, 1]);
      }
    }
    expect(() => planned('s11', { units: ['left'] })).toThrow('needs two units');
  });

  it('of methods has one column through the generator and the others without', () => {
    const { columns, panels } = planned('s17', { units: ['left'] });
    const priors = panels[0]!.map((panel) => (panel?.kind === 'made' ? panel.request.prior : null));
    expect(columns![0]).toBe('generator');
    expect(priors[0]).toBe('tiny-prior');
    expect(new Set(priors.slice(1))).toEqual(new Set(['pixels', 'fourier']));
  });

  it('of methods has the patch prior made of real pictures, where there are some', () => {
    const { columns, panels } = planned('s17', { units: ['left'], real: '/pictures' });
    const panel = panels[0]![columns!.indexOf('patch prior')]!;
    expect(panel.kind === 'made' && panel.request).toMatchObject({
      examples: '/pictures',
      settings: { penalties: { patch: expect.any(Number) } },
    });
  });

  it('shows the units first that real examples excite most, after the default one', () => {
    const shipped = ModelRegistry.open({ folders: ['models'] });
    const { rows } = figureNamed('s10').plan({ model: 'tiny-objects' }, shipped);
    expect(rows).toEqual(['goldfish', 'school bus', 'monarch', 'lifeboat', 'pizza', 'sports car']);
  });

  it('of starts samples pictures, and drives what has no generator', () => {
    const presets = (name: string, options = {}) =>
      planned(name, options)
        .panels.flat()
        .map((panel) => (panel?.kind === 'made' ? panel.request.preset : null));
    for (const name of ['s9', 's10', 's18']) {
      expect(new Set(presets(name))).toEqual(new Set(['figure-s18']));
      expect(new Set(presets(name, { priors: ['pixels'] }))).toEqual(new Set(['default']));
      expect(new Set(presets(name, { preset: 'paper-2016' }))).toEqual(new Set(['paper-2016']));
    }
  });

  it('has units of its own only of its own model', () => {
    const entry = figureNamed('s11');
    expect(withDefaults(entry, {})).toEqual(entry.defaults);
    expect(withDefaults(entry, { seed: 2, model: 'tiny-objects' })).toEqual({ ...entry.defaults, seed: 2 });
    const other = { model: TINY_CLASSIFIER, units: undefined };
    expect(withDefaults(entry, other)).toEqual({ model: TINY_CLASSIFIER, starts: entry.defaults.starts });
    const shipped = ModelRegistry.open({ folders: ['models'] });
    for (const { plan, defaults, name } of FIGURES) {
      if (defaults.model) expect(plan(name === 's22' ? { ...defaults, real: 'x' } : defaults, shipped)).toBeTruthy();
    }
  });

  it('of neighbours asks for the nearest real examples in each space', () => {
    expect(() => planned('s22')).toThrow('--real');
    const { columns, panels } = planned('s22', { units: ['left'], real: '/pictures' });
    expect(columns!.filter((name) => name === 'nearest in pixels')).toHaveLength(2);
    const [made, first, second] = panels[0]!;
    expect(first).toMatchObject({ kind: 'real', unit: 'left', number: 0, near: { start: 0, space: 'pixels' } });
    expect(second).toMatchObject({ number: 1, near: { request: made?.kind === 'made' ? made.request : null } });
  });

  it('of layers leaves out those that only pool, unless they are asked for', () => {
    const shipped = ModelRegistry.open({ folders: ['models'] });
    const rows = (layers?: string[]) => figureNamed('s14').plan({ model: 'tiny-objects', layers }, shipped).rows;
    expect(rows()).toEqual(['conv1', 'conv2', 'conv3', 'conv4', 'conv5', 'fc6', 'labels']);
    expect(rows(['pool2'])).toEqual(['pool2']);
  });

  it('takes what it needs, and by default is of a model of a kind that it takes', () => {
    const fields = jobRequest.options.find(({ shape }) => shape.kind.value === 'figure')!.shape;
    const shipped = ModelRegistry.open({ folders: ['models'] }).list();
    for (const { name, models, takes, needs = [], defaults } of FIGURES) {
      expect(takes.filter((field) => !(field in fields))).toEqual([]);
      expect(takes, name).toEqual(expect.arrayContaining([...needs]));
      expect(Object.keys(defaults).filter((field) => !(takes as readonly string[]).includes(field))).toEqual([]);
      const kind = shipped.find((model) => model.name === defaults.model)?.kind;
      expect(takes.includes('model') ? models : [undefined]).toContain(kind);
    }
  });

  it('has the preset that it says, where a job asks for none', () => {
    expect(jobRequest.parse({ kind: 'figure', figure: 's9' })).not.toHaveProperty('preset');
  });

  it('is found by any of its names', () => {
    expect(figureNamed('S15').name).toBe('s14');
    expect(figureNamed('figure-s9').name).toBe('s9');
    expect(() => figureNamed('s1')).toThrow('there are: s6');
  });
});
