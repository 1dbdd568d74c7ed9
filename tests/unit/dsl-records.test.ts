// Values and states by the record: declined, replaced and updated together.

import { describe, expect, test } from 'vitest';
import {
  bool,
  constant,
  input,
  module,
  on,
  orElse,
  output,
  peer,
  type State,
  state,
  type Tensor,
  when,
} from '../../dsl/index.ts';
import { update } from '../../dsl/optim/index.ts';
import { cpuBackend } from '../../stdlib/backends/cpu/index.ts';
import { topologyOf } from '../support/compile.ts';
import { deploy, plain, truth } from '../support/deploy.ts';
import { refusalOf } from '../support/recorded.ts';

const server = peer('server');
const pair = (at = server) => ({
  a: state('a', constant([1, 2]), { at }),
  deep: [state('b', constant([3]), { at })],
});

test('what is declined as a record is replaced as one, and all its states change in one flow', async () => {
  const source = module('records', () => {
    const given = input('given', bool, [], { at: server });
    const held = pair();
    on(server, () => {
      const other = when({ deep: [constant([30]).add(0)], a: constant([10, 20]).add(0) }, given);
      const after = update(held, (latest) => orElse({ a: other.a, deep: other.deep }, latest));
      output('a', after.a);
      output('b', after.deep[0]!);
    });
  });
  const backend = cpuBackend();
  const deployment = await deploy(source, topologyOf('server'), backend);
  try {
    const run = async (given: boolean) => {
      const { outputs } = await deployment.invoke({ given: truth(given) });
      return [plain(outputs.a), plain(outputs.b)];
    };
    expect(await run(false)).toEqual([[1, 2], [3]]);
    expect(await run(true)).toEqual([[10, 20], [30]]);
    expect(await run(false)).toEqual([[10, 20], [30]]);
  } finally {
    await deployment.close();
    await backend.close();
  }
});

describe('refused', () => {
  test('states of several places, which no fragment holds together', () => {
    const body = () => update([pair().a, state('c', constant([0]), { at: peer('phone') })], (now) => now);
    expect(refusalOf(body)).toBe('BB308: update: the states are of several places');
  });
  test('a change that leaves a state out', () => {
    const body = () => update(pair(), ((latest: { a: Tensor }) => ({ a: latest.a })) as never);
    expect(refusalOf(body)).toBe('BB308: update: it gives no value for b');
  });
  test('others that leave a value out, and what is no value', () => {
    const one = (held: { readonly a: State<'float32', readonly [2], 'server'> }) => held.a.read();
    expect(refusalOf(() => orElse({ x: one(pair()) }, {} as never))).toBe(
      'BB308: orElse: nothing stands in for x',
    );
    expect(refusalOf(() => when({ x: 1 }, constant(true) as never))).toMatch(/^BB3\d\d: when/);
  });
});
