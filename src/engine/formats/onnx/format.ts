/** ONNX models, which PyTorch and others export, as a format of the importer. */
import { basename, resolve } from 'node:path';
import { stat } from 'node:fs/promises';
import type { ImportedModel, ModelFormat, ReadOptions } from '../format.js';
import { readOnnxFiles } from './files.js';
import { inputOf } from './input.js';
import { buildNetwork } from './network.js';
import { planModel, type Plan } from './plan.js';
import { asVideo, buildVideoModel } from './video.js';

type WithoutOrigin<T> = T extends unknown ? Omit<T, 'origin'> : never;

function build(plan: Plan, size: number, options: ReadOptions): WithoutOrigin<ImportedModel> {
  const input = inputOf(plan.input, options);
  if (input.kind === 'frames') return buildVideoModel(plan, size, input, options);
  const video = input.kind === 'picture' ? asVideo(plan, size, input) : null;
  return video ? buildVideoModel(plan, size, video, options) : buildNetwork(plan, size, input);
}

async function read(path: string, options: ReadOptions = {}): Promise<ImportedModel> {
  const files = await readOnnxFiles(path);
  const model = build(planModel(files), files.size, options);
  const { producer, opset } = files.model;
  const maker = [producer.slice(0, 100), `opset ${opset}`].filter((part) => part !== '').join(', ');
  return { ...model, origin: `ONNX model ${basename(resolve(path))} (${maker})` };
}

export const onnx: ModelFormat = {
  name: 'ONNX model (.onnx)',
  async recognises(path) {
    return path.toLowerCase().endsWith('.onnx') && ((await stat(path).catch(() => null))?.isFile() ?? false);
  },
  read,
};
