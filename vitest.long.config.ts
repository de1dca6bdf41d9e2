import { defineConfig } from 'vitest/config';

/** Tests that take long: whole runs of commands, kills of servers, examples of the documentation. */
export default defineConfig({
  test: {
    // Tests leave the user's cache alone.
    env: { NEUROREEL_CACHE_MB: '0' },
    include: ['test/**/*.long.test.ts'],
    // What is waited for comes, however busy the machine is; vitest itself would give it a second.
    expect: { poll: { timeout: 60_000 } },
    testTimeout: 30 * 60_000,
    hookTimeout: 10 * 60_000,
    // Each of them keeps all cores busy by itself.
    maxWorkers: 1,
    fileParallelism: false,
    passWithNoTests: true,
  },
});
