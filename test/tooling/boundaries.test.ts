/** The linter, with the project's own configuration, stops imports that go the wrong way and lets the others pass. */
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { ESLint } from 'eslint';
import tseslint from 'typescript-eslint';
import { describe, expect, it } from 'vitest';

const root = fileURLToPath(new URL('../..', import.meta.url));
const RULE = 'neuroreel/import-boundaries';
// Only the rule in question, and without types: they take seconds and the rule does not look at them.
const eslint = new ESLint({
  cwd: root,
  overrideConfig: [tseslint.configs.disableTypeChecked],
  ruleFilter: ({ ruleId }) => ruleId === RULE,
});

/** What the rule says about a file of this content. */
async function problems(file: string, code: string): Promise<string[]> {
  const [result] = await eslint.lintText(code, { filePath: join(root, file) });
  expect(result!.fatalErrorCount).toBe(0);
  return result!.messages.filter((message) => message.ruleId === RULE).map((message) => message.message);
}

const imports = (path: string): string => `import { x } from '${path}';\nexport const y = x;\n`;

describe('imports between parts of the project', () => {
  it.each([
    ['src/protocol/a.ts', '../engine/random.js', 'nothing of the project'],
    ['src/protocol/a.ts', '../video/index.js', 'nothing of the project'],
    ['src/engine/a.ts', '../jobs/states.js', 'not jobs'],
    ['src/engine/ops/a.ts', '../../server/config.js', 'not server'],
    ['src/engine/synthesis/a.ts', '../../video/index.js', 'not video'],
    ['src/engine/synthesis/a.ts', '../../jobs/manager.js', 'not jobs'],
    ['src/video/a.ts', '../engine/random.js', 'not engine/base'],
    ['src/video/a.ts', '../jobs/states.js', 'not jobs'],
    ['src/jobs/a.ts', '../server/index.js', 'not server'],
    ['src/server/a.ts', '../../clients/cli/main.js', 'not clients/cli'],
    ['src/jobs/a.ts', '../../models/figures/dataset.js', 'not models'],
    ['src/jobs/a.ts', '../../test/jobs/fixtures/fixtures.js', 'not "test/jobs/fixtures/fixtures"'],
    ['clients/web/a.ts', '../../src/engine/random.js', 'not engine/base'],
    ['clients/web/a.ts', '../../src/server/config.js', 'not server'],
    ['clients/web/a.js', '../cli/main.js', 'not clients/cli'],
    ['models/a/recipe.ts', '../../src/video/index.js', 'not video'],
    ['models/a/recipe.ts', '../../src/jobs/states.js', 'not jobs'],
    ['src/newcomer/a.ts', '../protocol/index.js', 'is in no part'],
  ])('stops %s from importing %s', async (file, path, said) => {
    expect(await problems(file, imports(path))).toEqual([expect.stringContaining(said)]);
  });

  it.each([
    ['src/engine/graph/a.ts', '../ops/table.js'],
    ['src/engine/graph/a.ts', '../autodiff/gradients.js'],
    ['src/engine/ops/a.ts', '../autodiff/gradients.js'],
    ['src/engine/ops/a.ts', '../runtimes/runtime.js'],
    ['src/engine/autodiff/a.ts', '../runtimes/runtime.js'],
    ['src/engine/runtimes/tfjs/a.ts', '../../training/trainer.js'],
    ['src/engine/training/a.ts', '../synthesis/types.js'],
    ['src/engine/models/a.ts', '../audit/types.js'],
    ['src/engine/random.ts', './graph/graph.js'],
  ])('keeps the order inside the engine: stops %s from importing %s', async (file, path) => {
    expect(await problems(file, imports(path))).toHaveLength(1);
  });

  it.each([
    ['src/protocol/a.ts', './errors.js'],
    ['src/engine/ops/a.ts', '../graph/graph.js'],
    ['src/engine/autodiff/a.ts', '../ops/table.js'],
    ['src/engine/runtimes/tfjs/a.ts', '../../../protocol/errors.js'],
    ['src/engine/training/a.ts', '../autodiff/gradients.js'],
    ['src/engine/synthesis/a.ts', '../random.js'],
    ['src/video/a.ts', '../protocol/errors.js'],
    ['src/jobs/a.ts', '../engine/synthesis/types.js'],
    ['src/jobs/a.ts', '../video/index.js'],
    ['src/server/a.ts', '../jobs/manager.js'],
    ['clients/cli/a.ts', '../../src/server/index.js'],
    ['clients/cli/a.ts', '../../src/engine/random.js'],
    ['clients/web/a.ts', '../../src/protocol/stream.js'],
    ['clients/web/watch/a.tsx', '../../js/index.js'],
    ['models/a/recipe.ts', '../../src/engine/training/trainer.js'],
    ['models/a/recipe.ts', '../figures/dataset.js'],
    ['test/server/a.test.ts', '../../src/server/index.js'],
  ])('lets %s import %s', async (file, path) => {
    expect(await problems(file, imports(path))).toEqual([]);
  });

  it('sees every way to import', async () => {
    const wrong = '../../jobs/states.js';
    const ways = [
      `import '${wrong}';`,
      `import type { X } from '${wrong}';\nexport type Y = X;`,
      `export { x } from '${wrong}';`,
      `export * from '${wrong}';`,
      `export const x = await import('${wrong}');`,
      `export type X = import('${wrong}').X;`,
    ];
    for (const code of ways) expect(await problems('src/engine/ops/a.ts', code), code).toHaveLength(1);
  });

  it('lets the graph know the ops by their types only', async () => {
    const from = "from '../ops/definition.js';";
    expect(await problems('src/engine/graph/a.ts', `import type { X } ${from}\nexport type Y = X;`)).toEqual([]);
    expect(await problems('src/engine/graph/a.ts', `import { type X } ${from}\nexport type Y = X;`)).toEqual([]);
    expect(await problems('src/engine/graph/a.ts', `import { x } ${from}\nexport const y = x;`)).toHaveLength(1);
  });
});

