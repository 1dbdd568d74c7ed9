import path from 'node:path';
import { defineConfig } from 'vitest/config';
import { BaseSequencer, type TestSpecification } from 'vitest/node';

/** What takes longest, longest first: begun last, one of them would leave all other workers idle at the end. */
const slow = [
  'unit/docs',
  'unit/explain',
  'net/processes',
  'net/strategies',
  'unit/cli-errors',
  'lint/seeded',
  'fuzz/fuzz',
  'oracle/examples',
  'browser/graph-page',
  'unit/examples',
  'lint/command',
  'unit/cli-init',
];

/** What changes a module for all its tests, or imports other test files: each has a process of its own. */
const alone = ['sim/folding-restored', 'sim/memory-estimate', 'sim/snapshot', 'sim/twins'];

const rank = ({ moduleId }: TestSpecification): number => {
  const file = path.relative(path.join(import.meta.dirname, 'tests'), moduleId).replace(/\.test\.ts$/, '');
  const name = file.split(path.sep).join('/');
  if (slow.includes(name)) return slow.indexOf(name);
  // In a row, or the processes of the others could not be used again.
  return alone.includes(name) ? slow.length : slow.length + 1;
};

class SlowFirst extends BaseSequencer {
  override async sort(files: TestSpecification[]): Promise<TestSpecification[]> {
    return (await super.sort(files)).sort((a, b) => rank(a) - rank(b));
  }
}

const tests = 'tests/**/*.test.ts';
const filesOf = (names: readonly string[]): string[] => names.map((name) => `tests/${name}.test.ts`);

export default defineConfig({
  test: {
    // Importing the compiler takes longer than most test files: those that leave it as it was share a process.
    projects: [
      { extends: true, test: { name: 'alone', include: filesOf(alone) } },
      { extends: true, test: { name: 'shared', include: [tests], exclude: filesOf(alone), isolate: false } },
    ],
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
