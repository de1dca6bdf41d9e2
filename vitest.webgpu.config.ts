import { defineConfig } from 'vitest/config';

/**
 * Tests of the device webgpu. `npm run test:webgpu` runs them on a program in the place of a graphics processor, which takes
 * a minute or more; on a machine with one, `npx vitest run --config vitest.webgpu.config.ts` runs them on that.
 */
export default defineConfig({
  test: {
    include: ['test/webgpu/**/*.test.ts'],
    testTimeout: 10 * 60_000,
    hookTimeout: 60_000,
    maxWorkers: 1,
    fileParallelism: false,
  },
});