describe('imports of packages', () => {
  it.each([
    ['src/protocol/a.ts', "import fs from 'node:fs';"],
    ['src/protocol/a.ts', "import express from 'express';"],
    ['clients/web/a.ts', "import fs from 'node:fs';"],
    ['src/engine/a.ts', "import express from 'express';"],
    ['src/engine/audit/a.ts', "import { WebSocket } from 'ws';"],
    ['src/video/encoder.ts', "import ffmpeg from 'fluent-ffmpeg';"],
    ['test/video/a.test.ts', "import ffmpeg from 'fluent-ffmpeg';"],
    ['src/engine/runtimes/tfjs/a.ts', "import * as tf from '@tensorflow/tfjs';"],
    ['src/engine/runtimes/tfjs/a.ts', "import '@tensorflow/tfjs-backend-wasm';"],
    ['src/engine/runtimes/tfjs/a.ts', "import * as tf from '@tensorflow/tfjs-node-gpu';"],
    ['src/engine/runtimes/onnxruntime/a.ts', "import * as ort from 'onnxruntime-node';"],
  ])('stops in %s: %s', async (file, code) => {
    expect(await problems(file, code)).toHaveLength(1);
  });

  it.each([
    ['src/protocol/a.ts', "import { z } from 'zod';"],
    ['src/video/ffmpeg-process.ts', "import ffmpeg from 'fluent-ffmpeg';"],
    ['src/engine/ops/a.ts', "import type * as tfjs from '@tensorflow/tfjs';"],
    ['src/engine/runtimes/tfjs/a.ts', "export const tf = await import('@tensorflow/tfjs');"],
    ['src/server/a.ts', "import express from 'express';"],
  ])('lets pass in %s: %s', async (file, code) => {
    expect(await problems(file, code)).toEqual([]);
  });
});
