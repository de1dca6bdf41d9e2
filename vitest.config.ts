import { defineConfig } from 'vitest/config';

export default defineConfig({
  test: {
    // Tests leave the user's cache alone.
    env: { NEUROREEL_CACHE_MB: '0' },
    include: ['test/**/*.test.ts'],
    exclude: ['test/bench/**', 'test/browser/**', 'test/webgpu/**', 'test/**/*.long.test.ts', 'node_modules/**'],
    // What is waited for comes, however busy the machine is; vitest itself would give it a second.
    expect: { poll: { timeout: 60_000 } },
    testTimeout: 180_000,
    hookTimeout: 60_000,
    maxWorkers: 2,
  },
});
