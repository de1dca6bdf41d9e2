/** Results put where the caller wants them, for runtimes that cannot write there themselves. */
import type { TensorData, Tensors } from './runtime.js';

/** The results, of which those that `into` has an array for are copied to it. */
export function written(into: Tensors | undefined, results: Record<string, TensorData>): Record<string, TensorData> {
  if (!into) return results;
  return Object.fromEntries(
    Object.entries(results).map(([name, data]) => {
      const target = into[name];
      target?.set(data);
      return [name, target ?? data];
    }),
  );
}
