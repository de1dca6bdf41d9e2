import { defineConfig } from 'vitest/config';

/** Tests in a real browser: `npx vitest run --config vitest.browser.config.ts`; they need a Chromium (see the tests). */
export default defineConfig({
  test: {
    // Tests leave the user's cache alone.
    env: { NEUROREEL_CACHE_MB: '0' },
    include: ['test/browser/**/*.test.ts'],
    // What is waited for comes, however busy the machine is; vitest itself would give it a second.
    expect: { poll: { timeout: 60_000 } },
    testTimeout: 120_000,
    hookTimeout: 60_000,
    fileParallelism: false,
  },
});
