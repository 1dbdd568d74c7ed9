// Scatter: what collect stacked, cut up again.

import { afterAll, describe, expect, test } from 'vitest';
import { cohort, constant, float32, input, module, on, output, peer, scatter } from '../../dsl/index.ts';
import { DiagnosticError } from '../../ir/index.ts';
import { onnxRuntimeBackend } from '../../stdlib/backends/onnxruntime/index.ts';
import { topologyOf } from '../support/compile.ts';
import { deploy, floats, plain, recorded } from '../support/deploy.ts';

const backend = onnxRuntimeBackend({ optimization: 'disabled', workers: 1 });
afterAll(() => backend.close());

const server = peer('server');
const phones = cohort('phone');
const topology = topologyOf('server', 'phone*3');
const x = { 'phone/0': floats(1, 2), 'phone/1': floats(3, 4), 'phone/2': floats(5, 6) };

const rowsOf = async (source: Parameters<typeof deploy>[0]) => {
  const running = await deploy(source, topology, backend);
  const { cohortOutputs } = await running.invoke({ x });
  await running.close();
  return Object.values(cohortOutputs.row!).map(plain);
};

describe('scatter', () => {
  test('gives row i to member i', async () => {
    const back = module('back', () => {
      const own = input('x', float32, [2], { at: phones.each });
      const { values } = own.collect({ at: server });
      output(
        'row',
        scatter(
          on(server, () => values.mul(10)),
          phones.each,
        ).add(own),
      );
    });
    expect(await rowsOf(back)).toEqual([
      [11, 22],
      [33, 44],
      [55, 66],
    ]);
  });

  test('gives rows to the members it names, and the others a missing value', async () => {
    const some = module('some', () => {
      const own = input('x', float32, [2], { at: phones.each });
      const odd = own.when(own.reduceSum({ keepdims: 0 }).equal(7).not());
      const { values, senders } = odd.collect({ at: server, atLeast: 1 });
      output('row', on(server, () => values.neg()).scatter(phones.each, { members: senders }));
    });
    expect(await rowsOf(some)).toEqual([[-1, -2], 'declined', [-5, -6]]);
  });

  test('of a constant deals its rows, too', async () => {
    const fixed = module('fixed', () => {
      const own = input('x', float32, [2], { at: phones.each });
      const { values } = own.collect({ at: server });
      output(
        'sum',
        on(server, () => values.reduceSum({ keepdims: 0 })),
      );
      output('row', scatter(constant([[1], [2], [3]]), phones.each).mul(own));
    });
    expect(await rowsOf(fixed)).toEqual([
      [1, 2],
      [6, 8],
      [15, 18],
    ]);
  });

  test('of other than one row for each is missing everywhere', async () => {
    const odd = module('odd', () => {
      const own = input('x', float32, [2], { at: phones.each });
      const { values } = own.collect({ at: server });
      const two = on(server, () => values.slice(constant([0n]), constant([2n])));
      output('row', two.scatter(phones.each));
    });
    expect(await rowsOf(odd)).toEqual(['failed', 'failed', 'failed']);
  });

  test('of a scalar is refused', () => {
    const scalar = module('scalar', () => output('row', scatter(constant(1), phones.each)));
    expect(() => recorded(scalar)).toThrow(DiagnosticError);
    expect(() => recorded(scalar)).toThrow('a scalar has no rows');
  });
});
