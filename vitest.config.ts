import { defineConfig } from 'vitest/config';

/** What tests and screenshots have in common. */
export const base = defineConfig({
  // As tsc compiles it: the development form adds attributes of its own.
  oxc: { jsx: { runtime: 'classic', pragma: 'h', pragmaFrag: 'Fragment', development: false } },
  test: {
    globalSetup: ['test/support/global-setup.ts'],
    testTimeout: 30_000,
    hookTimeout: 120_000,
    maxWorkers: 3,
    // Modules are loaded once a worker process, not once a file: a third of the time. No test changes them.
    isolate: false,
  },
});

export default defineConfig({
  ...base,
  test: { ...base.test, include: ['test/**/*.test.{ts,tsx}'] },
});
