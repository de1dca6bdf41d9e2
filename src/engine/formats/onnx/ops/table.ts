/**
 * Every ONNX op that can be imported, by name. To add one, write its entry in a file of this folder and list it here; the
 * tests say what is missing.
 */
import { activationOps } from './activation.js';
import { convolutionOps } from './convolution.js';
import type { OnnxOp } from './definition.js';
import { binaryOps, logicOps, unaryOps } from './elementwise.js';
import { layoutOps } from './layout.js';
import { matrixOps } from './matrix.js';
import { normalisationOps } from './normalisation.js';
import { poolingOps } from './pooling.js';
import { recurrentOps } from './recurrent.js';
import { reductionOps } from './reduction.js';
import { resizeOps } from './resize.js';
import { shapeOps } from './shape.js';

const all: Readonly<Record<string, OnnxOp>> = {
  ...unaryOps,
  ...binaryOps,
  ...logicOps,
  ...activationOps,
  ...shapeOps,
  ...layoutOps,
  ...reductionOps,
  ...normalisationOps,
  ...convolutionOps,
  ...poolingOps,
  ...resizeOps,
  ...matrixOps,
  ...recurrentOps,
} as unknown as Readonly<Record<string, OnnxOp>>;

export const ONNX_OPS: ReadonlyMap<string, OnnxOp> = new Map(Object.entries(all));
