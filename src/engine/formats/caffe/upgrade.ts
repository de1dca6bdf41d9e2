/**
 * Caffe's networks have had three forms. Here the two older ones are read as the newest, so that the rest knows only one:
 * V0 (2013) has `layers { layer { name type: "conv" num_output .. } bottom top }`, V1 (2014) has
 * `layers { name type: CONVOLUTION convolution_param { .. } bottom top }`, V2 `layer { name type: "Convolution" .. }`.
 */
import { z } from 'zod';
import { NeuroreelError } from '../../../protocol/errors.js';
import { optional, problemOf, repeated, text } from './schema.js';
import type { TextMessage, TextValue } from './text.js';

export interface RawLayer {
  readonly name: string;
  /** Its type in the newest form; a type that has none there keeps its name. */
  readonly type: string;
  readonly bottoms: readonly string[];
  readonly tops: readonly string[];
  /** Names under which weights are shared with other layers, by the weight's number; '' where they are not. */
  readonly shared: readonly string[];
  /** The layer's message, with its options where the newest form has them. */
  readonly message: TextMessage;
}

const MAX_LAYERS = 5000;
const MAX_ENDS = 10_000;

/** Types of V1 whose V2 name is not the same without underscores and capitals. */
const V1_TYPES: Readonly<Record<string, string>> = {
  ABSVAL: 'AbsVal',
  ACCURACY: 'Accuracy',
  ARGMAX: 'ArgMax',
  BNLL: 'BNLL',
  CONCAT: 'Concat',
  CONTRASTIVE_LOSS: 'ContrastiveLoss',
  CONVOLUTION: 'Convolution',
  DATA: 'Data',
  DECONVOLUTION: 'Deconvolution',
  DROPOUT: 'Dropout',
  DUMMY_DATA: 'DummyData',
  ELTWISE: 'Eltwise',
  EUCLIDEAN_LOSS: 'EuclideanLoss',
  EXP: 'Exp',
  FLATTEN: 'Flatten',
  HDF5_DATA: 'HDF5Data',
  HDF5_OUTPUT: 'HDF5Output',
  HINGE_LOSS: 'HingeLoss',
  IM2COL: 'Im2col',
  IMAGE_DATA: 'ImageData',
  INFOGAIN_LOSS: 'InfogainLoss',
  INNER_PRODUCT: 'InnerProduct',
  LRN: 'LRN',
  MEMORY_DATA: 'MemoryData',
  MULTINOMIAL_LOGISTIC_LOSS: 'MultinomialLogisticLoss',
  MVN: 'MVN',
  POOLING: 'Pooling',
  POWER: 'Power',
  RELU: 'ReLU',
  SIGMOID: 'Sigmoid',
  SIGMOID_CROSS_ENTROPY_LOSS: 'SigmoidCrossEntropyLoss',
  SILENCE: 'Silence',
  SLICE: 'Slice',
  SOFTMAX: 'Softmax',
  SOFTMAX_LOSS: 'SoftmaxWithLoss',
  SPLIT: 'Split',
  TANH: 'TanH',
  THRESHOLD: 'Threshold',
  WINDOW_DATA: 'WindowData',
};

interface V0Type {
  readonly type: string;
  /** Where its options are in the newest form. */
  readonly section?: string;
}

const V0_TYPES: Readonly<Record<string, V0Type>> = {
  accuracy: { type: 'Accuracy' },
  bnll: { type: 'BNLL' },
  concat: { type: 'Concat', section: 'concat_param' },
  conv: { type: 'Convolution', section: 'convolution_param' },
  data: { type: 'Data', section: 'data_param' },
  dropout: { type: 'Dropout' },
  euclidean_loss: { type: 'EuclideanLoss' },
  flatten: { type: 'Flatten' },
  hdf5_data: { type: 'HDF5Data', section: 'hdf5_data_param' },
  hdf5_output: { type: 'HDF5Output' },
  im2col: { type: 'Im2col' },
  images: { type: 'ImageData', section: 'image_data_param' },
  infogain_loss: { type: 'InfogainLoss' },
  innerproduct: { type: 'InnerProduct', section: 'inner_product_param' },
  lrn: { type: 'LRN', section: 'lrn_param' },
  multinomial_logistic_loss: { type: 'MultinomialLogisticLoss' },
  pool: { type: 'Pooling', section: 'pooling_param' },
  relu: { type: 'ReLU' },
  sigmoid: { type: 'Sigmoid' },
  softmax: { type: 'Softmax' },
  softmax_loss: { type: 'SoftmaxWithLoss' },
  split: { type: 'Split' },
  tanh: { type: 'TanH' },
  window_data: { type: 'WindowData', section: 'window_data_param' },
};

