import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { join } from 'node:path';
import { GraphBuilder, type Graph } from '../../src/engine/graph/graph.js';
import { writePackage, type NewPackage } from '../../src/engine/models/package.js';
import { ModelRegistry } from '../../src/engine/models/registry.js';
import {
  boundaryOf,
  perFrame,
  scoreVideo,
  windowScores,
  type RecogniserPackage,
} from '../../src/engine/models/recogniser.js';
import { scoringGraph, VideoScorer } from '../../src/engine/models/scoring.js';
import { mean } from '../../src/engine/ops/reduce.js';
import { reshape } from '../../src/engine/ops/layout.js';
import { Random } from '../../src/engine/random.js';
import { openOnnxRuntime } from '../../src/engine/runtimes/onnxruntime/onnxruntime.js';
import { evaluate, referenceRuntime } from '../../src/engine/runtimes/reference/reference.js';
import type { CompiledGraph, Runtime } from '../../src/engine/runtimes/runtime.js';
import {
  failure,
  INPUT,
  LABELS,
  relativeError,
  removeFolder,
  smallRecogniser,
  temporaryFolder,
} from './small-models.js';

let folder: string;
let model: RecogniserPackage;
const load = (name: string, content: NewPackage): RecogniserPackage => {
  writePackage(join(folder, name), content);
  return ModelRegistry.open({ folders: [folder] }).loadRecogniser(name);
};
beforeAll(() => {
  folder = temporaryFolder();
  model = load('small', smallRecogniser());
});
afterAll(() => removeFolder(folder));

const FRAMES = 9;
/** Windows of four frames every two of nine: 0, 2, 4 (4 + 4 < 9), and the last four. */
const STARTS = [0, 2, 4, 5];
const GATES = 12;
const C = LABELS.length;
const FRAME = 3 * INPUT.width * INPUT.height;
const video = (seed: string, frames = FRAMES): Uint8Array => {
  const random = new Random(seed);
  return Uint8Array.from({ length: frames * FRAME }, () => random.integer(256));
};

/** The gates of one frame, from its bytes, by the definition of the input's numbers. */
function gatesOf(frame: Uint8Array): Float64Array {
  const plane = INPUT.width * INPUT.height;
  const numbers = Float64Array.from({ length: FRAME }, (_, i) => {
    const [c, place] = [Math.floor(i / plane), i % plane];
    return (frame[place * 3 + c]! - INPUT.mean[c]!) * INPUT.scale[c]!;
  });
  return evaluate(model.graphs['frames']!, { frames: numbers })['gates']!;
}
const softmaxOf = (x: ArrayLike<number>): number[] => {
  const e = Array.from(x, Math.exp);
  const total = e.reduce((s, v) => s + v, 0);
  return e.map((v) => v / total);
};
/** Scores [window][step][C], each window on its own through the sequence graph as it was stored. */
function scoresByHand(pixels: Uint8Array): number[][][] {
  return STARTS.map((start) => {
    const gates = [0, 1, 2, 3].flatMap((s) => [
      ...gatesOf(pixels.subarray((start + s) * FRAME, (start + s + 1) * FRAME)),
    ]);
    const logits = evaluate(model.graphs['sequence']!, { gates })['logits']!;
    return [0, 1, 2, 3].map((s) => [...logits.subarray(s * C, (s + 1) * C)]);
  });
}
const averageOf = (rows: readonly (readonly number[])[]): number[] =>
  LABELS.map((_, c) => rows.reduce((sum, row) => sum + row[c]!, 0) / rows.length);

