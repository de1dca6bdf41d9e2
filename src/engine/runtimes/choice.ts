/** What a user may ask for: a runtime and a device by name, `auto` for either, and what that leaves to choose from. */
import { NeuroreelError } from '../../protocol/errors.js';
import { DEVICE_NAMES, RUNTIME_NAMES, type DeviceName, type RuntimeName } from '../../protocol/runtimes.js';

/** A runtime on a device. */
export interface Place {
  readonly runtime: RuntimeName;
  readonly device: DeviceName;
}

/** Every place there is, in the order of how fast one may expect it to be (measured: docs/runtimes.md). */
export const PLACES: readonly Place[] = [
  { runtime: 'onnxruntime', device: 'cuda' },
  { runtime: 'onnxruntime', device: 'webgpu' },
  { runtime: 'onnxruntime', device: 'cpu' },
  { runtime: 'tfjs', device: 'tensorflow' },
  { runtime: 'tfjs', device: 'wasm' },
  { runtime: 'tfjs', device: 'cpu' },
];

/** Names that stand for a runtime on a device. */
const SHORTHANDS: Readonly<Record<string, Place>> = {
  'tfjs-tensorflow': { runtime: 'tfjs', device: 'tensorflow' },
  'tfjs-wasm': { runtime: 'tfjs', device: 'wasm' },
  'tfjs-cpu': { runtime: 'tfjs', device: 'cpu' },
};

/** Names of runtimes that {@link placesFor} takes. */
export const RUNTIMES: readonly string[] = ['auto', ...RUNTIME_NAMES, ...Object.keys(SHORTHANDS)];

/** Names of devices that {@link placesFor} takes. */
export const DEVICES: readonly string[] = ['auto', ...DEVICE_NAMES];

/** `onnxruntime on cpu` */
export const showPlace = ({ runtime, device }: Place): string => `${runtime} on ${device}`;

export const samePlace = (a: Place, b: Place): boolean => a.runtime === b.runtime && a.device === b.device;

const refused = (message: string): NeuroreelError => new NeuroreelError('REQUEST_INVALID', message);

function checkName(what: string, name: string, names: readonly string[]): void {
  if (!names.includes(name))
    throw refused(`No ${what} is named ${JSON.stringify(name)}; there are: ${names.join(', ')}.`);
}

/**
 * The places that a runtime and a device name, in the order in which they are tried. ONNX Runtime by its name alone is
 * ONNX Runtime on the CPU, so that a name means the same on every machine; TensorFlow.js by its name alone is the first of
 * its devices that loads.
 * @returns null when both are `auto`: the fastest that works
 * @throws NeuroreelError REQUEST_INVALID for an unknown name, or a device that the runtime does not have
 */
export function placesFor(runtime = 'auto', device = 'auto'): readonly Place[] | null {
  checkName('runtime', runtime, RUNTIMES);
  checkName('device', device, DEVICES);
  const short = Object.hasOwn(SHORTHANDS, runtime) ? SHORTHANDS[runtime]! : null;
  const name = short?.runtime ?? runtime;
  if (short && device !== 'auto' && device !== short.device) {
    throw refused(`The runtime ${runtime} is on the device ${short.device}, not on ${device}.`);
  }
  const wanted = short?.device ?? (name === 'onnxruntime' && device === 'auto' ? 'cpu' : device);
  if (name === 'auto' && wanted === 'auto') return null;
  const fitting = PLACES.filter(
    (p) => (name === 'auto' || p.runtime === name) && (wanted === 'auto' || p.device === wanted),
  );
  if (fitting.length > 0) return fitting;
  const others = PLACES.filter((p) => p.runtime === name).map((p) => p.device);
  throw refused(`The runtime ${name} has no device ${wanted}; it has: ${others.join(', ')}.`);
}
