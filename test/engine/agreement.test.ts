import { beforeAll, describe, expect, it } from 'vitest';
import { openOnnxRuntime } from '../../src/engine/runtimes/onnxruntime/onnxruntime.js';
import { openTfjsRuntime, tensorflowPackage } from '../../src/engine/runtimes/tfjs/tfjs.js';
import type { Runtime } from '../../src/engine/runtimes/runtime.js';
import { agreementCases, holdToFloat64, type AgreementCase } from './agreement.js';

let cases: AgreementCase[];
beforeAll(() => {
  cases = agreementCases();
});

const runtimes: [string, () => Promise<Runtime>, boolean][] = [
  ['onnxruntime on cpu', () => openOnnxRuntime('cpu'), true],
  ['tfjs on tensorflow', () => openTfjsRuntime('tensorflow'), tensorflowPackage() !== null],
  ['tfjs on wasm', () => openTfjsRuntime('wasm'), true],
  ['tfjs on cpu', () => openTfjsRuntime('cpu'), true],
];

describe('a step of a random network agrees with float64', () => {
  for (const [name, open, there] of runtimes) {
    // The TensorFlow library is optional: without it there is nothing to hold to anything.
    it.skipIf(!there)(`on ${name}`, async () => {
      const runtime = await open();
      for (const test of cases) {
        const { worst, excused } = await holdToFloat64(runtime, test);
        expect(worst, test.name).toBeGreaterThan(0);
        expect(excused, `rows on a kink, ${test.name}`).toBe(0);
      }
    });
  }
});
