/** Caffe networks as a format of the importer. */
import { basename } from 'node:path';
import type { ImportedModel, ModelFormat, ReadOptions } from '../format.js';
import { isCaffe, pathsOf, readNetworkText, readWeightsBytes } from './files.js';
import { buildModel, buildWholeNet } from './model.js';
import { readNet, type Net } from './net.js';
import type { WholeNet } from './single.js';
import { readText } from './text.js';
import { FileWeights, RandomWeights, type WeightSource } from './weights.js';
import { readCaffemodel } from './wire.js';

interface CaffeFiles {
  readonly net: Net;
  readonly source: () => WeightSource;
  readonly origin: string;
  readonly randomWeights: boolean;
}

async function open(path: string, weights?: string): Promise<CaffeFiles> {
  const paths = await pathsOf(path, weights);
  const file = basename(paths.network);
  const net = readNet(readText(await readNetworkText(paths.network), file), file);
  const title = net.name === '' ? file : `${net.name} (${file})`;
  if (paths.weights === null) {
    const origin = `Caffe network ${title}, weights at random`;
    return { net, origin, source: () => new RandomWeights(), randomWeights: true };
  }
  const name = basename(paths.weights);
  const layers = readCaffemodel(await readWeightsBytes(paths.weights), name);
  return { net, origin: `Caffe network ${title}`, source: () => new FileWeights(layers, name), randomWeights: false };
}

async function read(path: string, options: ReadOptions = {}): Promise<ImportedModel> {
  const { net, source, origin, randomWeights } = await open(path, options.weights);
  return { ...buildModel(net, source, options), origin, randomWeights };
}

export interface CaffeNet extends WholeNet {
  readonly randomWeights: boolean;
}

/**
 * Reads a network as it stands in its file: one graph with the file's inputs (data, clip markers), shapes and batch, and
 * every blob for an output. What `readModel` gives is for use; this is for comparing with Caffe blob by blob, for
 * networks that are none of the kinds of model, and for benchmarks.
 * @param path a .prototxt, or a folder with one.
 * @throws NeuroreelError as `ModelFormat.read`.
 */
export async function readCaffeNet(path: string, options: ReadOptions = {}): Promise<CaffeNet> {
  const { net, source, randomWeights } = await open(path, options.weights);
  return { ...buildWholeNet(net, source, options), randomWeights };
}

export const caffe: ModelFormat = {
  name: 'Caffe network (.prototxt)',
  weightsApart: true,
  recognises: isCaffe,
  read,
};
