/** Runs graphs with ONNX Runtime. Creating and running a session block the calling thread: use it in worker threads. */
import { cpus } from 'node:os';
import type * as onnxruntime from 'onnxruntime-node';
import { GraphBuilder, typeOf, type Graph } from '../../graph/graph.js';
import type { OnnxDevice } from '../../ops/definition.js';
import { add } from '../../ops/elementwise.js';
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
  device: OnnxDevice,
  options: onnxruntime.InferenceSession.SessionOptions,
): Promise<Session> {
  try {
    const { bytes, external } = onnxModel(graph, { device });
    return await ort.InferenceSession.create(bytes, { ...options, externalData: [...external] });
  } catch (cause) {
    const why = cause instanceof Error ? cause.message : String(cause);
    throw new NeuroreelError('GRAPH_INVALID', `ONNX Runtime does not take the graph: ${why}`, { cause });
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
 * @throws NeuroreelError RUNTIME_UNAVAILABLE where its native library does not load, or the device is not there
 */
export async function openOnnxRuntime(device: OnnxDevice = 'cpu', adapter?: string): Promise<Runtime> {
  const ort = await load();
  if (device !== 'cpu') await checkDevice(ort, device);
  const where = adapter === undefined ? device : `${device} (${adapter})`;
  return {
    name: 'onnxruntime',
    device,
    description: `onnxruntime-node ${ort.env.versions.node ?? ort.env.versions.common}, ${where}`,
    async compile(graph: Graph, options: CompileOptions = {}): Promise<CompiledGraph> {
      const session = await created(ort, graph, device, {
        executionProviders: device === 'cpu' ? ['cpu'] : [device, 'cpu'],
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
