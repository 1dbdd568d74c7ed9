// The search for repeats in bbc import: what it finds, and that what it looks at grows with the graph.

import { describe, expect, test } from 'vitest';
import { findRuns } from '../../cli/import/repeats.ts';
import { importModel, memorySource } from '../../ir/index.ts';

/** The runs of a graph of one op per line, as start/size/count, and how many comparisons of ops each op took. */
function search(lines: readonly string[]): { runs: readonly string[]; effort: number } {
  const weights = lines.flatMap((line) => /w\d+/.exec(line) ?? []).map((name) => `float[1] ${name} = {1.5}`);
  const text = `<ir_version: 10, opset_import: ["" : 21]>
    m (float[1] v0) => (float[1] v${lines.length}) <${weights.join(', ')}> { ${lines.join('\n')} }`;
  const { model } = importModel(memorySource('m.onnxtxt', new TextEncoder().encode(text)));
  const effort = { spent: 0 };
  const runs = findRuns(
    {
      model: model!,
      ops: [...model!.opsOf(model!.main)],
      weightOf: (id) => model!.value(id).weight,
      sameLiteral: () => false,
      hasName: () => true,
    },
    effort,
  );
  return {
    runs: runs.map(({ start, size, count }) => `${start}/${size}/${count}`),
    effort: effort.spent / lines.length,
  };
}

const lines = (count: number, line: (at: number) => string): string[] =>
  Array.from({ length: count }, (_, at) => `v${at + 1} = ${line(at)}`);

const chain = (at: number): string => `Mul (v${at}, w${at})`;
/** Layers of 90 ops in which some kinds of ops repeat, with a sum over what is 20 ops before. */
const layered = (at: number): string => {
  const within = at % 90;
  if (within % 7 === 3) return `Mul (v${at}, w${at})`;
  if (within === 50) return `Add (v${at}, v${at - 20})`;
  return within % 3 === 0 ? `Relu (v${at})` : `Tanh (v${at})`;
};
const plain = (at: number): string => `Relu (v${at})`;
/** Long skips that leave no two groups alike. */
const tangled = (at: number): string =>
  at % 2 === 0 ? `Mul (v${at}, w${at})` : `Add (v${at}, v${Math.max(0, at - 700)})`;

describe('repeats are found in', () => {
  test('a chain', () => expect(search(lines(500, chain)).runs).toEqual(['0/1/500']));
  test('layers of any length, not in what repeats within them', () =>
    expect(search(lines(900, layered)).runs).toEqual(['0/90/10']));
  test('layers that all read one value', () =>
    expect(search(lines(40, (at) => (at % 2 === 0 ? chain(at) : `Add (v${at}, v0)`))).runs).toEqual([
      '1/2/19',
    ]));
  test('layers between other ops', () => {
    const body = lines(30, (at) =>
      at < 7 || at >= 25 ? `Tanh (v${at})` : at % 3 === 0 ? chain(at) : plain(at),
    );
    expect(search(body).runs).toEqual(['7/3/6']);
  });
  test('no ops that have no weights', () => expect(search(lines(100, plain)).runs).toEqual([]));
});

describe('the comparisons per op stay the same from 1,000 to 8,000 ops of', () => {
  test.each([
    ['a chain', chain],
    ['layers', layered],
    ['ops without weights', plain],
    ['ops with long skips', tangled],
  ])('%s', (_, line) => {
    const [small, large] = [search(lines(1000, line)).effort, search(lines(8000, line)).effort];
    expect(large).toBeLessThan(1.2 * small + 1);
    expect(large).toBeLessThan(20);
  });
});
