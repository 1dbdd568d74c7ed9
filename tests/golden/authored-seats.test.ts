// Peer sets, entries and exchange as authors write them, down to the edges.

import { describe, expect, test } from 'vitest';
import { compile } from '../../compiler/index.ts';
import {
  cohort,
  collect,
  constant,
  emit,
  entry,
  event,
  exchange,
  float32,
  gradient,
  input,
  int64,
  interval,
  next,
  on,
  output,
  peer,
  start,
  state,
  type Value,
} from '../../dsl/index.ts';
import { attributeString, type End, placeKey } from '../../ir/index.ts';
import { topologyOf } from '../support/compile.ts';
import { recordedOf, refusalOf } from '../support/recorded.ts';

const server = peer('server');
const phones = cohort('phone');
const fleet = topologyOf('phone*3', 'server');

const endText = ({ class: name, binder, seat }: End): string => seat ?? `${name}.${binder}`;
function edgesOf(body: () => void): readonly string[] {
  const { compilation, diagnostics } = compile(recordedOf(body), { topology: fleet });
  expect(diagnostics.map(({ code, message }) => `${code} ${message}`)).toEqual([]);
  return compilation.deployment!.edges.map(
    ({ kind, from, to }) => `${kind} ${endText(from)} → ${endText(to)}`,
  );
}
const codesOf = (body: () => void): readonly string[] =>
  compile(recordedOf(body), { topology: fleet }).diagnostics.map(({ code }) => code);
const opsOf = (body: () => void): readonly string[] =>
  [...recordedOf(body).opsOf()].map(
    ({ type, place }) => `${type}${place === undefined ? '' : ` ${placeKey(place)}`}`,
  );

const x = () => input('x', float32, [4], { at: phones.each });
const who = () => input('who', 'string', ['K'], { at: server });

describe('peer sets', () => {
  test('that are one value are one place, others are others', () => {
    const body = (again: boolean) => () => {
      const ids = who();
      const s = input('s', float32, [4], { at: server });
      const a = on(phones.some(ids), () => s.relu());
      const b = on(phones.some(again ? ids : ids.first()), () => s.neg());
      output('a', a.collect({ at: server, atLeast: 1 }).values);
      output('b', b.collect({ at: server, atLeast: 1 }).values);
    };
    expect(edgesOf(body(true))).toEqual([
      'broadcast server.single → phone.some',
      'collect phone.some → server.single',
      'collect phone.some → server.single',
    ]);
    expect(edgesOf(body(false))).toEqual([
      'broadcast server.single → main/some.0',
      'broadcast server.single → main/some.1',
      'collect main/some.0 → server.single',
      'collect main/some.1 → server.single',
    ]);
  });

  test('let those be used by some that all have, and not the other way round', () => {
    const some = (use: (own: Value<'float32', [4], 'phone.some'>) => unknown) => () => {
      const [own, ids] = [x(), who()];
      use(on(phones.some(ids), () => own.relu().add(own)) as never);
    };
    expect(edgesOf(some((y) => output('y', y.collect({ at: server }).values)))).toEqual([
      'broadcast server.single → main/each',
      'local main/each → main/some.0',
      'collect main/some.0 → server.single',
    ]);
    expect(refusalOf(some((y) => on(phones.each, () => y.neg() as never)))).toContain('BB306');
    expect(refusalOf(some((y) => on(server, () => y.neg() as never)))).toContain('BB306');
  });

  test('are lists of peer ids', () => {
    expect(refusalOf(() => phones.some(input('own', 'float32', ['K'], { at: server }) as never))).toContain(
      'BB341',
    );
  });

  test('that each of many has bind places within theirs, whose values go back to them', () => {
    expect(
      edgesOf(() => {
        const own = input('own', 'string', ['K'], { at: phones.each });
        const y = on(phones.some(own), () => x().neg());
        const sums = on(phones.each, () => y.collect().values.reduceSum());
        output('sums', sums.collect({ at: server }).values);
      }),
    ).toEqual([
      'broadcast main/each → main/some.0',
      'collect main/some.0 → main/each',
      'collect main/each → server.single',
      'trigger server.single → main/each',
    ]);
  });
});

describe('state of a class', () => {
  test('is read in whichever place a member takes part', () => {
    const ops = opsOf(() => {
      const w = state('w', constant([1, 2]), { at: phones });
      const ids = who();
      on(phones.each, () => w.read());
      on(phones.some(ids), () => w.assign((w.read() as Value<'float32', [2], 'any'>).mul(2) as never));
      on(server, () => w.read());
      output(
        'n',
        on(server, () => ids.size()),
      );
    });
    const set = /some\((%\d+)\)/.exec(ops.join())![1];
    expect(ops.filter((one) => one.startsWith('State'))).toEqual([
      'StateRead phone.each',
      `StateRead phone.some(${set})`,
      `StateAssign phone.some(${set})`,
    ]);
  });

  test('may be per session or per peer, as the manifest then says', () => {
    const { compilation } = compile(
      recordedOf(() => {
        const a = state('a', constant(0), { at: server, perSession: true });
        const b = state('b', constant(0), { at: server, perPeer: true });
        const sum = on(server, () => a.read().add(b.read()));
        output('y', sum);
      }),
      { topology: fleet },
    );
    expect(compilation.deployment!.programs[0]!.state.map(({ key, scope }) => `${key} ${scope}`)).toEqual([
      'a session',
      'b peer',
    ]);
  });
});

