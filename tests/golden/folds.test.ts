// Scans that fold answers while they still come, and those that wait until all are there.

import { describe, expect, test } from 'vitest';
import type { Tensor, Value } from '../../dsl/index.ts';
import {
  type CollectOptions,
  cohort,
  collect,
  constant,
  entry,
  float32,
  fold,
  input,
  module,
  next,
  on,
  output,
  peer,
  scan,
  state,
} from '../../dsl/index.ts';
import { programsOf, topologyOf } from '../support/compile.ts';
import { compiled, recorded } from '../support/deploy.ts';

const [server, phones] = [peer('server'), cohort('phone')];
const fleet = topologyOf('server', 'phone*3');

/** What the server runs. */
function serverOf(body: () => void): string {
  const compilation = compiled(recorded(module('folds', body)), fleet);
  const programs = compilation.deployment!.programs.filter(({ name }) => name === 'server');
  return programsOf({ ...compilation, deployment: { ...compilation.deployment!, programs } });
}

const answers = () => {
  const own = input('x', float32, [2], { at: phones.each });
  return on(phones.each, () => own.exp());
};
const add = ({ sum }: { sum: Tensor }, answer: Tensor) => ({ sum: plus(sum, answer) });
const plus = (a: Tensor, b: Tensor) => (a as Value<'float32'>).add(b as Value<'float32'>);
const begin = () => ({ sum: constant([0, 0]) });
/** Collected, and added up by a Scan. */
function added(options: CollectOptions<'server'> = {}) {
  const { values, senders } = collect(answers(), { at: server, ...options });
  const { sum } = on(server, () => scan(begin(), { values }, (before, row) => add(before, row.values)));
  output('sum', sum);
  return { values, senders, sum };
}
/** Whether the answers are folded while they come. */
const folds = (text: string): boolean => {
  expect(text.includes(' = Scan<')).toBe(!text.includes('<fold='));
  return text.includes('<fold=');
};

describe('a Scan over the rows of one Collect', () => {
  test('is called for each answer, with what it reads besides; what it begins with is made before', () => {
    const text = serverOf(() => {
      const w = input('w', float32, [2], { at: server });
      const { sum, count } = fold(
        answers(),
        { sum: on(server, () => w.sub(w)), count: constant(0) },
        (before, answer) => ({
          sum: before.sum.add(answer.mul(w)).sub(constant([1, 2])),
          count: before.count.add(1),
        }),
        { at: server, atLeast: 2 },
      );
      output(
        'mean',
        on(server, () => sum.div(count)),
      );
    });
    expect(text).toMatchSnapshot();
  });

  test('is so, too, where an author wrote both', () => {
    expect(folds(serverOf(() => void added()))).toBe(true);
    expect(folds(serverOf(() => void added({ enough: 2, atLeast: 1, within: '1s', vouched: true })))).toBe(
      true,
    );
  });

  test('waits for all where somebody else needs the rows', () => {
    const shown = serverOf(() => {
      const { values } = added();
      output(
        'rows',
        on(server, () => values.identity()),
      );
    });
    expect(folds(shown)).toBe(false);
    const twice = serverOf(() => {
      const { values } = added();
      const { most } = on(server, () =>
        scan({ most: constant([0, 0]) }, { values }, (before, row) => ({
          most: before.most.mul(row.values),
        })),
      );
      output('most', most);
    });
    expect(folds(twice)).toBe(false);
  });

  test('waits for all where it reads who answered', () => {
    const text = serverOf(() => {
      const { values, senders } = collect(answers(), { at: server, atLeast: 1 });
      const { sum } = on(server, () =>
        scan(begin(), { values }, (before, row) => ({
          sum: before.sum.add(row.values.div(senders.size().cast({ to: float32 }))),
        })),
      );
      output('sum', sum);
    });
    expect(folds(text)).toBe(false);
  });

  test('waits for all where it gives something for each, or goes backwards', () => {
    const each = (body: (rows: { values: Value<'float32'> }) => { readonly [key: string]: Tensor }) =>
      serverOf(() => {
        const { values } = collect(answers(), { at: server });
        for (const [name, value] of Object.entries(on(server, () => body({ values } as never))))
          output(name, value);
      });
    const some = each((rows) => scan(begin(), rows, (before, row) => add(before, row.values)));
    expect(folds(some)).toBe(true);
    const partial = each((rows) =>
      scan(begin(), rows, (before, row) => ({
        ...add(before, row.values),
        each: plus(row.values, row.values),
      })),
    );
    expect(folds(partial)).toBe(false);
    const backwards = each((rows) =>
      scan(begin(), rows, (before, row) => add(before, row.values), {
        sequences: { values: { reverse: true } },
      }),
    );
    expect(folds(backwards)).toBe(false);
    const across = each((rows) =>
      scan({ sum: constant([0, 0, 0]) }, rows, (before, row) => add(before, row.values), {
        sequences: { values: { axis: 1 } },
      }),
    );
    expect(folds(across)).toBe(false);
  });

  test('waits for all where rows stand as they came, or late answers join', () => {
    expect(folds(serverOf(() => void added({ order: 'arrival' })))).toBe(false);
    const late = serverOf(() => {
      entry('round', server, () => {
        const said = on(phones.each, () => constant([1, 1]).add(constant([1, 1])));
        const own = on(phones.each, () =>
          state('own', constant([1, 1]), { at: phones.each })
            .read()
            .add(said),
        );
        const { values } = collect(own, { at: server, late: 'next' });
        const { sum } = on(server, () => scan(begin(), { values }, (before, row) => add(before, row.values)));
        output('sum', sum);
        next('round');
      });
    });
    expect(folds(late)).toBe(false);
  });

  test('folds all fields of a record, in the order in which they are collected', () => {
    const text = serverOf(() => {
      const value = answers();
      const both = on(phones.each, () => ({ a: value, b: value.mul(2) }));
      const { a, b } = collect(both, { at: server });
      const { sum } = on(server, () =>
        scan(begin(), { b, a }, (before, row) => ({ sum: before.sum.add(row.a.div(row.b)) })),
      );
      output('sum', sum);
    });
    expect(folds(text)).toBe(true);
    // The body has them as its Scan had, its call as the Collect gives them.
    expect(text).toMatch(/%a: .*, %b: .* = ai.bytesandbrains.wire.Collect/);
    expect(text).toMatch(/<fold=1>\(%\w+, %a, %b\)/);
    expect(text).toMatch(/segment_\d+ .*\(%sum\w*: float32\[2\], %a\w*: float32\[2\], %b\w*: float32\[2\]\)/);
    const some = serverOf(() => {
      const value = answers();
      const { a, b } = collect(
        on(phones.each, () => ({ a: value, b: value.mul(2) })),
        { at: server },
      );
      const { sum } = on(server, () => scan(begin(), { a }, (before, row) => add(before, row.a)));
      output('sum', sum);
      output(
        'b',
        on(server, () => b.identity()),
      );
    });
    expect(folds(some)).toBe(false);
  });
});

