/** Every op there is, by name. To add an op, write its file and list it here; the tests say what is missing. */
import { NeuroreelError } from '../../protocol/errors.js';
import type { OpDefinition } from './definition.js';
import { activationOps } from './activation.js';
import { batchMatmulOps } from './batch-matmul.js';
import { convOps } from './conv.js';
import { elementwiseOps } from './elementwise.js';
import { foldOps } from './fold.js';
import { gruOps } from './gru.js';
import { layoutOps } from './layout.js';
import { lstmOps } from './lstm.js';
import { matmulOps } from './matmul.js';
import { poolOps } from './pool.js';
import { powerOps } from './power.js';
import { quantiseOps } from './quantise.js';
import { reduceOps } from './reduce.js';
import { reverseOps } from './reverse.js';
import { smoothOps } from './smooth.js';
import { softmaxOps } from './softmax.js';

const all: readonly OpDefinition[] = [
  ...elementwiseOps,
  ...activationOps,
  ...powerOps,
  ...smoothOps,
  ...reduceOps,
  ...layoutOps,
  ...reverseOps,
  ...matmulOps,
  ...batchMatmulOps,
  ...softmaxOps,
  ...convOps,
  ...poolOps,
  ...lstmOps,
  ...gruOps,
  ...foldOps,
  ...quantiseOps,
] as readonly OpDefinition[];

export const OPS: ReadonlyMap<string, OpDefinition> = new Map(all.map((op) => [op.name, op]));

/** The definition of an op; throws GRAPH_INVALID for a name that is not in the table. */
export function opNamed(name: string): OpDefinition {
  const op = OPS.get(name);
  if (!op) throw new NeuroreelError('GRAPH_INVALID', `There is no op named "${name}".`);
  return op;
}
