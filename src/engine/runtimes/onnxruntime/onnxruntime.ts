/** Runs graphs with ONNX Runtime. Creating and running a session block the calling thread: use it in worker threads. */
import { cpus } from 'node:os';
import type * as onnxruntime from 'onnxruntime-node';
import { typeOf, type Graph } from '../../graph/graph.js';
import { NeuroreelError } from '../../../protocol/errors.js';
import { checkInputs } from '../check-inputs.js';
import type { CompiledGraph, CompileOptions, RunOptions, Runtime, TensorData, Tensors } from '../runtime.js';
import { inputName, onnxModel, outputName } from './onnx-model.js';

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

async function created(
  ort: typeof onnxruntime,
  graph: Graph,
  options: onnxruntime.InferenceSession.SessionOptions,
): Promise<Session> {
  try {
    const { bytes, external } = onnxModel(graph);
    return await ort.InferenceSession.create(bytes, { ...options, externalData: [...external] });
  } catch (cause) {
    const why = cause instanceof Error ? cause.message : String(cause);
    throw new NeuroreelError('GRAPH_INVALID', `ONNX Runtime does not take the graph: ${why}`, { cause });
  }
}

/** Opens ONNX Runtime on the CPU; throws RUNTIME_UNAVAILABLE where its native library does not load. */
export async function openOnnxRuntime(): Promise<Runtime> {
  const ort = await load();
  return {
    name: 'onnxruntime',
    description: `onnxruntime-node ${ort.env.versions.node ?? ort.env.versions.common}, cpu`,
    async compile(graph: Graph, options: CompileOptions = {}): Promise<CompiledGraph> {
      const session = await created(ort, graph, {
        executionProviders: ['cpu'],
        intraOpNumThreads: options.threads ?? cpus().length,
        interOpNumThreads: 1,
        graphOptimizationLevel: 'all',
        logSeverityLevel: 3,
        // Spinning threads would take the other core from everything else that runs.
        extra: { session: { intra_op: { allow_spinning: process.env.NEUROREEL_SPIN === '1' ? '1' : '0' } } },
      });
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
