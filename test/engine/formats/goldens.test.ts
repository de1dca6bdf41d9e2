/** Real Keras models against reference outputs that were computed elsewhere. */
import { describe, expect, it } from 'vitest';
import { gradients } from '../../../src/engine/autodiff/gradients.js';
import { readModel } from '../../../src/engine/formats/import.js';
import type { ImportedModel } from '../../../src/engine/formats/format.js';
import { reshape, sliceAxis } from '../../../src/engine/ops/layout.js';
import { softmax } from '../../../src/engine/ops/softmax.js';
import type { TensorData } from '../../../src/engine/runtimes/runtime.js';
import { openOnnxRuntime } from '../../../src/engine/runtimes/onnxruntime/onnxruntime.js';
import { sharedJson, sharedNpy, sharedPart, sharedPath } from '../../shared-data.js';
import { channelsFirst, runOnce, scoring, worst } from './helpers.js';

interface Golden {
  logits: number[];
  probs: number[];
  top: number;
  probs_for_permutations: number[][];
  grad_of_top_logit_wrt_input?: string;
}
interface LrcnIndex {
  clips: { clip: string; frames: string; models: Record<string, Golden> }[];
  permutations: number[][];
}

const lrcn = sharedPart('goldens', 'ucf50-lrcn', 'index.json');
const FRAME = 64 * 64 * 3;
const SIDE = 64 * 64;

/** Frames of a golden clip as the network wants them, [20, 3, 64, 64], in a given order. */
function networkFrames(file: string, order?: readonly number[]): Float32Array {
  const { data } = sharedNpy('goldens', 'ucf50-lrcn', file);
  const rows = order ?? Array.from({ length: 20 }, (_, t) => t);
  const ordered = rows.flatMap((t) => [...data.subarray(t * FRAME, (t + 1) * FRAME)].map((byte) => byte / 255));
  return channelsFirst(ordered, SIDE, 3);
}

type Scores = Record<'logits' | 'probs', TensorData>;

/** A model that scores 20 frames. */
async function scorer(model: ImportedModel): Promise<(x: Float32Array) => Promise<Scores>> {
  const { b, y } = scoring(model, 1, 20);
  b.output('logits', y);
  b.output('probs', softmax(b, y));
  const compiled = await (await openOnnxRuntime()).compile(b.build(), { threads: 1 });
  return async (x) => {
    const { logits, probs } = await compiled.run({ x });
    return { logits: logits!, probs: probs! };
  };
}

const difference = (actual: ArrayLike<number>, wanted: readonly number[]): number =>
  Math.max(...wanted.map((v, i) => Math.abs(v - actual[i]!)));

describe.skipIf(lrcn.missing)(`LRCNs trained on UCF50${lrcn.note}`, () => {
  const index = lrcn.missing
    ? { clips: [], permutations: [] }
    : sharedJson<LrcnIndex>('goldens', 'ucf50-lrcn', 'index.json');

  describe.each(['ucf50-lrcn-1', 'ucf50-lrcn-2'])('%s', (name) => {
    it('becomes a recogniser whose boundary is the projected gates', async () => {
      const model = await readModel(sharedPath('models', name));
      expect(model).toMatchObject({ kind: 'recogniser', steps: 20, width: 64, height: 64, units: 4 });
      if (model.kind !== 'recogniser') return;
      const { frames, sequence } = model.graphs;
      const last = frames.outputs[frames.outputs.length - 1]!;
      expect(last.name).toBe('gates');
      expect(frames.values[last.value]!.shape).toEqual([1, 128]);
      expect(sequence.inputs.map((port) => port.name)).toEqual(['gates']);
      expect(sequence.nodes.map((node) => node.op)).toContain('Lstm');
    });

    it.each(index.clips)('scores $clip as the reference does, in any order of frames', async ({ frames, models }) => {
      const scores = await scorer(await readModel(sharedPath('models', name)));
      const golden = models[name]!;
      const { logits, probs } = await scores(networkFrames(frames));
      expect(difference(logits, golden.logits)).toBeLessThan(1e-5);
      expect(difference(probs, golden.probs)).toBeLessThan(1e-5);
      for (const [i, order] of index.permutations.entries()) {
        const permuted = await scores(networkFrames(frames, order));
        expect(difference(permuted.probs, golden.probs_for_permutations[i]!)).toBeLessThan(1e-5);
      }
    });

    it.each(index.clips.filter(({ models }) => models[name]!.grad_of_top_logit_wrt_input))(
      'has the gradient of the reference on $clip',
      async ({ frames, models }) => {
        const { top, grad_of_top_logit_wrt_input: file } = models[name]!;
        const { b, x, y } = scoring(await readModel(sharedPath('models', name)), 1, 20);
        const unit = reshape(b, sliceAxis(b, y, 2, top, top + 1), [1]);
        b.output('gradient', gradients(b, unit, [x])[0]!);
        const { gradient } = await runOnce(await openOnnxRuntime(), b.build(), { x: networkFrames(frames) });
        const wanted = channelsFirst(sharedNpy('goldens', 'ucf50-lrcn', file!).data, SIDE, 3);
        expect(worst(gradient!, wanted)).toBeLessThan(1e-5);
      },
    );
  });
});

const darknet = sharedPart('goldens', 'darknet-tiny', 'index.json');

describe.skipIf(darknet.missing)(`the Darknet classifier${darknet.note}`, () => {
  it('scores pictures as TensorFlow.js does', async () => {
    const model = await readModel(sharedPath('models', 'darknet-tiny'));
    expect(model).toMatchObject({ kind: 'network', units: 1000, width: 224, height: 224 });
    const index = sharedJson<{ images: { crop: string; logits: string; top5_indices: number[] }[] }>(
      'goldens',
      'darknet-tiny',
      'index.json',
    );
    const { b, y } = scoring(model, 1, 1);
    b.output('logits', y);
    const compiled = await (await openOnnxRuntime()).compile(b.build(), { threads: 1 });
    for (const { crop, logits: file, top5_indices } of index.images) {
      const { data } = sharedNpy('goldens', 'darknet-tiny', crop);
      const x = channelsFirst(
        Float32Array.from(data, (byte) => byte / 255),
        224 * 224,
        3,
      );
      const { logits } = await compiled.run({ x });
      expect(worst(logits!, sharedNpy('goldens', 'darknet-tiny', file).data)).toBeLessThan(1e-5);
      const order = [...logits!.keys()].sort((p, q) => logits![q]! - logits![p]!);
      expect(order.slice(0, 5)).toEqual(top5_indices);
    }
    await compiled.close();
  });
});