describe('a video', () => {
  it('has the scores of its windows, each from a zero state, averaged over steps and windows', () => {
    const pixels = video('a');
    const byHand = scoresByHand(pixels);
    const { logits, probabilities, steps } = evaluate(scoringGraph(model, FRAMES), { pixels });
    expect(relativeError(logits!, averageOf(byHand.flat()))).toBeLessThan(1e-6);
    expect(relativeError(probabilities!, averageOf(byHand.flat().map(softmaxOf)))).toBeLessThan(1e-6);
    const wanted = [0, 1, 2, 3].flatMap((s) => byHand.flatMap((window) => window[s]!));
    expect(relativeError(steps!, wanted)).toBeLessThan(1e-6);
  });

  it('has the same scores whether scored by itself or together with others', () => {
    const features = new Random('features').normals(3 * FRAMES * GATES);
    const windows = STARTS.map((start) => [0, 1, 2, 3].map((s) => start + s));
    const score = (rows: Float32Array): Float64Array => {
      const b = new GraphBuilder();
      const input = b.input('features', [rows.length / GATES, GATES]);
      b.output('steps', windowScores(b, model, input, FRAMES, windows));
      return evaluate(b.build(), { features: rows })['steps']!;
    };
    const together = score(features);
    const alone = [0, 1, 2].map((r) => score(features.slice(r * FRAMES * GATES, (r + 1) * FRAMES * GATES)));
    const row = windows.length * C;
    const wanted = [0, 1, 2, 3].flatMap((s) => alone.flatMap((steps) => [...steps.subarray(s * row, (s + 1) * row)]));
    expect(relativeError(together, wanted)).toBeLessThan(1e-12);
  });

  it('depends on the order of its frames where the network is recurrent', () => {
    const pixels = video('a');
    const backwards = new Uint8Array(pixels.length);
    for (let t = 0; t < FRAMES; t++) {
      backwards.set(pixels.subarray(t * FRAME, (t + 1) * FRAME), (FRAMES - 1 - t) * FRAME);
    }
    const graph = scoringGraph(model, FRAMES);
    const [forth, back] = [pixels, backwards].map((p) => evaluate(graph, { pixels: p })['logits']!);
    expect(relativeError(back!, forth!)).toBeGreaterThan(1e-3);
  });

  it('shorter than a window is one shorter window', () => {
    const graph = scoringGraph(model, 2);
    expect(evaluate(graph, { pixels: video('b', 2) })['steps']).toHaveLength(2 * C);
  });
});

describe('the activation at a frame', () => {
  it('is the mean over the windows that hold it', () => {
    const windows = STARTS.map((start) => [0, 1, 2, 3].map((s) => start + s));
    const steps = new Random('steps').normals(16);
    const wanted = Array.from({ length: FRAMES }, (_, t) => {
      const held = STARTS.flatMap((start, w) => (t >= start && t < start + 4 ? [steps[(t - start) * 4 + w]!] : []));
      return held.reduce((s, x) => s + x, 0) / held.length;
    });
    expect(relativeError(perFrame(steps, windows, FRAMES), wanted)).toBeLessThan(1e-6);
  });

  it('is that of its windows where the model scores windows as a whole', () => {
    const windows = [
      [0, 1],
      [1, 2],
    ];
    expect([...perFrame([1, 3], windows, 3)]).toEqual([1, 2, 3]);
  });

  it('is not a number where no window holds it', () => expect([...perFrame([5], [[0]], 2)]).toEqual([5, NaN]));
});

describe('a model that scores windows as a whole', () => {
  it('has one step of scores', () => {
    const content = smallRecogniser();
    const b = new GraphBuilder();
    const gates = b.input('gates', [4, 1, GATES]);
    const average = mean(b, gates, [0]);
    const graph = (value: typeof gates): Graph => {
      b.output('logits', value);
      return b.build();
    };
    const sequence = graph(reshape(b, average, [1, -1, GATES]));
    const labels = Array.from({ length: GATES }, (_, i) => `l${i}`);
    const facts = { ...content.facts, labels, defaults: {} } as NewPackage['facts'];
    const whole = load('whole', { ...content, facts, graphs: { ...content.graphs, sequence } });
    const c = new GraphBuilder();
    const scores = scoreVideo(c, whole, c.input('features', [FRAMES, GATES]));
    expect(scores.steps.shape).toEqual([1, STARTS.length, GATES]);
  });
});