/** Options of V0 that have another name now. */
const V0_OPTIONS: Readonly<Record<string, string>> = {
  biasterm: 'bias_term',
  kernelsize: 'kernel_size',
  batchsize: 'batch_size',
  cropsize: 'crop_size',
};

function invalid(message: string): never {
  throw new NeuroreelError('MODEL_INVALID', message);
}

const isMessage = (value: TextValue | undefined): value is TextMessage => typeof value === 'object';

const ends = { bottom: repeated(text, MAX_ENDS), top: repeated(text, MAX_ENDS) };
const paramSpec = z.union([text, z.object({ name: optional(text) }).transform(({ name }) => name ?? '')]);
const head = z.object({
  name: optional(text),
  type: optional(z.union([text, z.number()])),
  param: repeated(paramSpec, 1000),
  ...ends,
});

/** A message with some fields replaced; it has no prototype either. */
function withFields(message: TextMessage, fields: Readonly<Record<string, readonly TextValue[]>>): TextMessage {
  return Object.assign(Object.create(null), message, fields) as TextMessage;
}

function read(message: TextMessage, place: string, typeOf: (type: string) => string): RawLayer {
  const parsed = head.safeParse(message);
  if (!parsed.success) return invalid(`The layer ${place} is malformed: ${problemOf(parsed.error)}.`);
  const { name = '', type, bottom, top, param } = parsed.data;
  if (type === undefined) return invalid(`The layer ${place} ("${name}") has no type.`);
  return { name, type: typeOf(String(type)), bottoms: bottom, tops: top, shared: param, message };
}

const own = <T>(table: Readonly<Record<string, T>>, key: string): T | undefined =>
  Object.hasOwn(table, key) ? table[key] : undefined;

function fromV1(message: TextMessage, place: string): RawLayer {
  return read(message, place, (type) => own(V1_TYPES, type) ?? type);
}

function fromV0(message: TextMessage, inner: TextMessage, place: string): RawLayer {
  const renamed = Object.fromEntries(
    Object.entries(inner).map(([name, values]) => [own(V0_OPTIONS, name) ?? name, values]),
  );
  const known = own(V0_TYPES, typeof renamed['type']?.[0] === 'string' ? renamed['type'][0] : '');
  const options = known?.section ? { [known.section]: [withFields(inner, renamed)] } : {};
  const fields = { ...options, name: renamed['name'] ?? [], type: renamed['type'] ?? [] };
  return read(withFields(message, fields), place, (type) => known?.type ?? type);
}

/**
 * The layers of a network, in the order of the file.
 * @throws NeuroreelError MODEL_INVALID where one has no type or a malformed name, and for too many of them.
 */
export function layersOf(net: TextMessage): RawLayer[] {
  const [newer, older] = [net['layer'] ?? [], net['layers'] ?? []];
  if (newer.length > 0 && older.length > 0) invalid('The network has layers of two forms, "layer" and "layers".');
  const all = newer.length > 0 ? newer : older;
  if (all.length > MAX_LAYERS) invalid(`The network has ${all.length} layers; at most ${MAX_LAYERS} are read.`);
  const layers = all.map((message, i) => {
    const place = String(i + 1);
    if (!isMessage(message)) return invalid(`The layer ${place} is no message.`);
    if (newer.length > 0) return read(message, place, (type) => type);
    const inner = message['layer']?.[0];
    return isMessage(inner) ? fromV0(message, inner, place) : fromV1(message, place);
  });
  const blobs = layers.reduce((n, { bottoms, tops }) => n + bottoms.length + tops.length, 0);
  if (blobs > 4 * MAX_ENDS) invalid(`The network has ${blobs} bottoms and tops; at most ${4 * MAX_ENDS} are read.`);
  return layers;
}
