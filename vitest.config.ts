import { defineConfig } from 'vitest/config';

export default defineConfig({
  test: {
    include: ['tests/**/*.test.ts'],
    setupFiles: ['tests/support/seed.ts'],
    // Tests run real models and the built command line, several at once, also on small machines.
    testTimeout: 120_000,
    hookTimeout: 120_000,
    // The built package is run as it is.
    server: { deps: { external: [/\/dist\/(cli|compiler|dsl|ir|runtime|stdlib)\//] } },
  },
});
