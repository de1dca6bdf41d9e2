/**
 * Runs graphs with TensorFlow.js: with the TensorFlow library of `@tensorflow/tfjs-node-gpu` or `@tensorflow/tfjs-node`
 * where one of them loads, else WebAssembly, else plain JavaScript. It is also the tests' second opinion on every op.
 */
import { existsSync, readdirSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join, sep } from 'node:path';
import util from 'node:util';
import type * as tfjs from '@tensorflow/tfjs';
import type * as wasmBackend from '@tensorflow/tfjs-backend-wasm';
import { typeOf, type Graph } from '../../graph/graph.js';
import { NeuroreelError } from '../../../protocol/errors.js';
import { opNamed } from '../../ops/table.js';
import { checkInputs } from '../check-inputs.js';
import { written } from '../written.js';
import type { CompiledGraph, RunOptions, Runtime, TensorData, Tensors } from '../runtime.js';

type Tf = typeof tfjs;
/** The command that fetches the TensorFlow library, and the one for a machine without a GPU. */
export const TENSORFLOW_COMMAND = 'npm rebuild @tensorflow/tfjs-node-gpu --ignore-scripts=false';
export const TENSORFLOW_CPU_COMMAND =
  'npm install --no-save @tensorflow/tfjs-node && npm rebuild @tensorflow/tfjs-node --ignore-scripts=false';
export type TfjsBackend = 'tensorflow' | 'wasm' | 'cpu';
const require = createRequire(import.meta.url);

/** tfjs-node 4.22 uses two functions that Node 23 removed. */
function restoreRemovedFunctions(): void {
  const node = util as unknown as Record<string, unknown>;
  node.isNullOrUndefined ??= (x: unknown) => x === null || x === undefined;
  node.isArray ??= Array.isArray;
}

/** Packages with the TensorFlow library: the one for CUDA first. */
const LIBRARIES = ['@tensorflow/tfjs-node-gpu', '@tensorflow/tfjs-node'] as const;

/**
 * The package whose TensorFlow library is on this machine; null where none is. Without install scripts a package is there
 * without its library, which a second command fetches. Loads nothing.
 */
export function tensorflowPackage(resolve: (id: string) => string = require.resolve): string | null {
  const complete = LIBRARIES.find((name) => {
    try {
      const binaries = join(dirname(resolve(`${name}/package.json`)), 'lib');
      return readdirSync(binaries).some((folder) => existsSync(join(binaries, folder, 'tfjs_binding.node')));
    } catch {
      return false;
    }
  });
  return complete ?? null;
}

const openers: Readonly<Record<TfjsBackend, () => Promise<Tf>>> = {
  async tensorflow() {
    const name = tensorflowPackage();
    if (name === null) throw new Error(`neither ${LIBRARIES.join(' nor ')} is here with its native library`);
    restoreRemovedFunctions();
    const tf = require(name) as Tf;
    await tf.setBackend('tensorflow');
    return tf;
  },
  async wasm() {
    const tf = require('@tensorflow/tfjs') as Tf;
    const wasm = require('@tensorflow/tfjs-backend-wasm') as typeof wasmBackend;
    wasm.setWasmPaths(join(dirname(require.resolve('@tensorflow/tfjs-backend-wasm')), sep));
    if (!(await tf.setBackend('wasm'))) throw new Error('The wasm backend did not initialise.');
    return tf;
  },
  async cpu() {
    const tf = require('@tensorflow/tfjs') as Tf;
    await tf.setBackend('cpu');
    return tf;
  },
};

/**
 * Opens TensorFlow.js on a backend, or on the first that loads of tensorflow, wasm, cpu.
 * @throws NeuroreelError RUNTIME_UNAVAILABLE when the asked-for backend does not load.
 */
