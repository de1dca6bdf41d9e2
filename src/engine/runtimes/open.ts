/** The runtimes by name: one table, in the order in which `auto` tries them. */
import { NeuroreelError } from '../../protocol/errors.js';
import { openOnnxRuntime } from './onnxruntime/onnxruntime.js';
import { openTfjsRuntime } from './tfjs/tfjs.js';
import type { Runtime } from './runtime.js';

const OPENERS: Readonly<Record<string, () => Promise<Runtime>>> = {
  onnxruntime: openOnnxRuntime,
  tfjs: () => openTfjsRuntime(),
  'tfjs-tensorflow': () => openTfjsRuntime('tensorflow'),
  'tfjs-wasm': () => openTfjsRuntime('wasm'),
  'tfjs-cpu': () => openTfjsRuntime('cpu'),
};

/** Names that `openRuntime` takes. */
export const RUNTIMES: readonly string[] = ['auto', ...Object.keys(OPENERS)];

/**
 * Opens a runtime; `auto` takes the first that loads: onnxruntime is the fastest on a CPU.
 * @throws NeuroreelError REQUEST_INVALID for an unknown name, RUNTIME_UNAVAILABLE when it does not load.
 */
export async function openRuntime(name = 'auto'): Promise<Runtime> {
  if (name !== 'auto') {
    const open = Object.hasOwn(OPENERS, name) ? OPENERS[name] : undefined;
    if (!open)
      throw new NeuroreelError('REQUEST_INVALID', `No runtime is named "${name}"; there are: ${RUNTIMES.join(', ')}.`);
    return open();
  }
  try {
    return await openOnnxRuntime();
  } catch (error) {
    if (!(error instanceof NeuroreelError)) throw error;
    return openTfjsRuntime();
  }
}