describe('a recogniser that is not whole', () => {
  const broken = (name: string, graphs: Record<string, Graph>, facts: object = {}): RecogniserPackage => {
    const content = smallRecogniser();
    return load(name, { ...content, graphs, facts: { ...content.facts, ...facts } });
  };
  const features = (b: GraphBuilder) => b.input('features', [FRAMES, GATES]);

  it('lacks a graph, or what passes between them', () => {
    const { frames, sequence } = smallRecogniser().graphs;
    expect(() => boundaryOf(broken('one', { frames: frames! }))).toThrow(failure('MODEL_INVALID', /"sequence"/));
    expect(() => boundaryOf(broken('two', { sequence: sequence! }))).toThrow(failure('MODEL_INVALID'));
    const b = new GraphBuilder();
    b.output('logits', b.input('elsewhere', [4, 1, 3]));
    expect(() => boundaryOf(broken('three', { frames: frames!, sequence: b.build() }))).toThrow(
      failure('MODEL_INVALID'),
    );
  });

  it('has no logits, or not one a label', () => {
    const { frames, sequence } = smallRecogniser().graphs;
    const b = new GraphBuilder();
    b.output('scores', b.input('gates', [4, 1, GATES]));
    const nameless = broken('four', { frames: frames!, sequence: b.build() });
    const c = new GraphBuilder();
    expect(() => scoreVideo(c, nameless, features(c))).toThrow(failure('MODEL_INVALID', /"logits"/));
    const unlabelled = broken('five', { frames: frames!, sequence: sequence! }, { labels: [...LABELS, 'extra'] });
    const d = new GraphBuilder();
    expect(() => scoreVideo(d, unlabelled, features(d))).toThrow(failure('MODEL_INVALID', /4 labels in 4 windows/));
  });
});

describe('the scorer of videos', () => {
  /** Counts what is compiled and closed. */
  function counted(runtime: Runtime): Runtime & { opened: number; closed: number } {
    const counting = {
      ...runtime,
      opened: 0,
      closed: 0,
      async compile(graph: Graph): Promise<CompiledGraph> {
        counting.opened++;
        const compiled = await runtime.compile(graph);
        return {
          run: (inputs) => compiled.run(inputs),
          async close() {
            counting.closed++;
            await compiled.close();
          },
        };
      },
    };
    return counting;
  }

  it('compiles once for each length, and closes all', async () => {
    const runtime = counted(referenceRuntime);
    const scorer = new VideoScorer(model, runtime);
    const first = await scorer.score(video('a'));
    expect(await scorer.score(video('a'))).toEqual(first);
    await scorer.score(video('b', 5));
    expect(runtime.opened).toBe(2);
    await scorer.close();
    expect(runtime.closed).toBe(2);
    expect(relativeError(first.logits, averageOf(scoresByHand(video('a')).flat()))).toBeLessThan(1e-6);
  });

  it('gives the same scores on ONNX Runtime', async () => {
    const scorer = new VideoScorer(model, await openOnnxRuntime(), 1);
    const { logits, probabilities } = await scorer.score(video('c'));
    const byHand = scoresByHand(video('c')).flat();
    expect(relativeError(logits, averageOf(byHand))).toBeLessThan(1e-5);
    expect(relativeError(probabilities, averageOf(byHand.map(softmaxOf)))).toBeLessThan(1e-5);
    await scorer.close();
  });

  it('refuses bytes that are no whole number of frames', async () => {
    const scorer = new VideoScorer(model, referenceRuntime);
    for (const length of [0, 1, FRAME - 1, FRAME + 1]) {
      await expect(scorer.score(new Uint8Array(length))).rejects.toThrow(failure('GRAPH_INVALID'));
    }
  });
});
