import path from 'node:path';
import { defineConfig } from 'vitest/config';
import { BaseSequencer, type TestSpecification } from 'vitest/node';

/** What takes longest, longest first: begun last, one of them would leave all other workers idle at the end. */
const slow = [
  'unit/docs',
  'unit/explain',
  'net/processes',
  'unit/cli-errors',
  'lint/seeded',
  'fuzz/fuzz',
  'oracle/examples',
  'browser/graph-page',
  'unit/examples',
  'lint/command',
  'unit/cli-init',
];

const rank = ({ moduleId }: TestSpecification): number => {
  const name = path.relative(path.join(import.meta.dirname, 'tests'), moduleId).replace(/\.test\.ts$/, '');
  const index = slow.indexOf(name.split(path.sep).join('/'));
  return index < 0 ? slow.length : index;
};

class SlowFirst extends BaseSequencer {
  override async sort(files: TestSpecification[]): Promise<TestSpecification[]> {
    return (await super.sort(files)).sort((a, b) => rank(a) - rank(b));
  }
}

export default defineConfig({
  test: {
    include: ['tests/**/*.test.ts'],
    setupFiles: ['tests/support/seed.ts'],
    // All processors: the default leaves one of two idle.
    maxWorkers: '100%',
    sequence: { sequencer: SlowFirst },
    // Tests run real models and the built command line, several at once, also on small machines.
    testTimeout: 120_000,
    hookTimeout: 120_000,
    // The built package is run as it is.
    server: { deps: { external: [/\/dist\/(cli|compiler|dsl|ir|runtime|stdlib)\//] } },
  },
});
