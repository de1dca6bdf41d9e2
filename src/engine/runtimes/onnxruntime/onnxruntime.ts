/** Runs graphs with ONNX Runtime. Creating and running a session block the calling thread: use it in worker threads. */
import { cpus } from 'node:os';
import { join } from 'node:path';
import type * as onnxruntime from 'onnxruntime-node';
import { GraphBuilder, typeOf, type Graph } from '../../graph/graph.js';
import type { OnnxDevice } from '../../ops/definition.js';
import { add } from '../../ops/elementwise.js';
import { NeuroreelError } from '../../../protocol/errors.js';
import { checkInputs } from '../check-inputs.js';
import type { CompiledGraph, CompileOptions, RunOptions, Runtime, TensorData, Tensors } from '../runtime.js';
import {
  belongsInCache,
  contentKey,
  defaultModelCache,
  discard,
  draftOf,
  entryOf,
  MODEL_FILE,
  publish,
  WEIGHTS_FILE,
  type ModelCache,
} from './model-cache.js';
import { inputName, onnxModel, outputName, type OnnxModel } from './onnx-model.js';

async function load(): Promise<typeof onnxruntime> {
  try {
    return await import('onnxruntime-node');
  } catch (cause) {
    throw new NeuroreelError(
      'RUNTIME_UNAVAILABLE',
      'onnxruntime-node cannot be loaded. Install it with `npm install onnxruntime-node --ignore-scripts`.',
      { cause },
    );
  }
}

type Session = onnxruntime.InferenceSession;
type SessionOptions = onnxruntime.InferenceSession.SessionOptions;

async function created(
  ort: typeof onnxruntime,
  graph: Graph,
  device: OnnxDevice,
  options: SessionOptions,
  cache: ModelCache,
): Promise<Session> {
  try {
    const model = onnxModel(graph, { device });
    const cached =
      device === 'cpu' && belongsInCache(model, cache) ? await fromCache(ort, model, options, cache) : null;
    return cached ?? (await fresh(ort, model, options));
  } catch (cause) {
    const why = cause instanceof Error ? cause.message : String(cause);
    throw new NeuroreelError('GRAPH_INVALID', `ONNX Runtime does not take the graph: ${why}`, { cause });
  }
}

function fresh(ort: typeof onnxruntime, { bytes, external }: OnnxModel, options: SessionOptions): Promise<Session> {
  return ort.InferenceSession.create(bytes, { ...options, externalData: [...external] });
}

/** A session from the cache, where the model is put first if it is not there; null where that is not possible. */
async function fromCache(
  ort: typeof onnxruntime,
  model: OnnxModel,
  options: SessionOptions,
  cache: ModelCache,
): Promise<Session | null> {
  const key = contentKey(model, ort.env.versions.node ?? ort.env.versions.common);
  const known = entryOf(cache, key, new Date());
  const opened = known === null ? null : await openEntry(ort, known, options);
  if (opened) return opened;
  const draft = draftOf(cache, key);
  if (draft === null) return null;
  const session = { ...(options.extra?.['session'] as object), ...OPTIMISED_WEIGHTS };
  try {
    const optimised = { optimizedModelFilePath: join(draft, MODEL_FILE), logSeverityLevel: 4 as const };
    await (await fresh(ort, model, { ...options, ...optimised, extra: { session } })).release();
  } catch {
    // A full disk, or a model that is refused: the session that follows tells which.
    discard(draft);
    return null;
  }
  const entry = publish(cache, draft, key, new Date());
  return entry === null ? null : openEntry(ort, entry, options);
}

/** Weights of more bytes than this lie in a file of their own, which is mapped into memory. */
const OPTIMISED_WEIGHTS = {
  optimized_model_external_initializers_file_name: WEIGHTS_FILE,
  optimized_model_external_initializers_min_size_in_bytes: '4096',
};

async function openEntry(ort: typeof onnxruntime, entry: string, options: SessionOptions): Promise<Session | null> {
  try {
    return await ort.InferenceSession.create(join(entry, MODEL_FILE), {
      ...options,
      graphOptimizationLevel: 'disabled',
    });
  } catch {
    // A file that was damaged is made anew.
    discard(entry);
    return null;
  }
}

/** Makes a session of the smallest graph there is: a device that is not there refuses it. */
async function checkDevice(ort: typeof onnxruntime, device: OnnxDevice): Promise<void> {
  const b = new GraphBuilder();
  b.output('y', add(b, b.input('x', [1]), b.scalar(1)));
  try {
    const { bytes } = onnxModel(b.build(), { device });
    await (await ort.InferenceSession.create(bytes, { executionProviders: [device], logSeverityLevel: 4 })).release();
  } catch (cause) {
    // Its messages begin with the source line that failed.
    const why = (cause instanceof Error ? cause.message : String(cause)).trim().replace(/^.* was false\. /s, '');
    throw new NeuroreelError('RUNTIME_UNAVAILABLE', `ONNX Runtime cannot use the device ${device}: ${why}`, { cause });
  }
}

/**
 * Opens ONNX Runtime on a device. What it cannot run there, such as the loop over the frames of an LSTM on WebGPU, it runs
 * on the CPU.
 * @param adapter name of the graphics processor, for the description
 * @param cache where large models are kept as they were optimised
 * @throws NeuroreelError RUNTIME_UNAVAILABLE where its native library does not load, or the device is not there
 */
export async function openOnnxRuntime(
  device: OnnxDevice = 'cpu',
  adapter?: string,
  cache: ModelCache = defaultModelCache(),
): Promise<Runtime> {
  const ort = await load();
  if (device !== 'cpu') await checkDevice(ort, device);
  const where = adapter === undefined ? device : `${device} (${adapter})`;
  return {
    name: 'onnxruntime',
    device,
    description: `onnxruntime-node ${ort.env.versions.node ?? ort.env.versions.common}, ${where}`,
    async compile(graph: Graph, options: CompileOptions = {}): Promise<CompiledGraph> {
      const settings: SessionOptions = {
        executionProviders: device === 'cpu' ? ['cpu'] : [device, 'cpu'],
        intraOpNumThreads: options.threads ?? cpus().length,
        interOpNumThreads: 1,
        graphOptimizationLevel: 'all',
        logSeverityLevel: 3,
        // Spinning threads would take the other core from everything else that runs.
        extra: { session: { intra_op: { allow_spinning: process.env.NEUROREEL_SPIN === '1' ? '1' : '0' } } },
      };
      const session = await created(ort, graph, device, settings, cache);
      return {
        async run(inputs: Tensors, { into = {}, between }: RunOptions = {}) {
          checkInputs(graph, inputs);
          await between?.();
          const feeds = Object.fromEntries(
            graph.inputs.map(({ name, value }) => {
              const { shape, dtype } = typeOf(graph, value);
              return [inputName(name), new ort.Tensor(dtype, inputs[name] as never, shape)];
            }),
          );
          const fetches = Object.fromEntries(
            graph.outputs.map(({ name, value }) => {
              const { shape, dtype } = typeOf(graph, value);
              const target = into[name];
              return [outputName(name), target ? new ort.Tensor(dtype, target as never, shape) : null];
            }),
          );
          const results = await session.run(feeds, fetches);
          return Object.fromEntries(
            graph.outputs.map(({ name }) => [name, into[name] ?? (results[outputName(name)]!.data as TensorData)]),
          );
        },
        async close() {
          await session.release();
        },
      };
    },
  };
}
