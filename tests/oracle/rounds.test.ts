// Rounds: flows that follow each other in a session, from the author's `entry` and `next` to the results of a run.

import { afterAll, describe, expect, test } from 'vitest';
import {
  cohort,
  constant,
  entry,
  float32,
  input,
  module,
  next,
  on,
  output,
  peer,
  state,
} from '../../dsl/index.ts';
import { DiagnosticError } from '../../ir/index.ts';
import type { FlowResult } from '../../runtime/host/index.ts';
import type { NodeEvent } from '../../runtime/index.ts';
import { onnxRuntimeBackend } from '../../stdlib/backends/onnxruntime/index.ts';
import { topologyOf } from '../support/compile.ts';
import { deploy, floats, plain, recorded } from '../support/deploy.ts';

const backend = onnxRuntimeBackend({ optimization: 'disabled', workers: 1 });
afterAll(() => backend.close());

const server = peer('server');
const phones = cohort('phone');

/** Adds each phone's x to a total, until it is above 30 or ten rounds are over. */
const adding = module('adding', () => {
  const x = input('x', float32, [1], { at: phones.each });
  entry('round', server, { initial: { round: 0n } }, ({ round }) => {
    const total = state('total', [0], { at: server });
    const own = on(phones.each, () => x.mul(round.cast({ to: float32 }).add(1)));
    const all = own.collect();
    const now = total.update((before) =>
      before.add(all.values.reduceSum({ axes: constant([0n]), keepdims: 0 })),
    );
    output('total', now);
    output('round', round);
    next('round', { round: round.add(1n) }).when(now.less(30).and(round.less(9n)).squeeze());
  });
});

const run = async (...[source, flows]: readonly [typeof adding, number?]) => {
  const running = await deploy(source, topologyOf('server', 'phone*2'), backend);
  const each: FlowResult[] = [];
  const x = { 'phone/0': floats(1), 'phone/1': floats(2) };
  const bound = flows === undefined ? {} : { flows };
  const last = await running.invoke({ x }, { onFlow: (result) => each.push(result), ...bound });
  await running.close();
  return { each, last };
};

describe('a session', () => {
  test('goes on while the condition of next holds, with the arguments that it gives', async () => {
    const { each, last } = await run(adding);
    expect(each.map(({ outputs }) => plain(outputs.total))).toEqual([[3], [9], [18], [30]]);
    expect(each.map(({ outputs }) => plain(outputs.round))).toEqual([[0], [1], [2], [3]]);
    expect(each.map(({ step, status }) => [step, status])).toEqual(
      [0, 1, 2, 3].map((step) => [step, 'complete']),
    );
    expect(last).toBe(each.at(-1));
  });

  test('has no more flows than its caller wants', async () => {
    const { each } = await run(adding, 2);
    expect(each.map(({ outputs }) => plain(outputs.total))).toEqual([[3], [9]]);
  });

  test('ends where what next is given is missing', async () => {
    const gone = module('gone', () => {
      const x = input('x', float32, [1], { at: phones.each });
      entry('round', server, { initial: { sum: [0] } }, ({ sum }) => {
        const all = on(phones.each, () => x.when(x.less(2).squeeze())).collect({ atLeast: 2 });
        const total = sum.add(all.values.reduceSum({ axes: constant([0n]), keepdims: 0 }));
        output('total', total);
        next('round', { sum: total });
      });
    });
    const { each } = await run(gone);
    expect(each.map(({ outputs }) => plain(outputs.total))).toEqual(['declined']);
  });

  test('of flows that may overlap has as many open as its limit says', async () => {
    const eager = module('eager', () => {
      const x = input('x', float32, [1], { at: phones.each });
      entry('round', server, { initial: { round: 0n }, limit: 3 }, ({ round }) => {
        next('round', { round: round.add(1n) }).when(round.less(5n));
        const all = on(phones.each, () => x.add(round.cast({ to: float32 }))).collect();
        output('sum', all.values.reduceSum({ axes: constant([0n]), keepdims: 0 }));
      });
    });
    const { each } = await run(eager);
    expect(each.map(({ outputs }) => plain(outputs.sum))).toEqual([3, 5, 7, 9, 11, 13].map((sum) => [sum]));
  });
});

describe('an entry that cannot be', () => {
  const codeOf = (body: () => void): string | undefined => {
    try {
      recorded(module('wrong', body));
    } catch (error) {
      if (error instanceof DiagnosticError) return error.diagnostics[0]!.code;
      throw error;
    }
    return undefined;
  };

  test('is a second one of its name, or where nobody starts flows', () => {
    expect(
      codeOf(() => {
        entry('a', server, () => {});
        entry('a', server, () => {});
      }),
    ).toBe('BB319');
    // @ts-expect-error -- red in the editor, too
    expect(codeOf(() => entry('a', phones.some(phones.view()), () => {}))).toBe('BB319');
  });

  test('is one that next does not find, or whose argument is of another type', () => {
    expect(codeOf(() => entry('a', server, () => void next('b')))).toBe('BB320');
    expect(codeOf(() => entry('a', server, () => void next('a', { x: constant(1) })))).toBe('BB320');
    expect(
      codeOf(() => entry('a', server, { initial: { x: 1 } }, () => void next('a', { x: constant([1, 2]) }))),
    ).toBe('BB320');
  });
});

describe('a loss that is not finite', () => {
  /** w is 2, 1, 0: the third loss is infinite. */
  const diverging = module('diverging', () => {
    const x = input('x', float32, [1], { at: phones.each });
    entry('round', server, () => {
      const w = state('w', constant(2), { at: server });
      const before = w.read();
      const all = on(phones.each, () => x.mul(before.log()).reduceSum({ keepdims: 0 })).collect();
      w.assign(before.sub(1));
      output('loss', all.values.reduceMean({ keepdims: 0 }));
      output('w', before);
      next('round');
    });
  });

  test('ends the session before anything of its round is kept, and names peer and op', async () => {
    const events: NodeEvent[] = [];
    const local = module('local', () => {
      entry('step', server, () => {
        const w = state('w', constant(2), { at: server });
        const now = w.read().log();
        output('loss', now.neg());
        w.assign(w.read().sub(1));
        next('step');
      });
    });
    const running = await deploy(local, topologyOf('server'), backend, {
      onEvent: (_, event) => events.push(event),
    });
    const { step, notFinite, status } = await running.invoke({});
    expect([step, status]).toEqual([2, 'failed']);
    expect(notFinite).toMatchObject({ kind: 'not-finite', peer: 'server', value: 'loss' });
    expect(notFinite!.op).toMatch(/^Log \(/);
    expect(events).toContainEqual(notFinite);
    expect((await running.state()).server!.w).toMatchObject({ bytes: new Uint8Array(4) });
    await running.close();
  });

  test('of a member is that member’s: what it sends is missing, and the quorum decides', async () => {
    const { each, last } = await run(diverging, 3);
    expect(each.map(({ outputs }) => plain(outputs.w))).toEqual([[2], [1], [0]]);
    expect(last.notFinite).toMatchObject({ peer: 'phone/0' });
    expect(plain(last.outputs.loss)).toBe('failed');
  });
});