export async function openTfjsRuntime(backend?: TfjsBackend): Promise<Runtime> {
  const failures: string[] = [];
  for (const candidate of backend ? [backend] : (['tensorflow', 'wasm', 'cpu'] as const)) {
    try {
      return runtimeOn(await openers[candidate](), candidate);
    } catch (error) {
      failures.push(`${candidate}: ${error instanceof Error ? error.message.split('\n')[0] : String(error)}`);
    }
  }
  throw new NeuroreelError(
    'RUNTIME_UNAVAILABLE',
    `TensorFlow.js does not load (${failures.join('; ')}). Fetch its native library with ` +
      `\`${TENSORFLOW_COMMAND}\`, after \`npm install @tensorflow/tfjs-node-gpu\` where the package itself is not ` +
      `installed; without a GPU, \`${TENSORFLOW_CPU_COMMAND}\` does.`,
  );
}

function runtimeOn(tf: Tf, backend: TfjsBackend): Runtime {
  // Outside of this mode the cpu backend prints an advertisement on its first use.
  tf.enableProdMode();
  const library = backend === 'tensorflow' ? (tensorflowPackage()?.split('/')[1] ?? 'tfjs-node') : 'tfjs';
  const gpu = (tf.backend() as { isUsingGpuDevice?: boolean }).isUsingGpuDevice === true;
  return {
    name: 'tfjs',
    device: backend,
    description: `${library} ${tf.version.tfjs}, ${backend}${gpu ? ' (GPU)' : ''}`,
    compile: async (graph) => compile(tf, backend, graph),
  };
}

/** Runs the nodes in order; a tensor is disposed of after its last use. */
function compile(tf: Tf, backend: TfjsBackend, graph: Graph): CompiledGraph {
  const lastUse = new Map<number, number>();
  graph.nodes.forEach((node, i) => [...node.inputs, ...node.outputs].forEach((id) => lastUse.set(id, i)));
  for (const { value } of [...graph.outputs, ...graph.constants]) lastUse.set(value, Infinity);
  const constants = new Map(
    graph.constants.map(({ value, data }) => [value, tf.tensor(data, [...typeOf(graph, value).shape], 'float32')]),
  );
  const runNode = (live: Map<number, tfjs.Tensor>, index: number): void => {
    const node = graph.nodes[index]!;
    const inputs = node.inputs.map((id) => constants.get(id) ?? live.get(id)!);
    const outputTypes = node.outputs.map((id) => typeOf(graph, id));
    const context = { tf, inputs, outputTypes, attributes: node.attributes };
    const results = tf.tidy(() =>
      opNamed(node.op)
        .tfjs(context)
        .map((t) => (inputs.includes(t) ? t.clone() : t)),
    );
    node.outputs.forEach((id, i) => live.set(id, results[i]!));
    for (const id of new Set([...node.inputs, ...node.outputs])) {
      if (lastUse.get(id) === index && !constants.has(id)) live.get(id)?.dispose();
    }
  };
  return {
    async run(inputs: Tensors, { into, between }: RunOptions = {}) {
      checkInputs(graph, inputs);
      await between?.();
      await tf.setBackend(backend);
      const live = new Map<number, tfjs.Tensor>();
      try {
        for (const { name, value } of graph.inputs) {
          const { shape, dtype } = typeOf(graph, value);
          live.set(value, tf.tensor(inputs[name]!, [...shape], dtype === 'uint8' ? 'int32' : 'float32'));
        }
        graph.nodes.forEach((_, index) => runNode(live, index));
        const results: Record<string, TensorData> = {};
        for (const { name, value } of graph.outputs) {
          const data = await (constants.get(value) ?? live.get(value)!).data();
          results[name] = typeOf(graph, value).dtype === 'uint8' ? Uint8Array.from(data) : Float32Array.from(data);
        }
        return written(into, results);
      } finally {
        for (const tensor of live.values()) if (!tensor.isDisposed) tensor.dispose();
      }
    },
    async close() {
      for (const tensor of constants.values()) tensor.dispose();
    },
  };
}