describe('entries', () => {
  const two = (first: () => void, second: () => void) => () => {
    entry('a', server, { initial: { n: 0n } }, first);
    entry('b', server, { initial: { m: 1n } }, second);
  };

  test('keep their flows apart: nothing of one is read in another, but constants are', () => {
    let kept!: Value<'float32', [4], 'server'>;
    const leak = (use: () => unknown) =>
      two(
        () => {
          kept = input('k', float32, [4], { at: server }) as never;
        },
        () => void use(),
      );
    expect(refusalOf(leak(() => kept.relu()))).toContain('a value of entry a is used in entry b');
    const shared = () => {
      const c = constant([1, 2]);
      two(
        () => emit('y', c.mul(2)),
        () => emit('y', c.mul(3)),
      )();
    };
    expect(recordedOf(shared).mainGraph.outputs.map((id) => recordedOf(shared).value(id).name)).toEqual([
      'y',
      'b.y',
    ]);
  });

  test('are told apart only where there are several', () => {
    const one = (): void => {
      entry('a', server, () => output('y', constant([1]).mul(2)));
    };
    expect(opsOf(one)).toContain('Invoke server');
    const ops = opsOf(
      two(
        () => {},
        () => {},
      ),
    );
    expect(ops).toContain('Invoke a: server');
    expect(ops).toContain('Invoke b: server');
  });

  test('take in what stands outside of them and is read in one', () => {
    const ops = opsOf(() => {
      const outside = input('o', float32, [4], { at: server }).relu().at(server);
      two(
        () => output('y', outside.neg()),
        () => {},
      )();
    });
    expect(ops).toContain('Relu a: server');
  });

  test('start each other, with initial values for arguments that are not given', () => {
    const ops: string[] = [];
    const model = recordedOf(
      two(
        () => {
          next('b');
          start('b', { m: constant(5, int64) }).when(constant([true]).squeeze() as never);
        },
        () => {},
      ),
    );
    for (const op of model.opsOf())
      if (op.type === 'Next' || op.type === 'Start')
        ops.push(`${op.type} ${attributeString(op, 'entry')} ${op.inputs.length}`);
    expect(ops).toEqual(['Next b 2', 'Start b 2']);
    expect(
      refusalOf(
        two(
          () => void next('c'),
          () => {},
        ),
      ),
    ).toContain('BB320');
    expect(
      refusalOf(
        two(
          () => void next('b', { n: constant(1, int64) }),
          () => {},
        ),
      ),
    ).toContain('BB320');
    const elsewhere = (): void => {
      entry('a', server, () => void next('p'));
      entry('p', phones, () => {});
    };
    expect(refusalOf(elsewhere)).toContain('it begins at phone.me, and this flow at server');
  });

  test('say what starts them, and what becomes of one flow too many', () => {
    const body = (): void => {
      entry('tick', phones, interval('10s'), { limit: [2, 'replace'], within: '200ms' }, () =>
        emit('y', on(server, () => constant([1]).mul(2)).add(1)),
      );
      entry('led', phones, event('raft.elected', { term: [int64, []] }), ({ term }) =>
        emit('t', term.add(1n)),
      );
    };
    const { compilation, diagnostics } = compile(recordedOf(body), { topology: fleet });
    expect(diagnostics).toEqual([]);
    const invokes = compilation
      .deployment!.programs.flatMap(({ model }) => [...model.opsOf()])
      .filter(({ type }) => type === 'Invoke')
      .map(({ attributes }) => attributes.map(({ name }) => name).join(' '));
    expect(invokes).toEqual([
      'entry arguments limit policy within_ns trigger period_ns',
      'entry arguments limit trigger component event',
    ]);
    expect(refusalOf(() => entry('e', phones, event('raft'), () => {}))).toContain('BB319');
  });
});

describe('exchange', () => {
  test('is a collect at every receiver, of a record too', () => {
    const body = () =>
      entry('round', phones.each, () => {
        const own = x();
        const c = exchange({ own, twice: own.mul(2) }, { within: '5s' });
        output('y', c.own.add(c.twice));
      });
    expect(edgesOf(body)).toEqual(['exchange phone.each → phone.each', 'exchange phone.each → phone.each']);
    expect(refusalOf(() => input('s', float32, [], { at: phones.each }).exchange({ rows: true }))).toContain(
      'BB321',
    );
  });

  test('has an exchange of rows for its gradient, if it waits for all', () => {
    const body = (options: { readonly rows: boolean; readonly atLeast?: number }) => () =>
      entry('round', phones.each, () => {
        const w = input('w', float32, [3, 2], { at: phones.each });
        const all = w.exchange(options).values as Value<'float32', [number, 2], 'phone.each'>;
        const loss = all.mul(all).reduceSum({ keepdims: false }) as Value<'float32', [], 'phone.each'>;
        output('dw', gradient(loss, w));
      });
    for (const rows of [true, false]) {
      expect(edgesOf(body({ rows }))).toEqual([
        'exchange phone.each → phone.each',
        'exchange phone.each → phone.each',
      ]);
    }
    expect(codesOf(body({ rows: false, atLeast: 2 }))).toEqual(['BB281']);
  });
});

test('a collect of some has the policy that its author writes', () => {
  const codes = codesOf(() => {
    const [s, ids] = [input('s', float32, [4], { at: server }), who()];
    const { y } = collect({ y: on(phones.some(ids), () => s.relu()) }, { at: server, atLeast: 1, enough: 2 });
    output('y', y);
  });
  expect(codes).toEqual([]);
});
