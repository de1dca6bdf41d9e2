/** Two real recognisers, trained on real videos by others, from their files to a verdict and a preferred video. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { audit } from '../../src/engine/audit/audit.js';
import { RecogniserScorer } from '../../src/engine/audit/recogniser-scorer.js';
import { importModel } from '../../src/engine/formats/import.js';
import { ModelRegistry } from '../../src/engine/models/registry.js';
import { VideoScorer } from '../../src/engine/models/scoring.js';
import { openRuntime } from '../../src/engine/runtimes/open.js';
import type { Runtime } from '../../src/engine/runtimes/runtime.js';
import { openSynthesis } from '../../src/engine/synthesis/synthesise.js';
import { decodeVideo, encodeVideo } from '../../src/video/index.js';
import { sharedPart, sharedPath } from '../shared-data.js';

const { missing, note } = sharedPart('models', 'ucf50-lrcn-2', 'model.json');
const folder = mkdtempSync(join(tmpdir(), 'neuroreel-real-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

/** A scene of a real video at 64x64, at most 160 of its frames, evenly taken. */
async function scene(file: string, from: number, to: number): Promise<Uint8Array> {
  const path = sharedPath('videos', 'tejkiran7-test', file);
  const { fps } = await decodeVideo(path, { width: 64, height: 64, maxFrames: 1 });
  const [first, last] = [Math.round(from * fps!), Math.round(to * fps!)];
  const count = Math.min(160, last - first);
  const frameIndices = Array.from({ length: count }, (_, i) => first + Math.floor((i * (last - first)) / count));
  return (await decodeVideo(path, { width: 64, height: 64, fit: 'stretch', frameIndices })).frames;
}

describe.skipIf(missing)(`imported recognisers of real activities${note}`, () => {
  let registry: ModelRegistry;
  let runtime: Runtime;
  const scorers: Record<string, VideoScorer> = {};
  beforeAll(async () => {
    for (const name of ['ucf50-lrcn-1', 'ucf50-lrcn-2']) {
      const path = sharedPath('models', name);
      const labels = join(path, 'labels.json');
      await importModel({
        path,
        name,
        out: folder,
        labels,
        order: 'bgr',
        mean: 0,
        scale: 1 / 255,
        licence: 'none stated',
      });
    }
    registry = ModelRegistry.open({ folders: [folder] });
    runtime = await openRuntime('onnxruntime');
    for (const { name } of registry.list()) scorers[name] = new VideoScorer(registry.loadRecogniser(name), runtime, 2);
  });
  afterAll(async () => {
    for (const scorer of Object.values(scorers)) await scorer.close();
  });

  async function answer(model: string, pixels: Uint8Array): Promise<string> {
    const { probabilities } = await scorers[model]!.score(pixels);
    return registry.loadRecogniser(model).manifest.labels[probabilities.indexOf(Math.max(...probabilities))]!;
  }

  it('name the scenes that the index names', async () => {
    const long = 'Test_Video_8u0qjmHIOcE.mp4';
    expect(await answer('ucf50-lrcn-1', await scene(long, 10, 17))).toBe('HorseRace');
    expect(await answer('ucf50-lrcn-1', await scene(long, 19, 23))).toBe('Swing');
    expect(await answer('ucf50-lrcn-2', await scene('test_video_billards.avi', 0, 10))).toBe('Billiards');
    expect(await answer('ucf50-lrcn-2', await scene('test_video.avi', 13, 16))).toBe('Basketball');
  });

  it('are audited on these scenes', async () => {
    const model = registry.loadRecogniser('ucf50-lrcn-2');
    const scorer = new RecogniserScorer(model, runtime, { threads: 2 });
    const clip = (name: string, file: string, to: number) => ({
      name,
      label: 'Billiards',
      read: async () => ({ frames: 160, pixels: await scene(file, 0, to) }),
    });
    const report = await audit({
      models: [{ name: 'ucf50-lrcn-2', sha256: model.sha256, scorer, labels: model.manifest.labels }],
      clips: [clip('billiards', 'test_video_billards.avi', 10), clip('table', 'test_video.avi', 11)],
      conditions: ['reverse', 'static'],
    });
    await scorer.close();
    // Two clips are too few to say that a model does not care: an audit that claimed so would be worth nothing.
    expect(report.verdict).not.toBe('insensitive');
    expect(report.sentence).toMatch(/2 clips/);
  });

  it('have preferred videos that excite them more than real clips do, without a prior', async () => {
    const real = [await scene('test_video_billards.avi', 0, 10), await scene('test_video.avi', 0, 11)];
    const activations = [];
    for (const pixels of real) activations.push((await scorers['ucf50-lrcn-2']!.score(pixels)).logits[1]!);
    const run = await openSynthesis({
      registry,
      model: 'ucf50-lrcn-2',
      unit: 'Billiards',
      prior: 'pixels',
      preset: 'default',
      frames: 160,
      seed: 1,
      iterations: 60,
      runtime,
      threads: 2,
    });
    while (await run.step({ pixels: false }));
    const result = await run.finish();
    await run.close();
    expect(result.activation).toBeGreaterThan(Math.max(...activations));

    const path = join(folder, 'video.mp4');
    const { pixels, frames, width, height } = result;
    await encodeVideo({ frames: pixels, count: frames, width, height }, { path, width, height, fps: 25 });
    expect((await decodeVideo(path)).count).toBe(160);
  });
});