describe('what a fold reads besides', () => {
  const w = () => state('w', constant([1, 2]), { at: server });
  const of = (value: Tensor) =>
    fold(answers(), { sum: value }, (before, answer) => add(before as never, answer), { at: server }).sum;

  test('may be of a variable that was read before, or made of that', () => {
    for (const initial of [(v: Value<'float32'>) => v, (v: Value<'float32'>) => v.mul(0).add(0)]) {
      const text = serverOf(() => {
        const own = w();
        const sent = on(server, () => own.read().add(0));
        const got = on(phones.each, () => sent.exp());
        const begun = on(server, () => initial(own.read() as never));
        const { sum } = fold(
          got,
          { sum: begun },
          (before, answer) => ({ sum: before.sum.add(answer as never) as never }),
          { at: server },
        ) as { sum: Tensor };
        own.assign(sum as never);
        output('sum', sum);
      });
      expect(folds(text)).toBe(true);
    }
  });

  test('is not a variable that is first read behind the wait: that has the value of then', () => {
    const text = serverOf(() => {
      const own = w();
      const sum = of(on(server, () => own.read().mul(2)));
      own.assign(sum as never);
      output('sum', sum);
    });
    expect(folds(text)).toBe(false);
    const updated = serverOf(() => {
      const own = w();
      own.update((before) => of(before) as never);
      output('w', own.read());
    });
    expect(folds(updated)).toBe(false);
  });

  test('may come from another fold', () => {
    const text = serverOf(() => {
      const value = answers();
      const first = fold(value, begin(), (before, answer) => ({ sum: before.sum.add(answer) }), {
        at: server,
      });
      const second = fold(
        on(phones.each, () => value.mul(2)),
        { sum: first.sum },
        (before, answer) => ({ sum: before.sum.add(answer) }),
        { at: server },
      );
      output('sum', second.sum);
    });
    expect(text.match(/<fold=/g)).toHaveLength(2);
  });
});
