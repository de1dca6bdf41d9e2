/** The device webgpu by its name, and what `auto` makes of it. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { detectMachine } from '../../src/engine/runtimes/machine.js';
import { openRuntime } from '../../src/engine/runtimes/open.js';
import { selectRuntime } from '../../src/engine/runtimes/select.js';
import { openPlace, type Place } from '../cli/run-cli.js';
import { writeTinyModels } from '../fixtures/tiny-models.js';

let folder: string;
let place: Place;
beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'neuroreel-webgpu-'));
  place = await openPlace();
  await writeTinyModels(join(place.path, 'models'));
});
afterAll(async () => {
  rmSync(folder, { recursive: true, force: true });
  await place.remove();
});

const software = detectMachine().graphics.length === 0;

describe('webgpu', () => {
  it('is opened by its name, after a trial, and says what it runs on', async () => {
    const runtime = await openRuntime('auto', 'webgpu', { cache: join(folder, 'cache.json') });
    expect(runtime).toMatchObject({ name: 'onnxruntime', device: 'webgpu' });
    expect(runtime.description).toMatch(/^onnxruntime-node .*, webgpu( \(.+\))?$/);
    if (software) expect(runtime.description).toContain('SwiftShader');
  });

  it.runIf(software)('on a program works, and auto never takes it', async () => {
    const { order, standings } = await selectRuntime({ cache: join(folder, 'cache.json'), everything: true });
    expect(standings.find(({ device }) => device === 'webgpu')).toMatchObject({ state: 'works', software: true });
    expect(order.map(({ device }) => device)).not.toContain('webgpu');
  });

  it('makes a video in a job, and the same one again', async () => {
    const make = (out: string) =>
      place.run(
        [
          ...['video', '--model', 'tiny-lrcn', '--unit', 'right', '--frames', '8', '--iterations', '3', '--seed', '5'],
          ...['--device', 'webgpu', '--json', '--quiet', '--out', out],
        ],
        { NEUROREEL_MODELS: join(place.path, 'models') },
      );
    const [first, second] = [await make('first'), await make('second')];
    expect(first.stderr).toBe('');
    expect(first.document.report.runtime).toMatch(/^onnxruntime-node .*, webgpu/);
    expect(second.document.report.activations).toEqual(first.document.report.activations);
  });
});
