import { describe, expect, it } from 'vitest';
import { GraphBuilder, typeOf, type Value } from '../../src/engine/graph/graph.js';
import { mul } from '../../src/engine/ops/elementwise.js';
import { OPS } from '../../src/engine/ops/table.js';
import { openOnnxRuntime } from '../../src/engine/runtimes/onnxruntime/onnxruntime.js';
import { evaluate } from '../../src/engine/runtimes/reference/reference.js';
import type { Runtime } from '../../src/engine/runtimes/runtime.js';
import { openTfjsRuntime } from '../../src/engine/runtimes/tfjs/tfjs.js';
import { build, difference, expectClose } from './gradient-check.js';
import { OP_CASES } from './op-cases.js';

describe('every op', () => {
  it('is used by a case', () => {
    const used = new Set(OP_CASES.flatMap((test) => build(test).graph.nodes.map((node) => node.op)));
    expect([...OPS.keys()].filter((name) => !used.has(name))).toEqual([]);
  });

  describe.each(OP_CASES.filter((test) => !test.forwardOnly))('$name', (test) => {
    it('has the gradient that finite differences give', () => {
      const { graph, inputs } = build(test);
      const results = evaluate(graph, inputs);
      for (const name of Object.keys(inputs)) {
        const analytic = results[name.replace('x', 'grad')]!;
        expect(analytic, `gradient to ${name}`).toBeDefined();
        const numeric = Float64Array.from(analytic, (_, i) => difference(graph, inputs, name, i));
        expectClose(analytic, numeric, 1e-6, `gradient to ${name}`);
      }
    });
  });

  const runtimes: [string, () => Promise<Runtime>][] = [
    ['onnxruntime', openOnnxRuntime],
    ['tfjs cpu', () => openTfjsRuntime('cpu')],
    ['tfjs wasm', () => openTfjsRuntime('wasm')],
  ];
  it.each(runtimes)('and its gradient give the reference values on %s', async (_name, open) => {
    const runtime = await open();
    for (const test of OP_CASES) {
      const { graph, inputs } = build(test);
      const wanted = evaluate(graph, inputs);
      const compiled = await runtime.compile(graph, { threads: 1 });
      const actual = await compiled.run(inputs);
      for (const { name, value } of graph.outputs) {
        // Rounding to bytes may fall either way where a value lies on the border.
        const tolerance = typeOf(graph, value).dtype === 'uint8' ? 1.01 / 255 : 2e-5;
        expectClose(actual[name]!, wanted[name]!, tolerance, `${test.name}, ${name}`);
      }
      await compiled.close();
    }
  });
});

describe('the builder', () => {
  it('refuses shapes that do not fit, with GRAPH_INVALID', () => {
    const b = new GraphBuilder();
    const x = b.input('x', [2, 3]);
    expect(() => b.input('x', [1])).toThrow(expect.objectContaining({ code: 'GRAPH_INVALID' }));
    expect(() => b.input('huge', [2 ** 20, 2 ** 20])).toThrow(expect.objectContaining({ code: 'GRAPH_INVALID' }));
    expect(() => mul(b, x, b.input('y', [4, 5]))).toThrow(expect.objectContaining({ code: 'GRAPH_INVALID' }));
    expect(() => b.constant([1, 2], [3])).toThrow(expect.objectContaining({ code: 'GRAPH_INVALID' }));
    const other: Value = new GraphBuilder().input('z', [7]);
    expect(() => mul(b, other, other)).toThrow(expect.objectContaining({ code: 'GRAPH_INVALID' }));
  });
});
