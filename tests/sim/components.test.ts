// Components within a node, called by programs: what is committed, what is voided, who waits for whom.

import { describe, expect, test } from 'vitest';
import { deploymentInMemory, peersOf } from '../../cli/run/memory.ts';
import {
  cohort,
  constant,
  entry,
  event,
  input,
  int64,
  module,
  on,
  output,
  peer,
  protocol,
  state,
} from '../../dsl/index.ts';
import { type DataValue, isTensor, type Tensor } from '../../ir/index.ts';
import type { ComponentContext, Later, NodeCall, NodeComponent, Received } from '../../runtime/index.ts';
import { isMissing, type Limits } from '../../runtime/index.ts';
import { decode, encode, table, uint } from '../../runtime/proto/codec.ts';
import { topologyOf } from '../support/compile.ts';
import { compiled, recorded } from '../support/deploy.ts';
import { World } from './world.ts';

const scalar = (value: number): Tensor => ({
  dtype: 'int64',
  dims: [],
  bytes: new Uint8Array(BigInt64Array.of(BigInt(value)).buffer),
});
const numberOf = (value: DataValue | undefined): number => {
  if (value === undefined || !isTensor(value)) throw new Error('no tensor');
  const { buffer, byteOffset } = value.bytes;
  return Number(new DataView(buffer, byteOffset).getBigInt64(0, true));
};

const number = (name: string) => ({ name, dtype: 'int64', shape: [] }) as const;
const ledger = {
  methods: {
    Add: { kind: 'update', inputs: [number('amount')], options: {}, outputs: [] },
    Sum: { kind: 'query', inputs: [], options: {}, outputs: [number('sum')] },
    /** Fails below 0. */
    Check: { kind: 'query', inputs: [number('amount')], options: {}, outputs: [number('amount')] },
    /** What the other peer's ledger holds. */
    Other: { kind: 'ask', inputs: [number('of')], options: {}, outputs: [number('sum')] },
  },
  events: { added: [number('amount')] },
} as const;
const messages = { question: table({}), answer: table({ sum: uint(1) }) };
const saved = table({ sum: uint(1) });
type Context = ComponentContext<typeof messages>;

class Ledger implements NodeComponent<typeof messages> {
  readonly roles = ['protocol'] as const;
  readonly declaration = ledger;
  readonly messages = messages;
  sum: number;

  constructor(sum: number) {
    this.sum = sum;
  }

  call({ method, inputs }: NodeCall, cx: Context): readonly DataValue[] | Later {
    const [given] = inputs.map(numberOf);
    switch (method) {
      case 'Add':
        if (given! < 0) throw new Error(`${given} is less than 0`);
        this.sum += given!;
        cx.raise('added', { amount: scalar(given!) });
        return [];
      case 'Sum':
        return [scalar(this.sum)];
      case 'Check':
        if (given! < 0) throw new Error(`${given} is less than 0`);
        return [scalar(given!)];
      default: {
        const later = cx.later();
        const other = cx.members('peer').find((one) => one !== cx.peer)!;
        cx.send(other, 'question', {}, later.id);
        return later;
      }
    }
  }
  save(): Uint8Array {
    return encode(saved, { sum: this.sum });
  }
  restore(bytes: Uint8Array): void {
    this.sum = decode(saved, bytes).sum;
  }
  message({ from, kind, body, correlation }: Received<typeof messages>, cx: Context): void {
    if (kind === 'question') cx.send(from, 'answer', { sum: this.sum }, correlation);
    else cx.answer(correlation, [scalar((body as { sum: number }).sum)]);
  }
}

/** `sums`: what the ledgers hold at first. */
function world(
  body: () => void,
  classes: readonly string[] = ['server'],
  sums: Readonly<Record<string, number>> = {},
  limits: Partial<Limits> = {},
) {
  const loaded = deploymentInMemory(compiled(recorded(module('m', body)), topologyOf(...classes)));
  const ledgers = new Map<string, Ledger>();
  const bundles = Object.fromEntries(peersOf(loaded).map(({ id, bundle }) => [id, bundle]));
  const made = new World(bundles, {}, limits, {
    components: (id) => ({
      ledger: () => {
        const one = new Ledger(sums[id] ?? 0);
        ledgers.set(id, one);
        return one;
      },
    }),
  });
  return { world: made, ledgers };
}

const server = peer('server');
const amount = () => input('amount', int64, [], { at: server });

describe('a component', () => {
  test('is asked what it holds before and after an update of the same flow', () => {
    const { world: one, ledgers } = world(() => {
      const book = protocol('ledger', ledger, { at: server });
      const x = amount();
      const before = book.sum();
      book.add(x);
      output('before', before);
      output('after', book.sum());
    });
    for (const given of [5, 7]) one.invoke('server', { amount: scalar(given) });
    one.run();
    expect(one.events('output').map(({ name, value }) => [name, numberOf(value as DataValue)])).toEqual([
      ['before', 0],
      ['after', 5],
      ['before', 5],
      ['after', 12],
    ]);
    expect(one.events('flow-ended').map(({ status }) => status)).toEqual(['complete', 'complete']);
    expect(ledgers.get('server')!.sum).toBe(12);
    expect(one.node('server').usage).toMatchObject({ flows: 0, bytes: 0, work: 0 });
  });

  test('is not told of an update whose fragment is voided', () => {
    const { world: one, ledgers } = world(() => {
      const book = protocol('ledger', ledger, { at: server });
      const x = amount();
      const before = book.sum();
      const checked = book.check(x);
      book.add(constant(100n));
      state('kept', constant(0n), { at: server }).assign(checked);
      output('before', before);
    });
    one.invoke('server', { amount: scalar(-1) });
    one.invoke('server', { amount: scalar(1) });
    one.run();
    expect(ledgers.get('server')!.sum).toBe(100);
    expect(numberOf(one.node('server').state.get('kept'))).toBe(1);
    expect(one.events('flow-ended').map(({ status }) => status)).toEqual(['failed', 'complete']);
  });

  test('is not told of an update that is declined, and the rest is committed', () => {
    const { world: one, ledgers } = world(() => {
      const book = protocol('ledger', ledger, { at: server });
      const x = amount();
      const wanted = input('wanted', 'bool', [], { at: server });
      const before = book.sum();
      book.add(x.when(wanted));
      state('kept', constant(0n), { at: server }).assign(x);
      output('before', before);
    });
    const bool = (value: boolean): Tensor => ({
      dtype: 'bool',
      dims: [],
      bytes: Uint8Array.of(Number(value)),
    });
    one.invoke('server', { amount: scalar(3), wanted: bool(false) });
    one.run();
    one.invoke('server', { amount: scalar(4), wanted: bool(true) });
    one.run();
    expect(ledgers.get('server')!.sum).toBe(4);
    expect(numberOf(one.node('server').state.get('kept'))).toBe(4);
  });

  test('whose update fails has its flow end partial, with its words', () => {
    const { world: one } = world(() => {
      const book = protocol('ledger', ledger, { at: server });
      const x = amount();
      const before = book.sum();
      book.add(x);
      output('before', before);
    });
    one.invoke('server', { amount: scalar(-2) });
    one.run();
    const [ended] = one.events('flow-ended');
    expect(ended).toMatchObject({
      status: 'partial',
      causes: [{ missing: { detail: '-2 is less than 0' } }],
    });
  });

  const peers = cohort('peer');
  const asking = (within?: '1s') => () => {
    const book = protocol('ledger', ledger, { at: peers.me });
    entry('ask', peers, () => {
      book.add(constant(2n));
      const there = book.other(constant(0n), within === undefined ? {} : { within });
      output('there', there);
      on(peers.me, () => state('seen', constant(0n), { at: peers.me }).assign(there));
    });
  };

  test('asks its like at another peer, and answers when that has answered', () => {
    const { world: one } = world(asking(), ['peer*2'], { 'peer/1': 40 });
    one.invoke('peer/0', {}, 'ask');
    one.run();
    expect(numberOf(one.output('peer/0', 'there') as DataValue)).toBe(40);
    expect(numberOf(one.node('peer/0').state.get('seen'))).toBe(40);
    expect(one.events('flow-ended')).toMatchObject([{ status: 'complete' }]);
    expect(one.events('dropped')).toEqual([]);
  });

  test('that is asked and never answers is given up in time', () => {
    const { world: one } = world(asking('1s'), ['peer*2']);
    one.silent.add('peer/1');
    one.invoke('peer/0', {}, 'ask');
    one.run();
    const there = one.output('peer/0', 'there')!;
    expect(isMissing(there) && there.reason).toBe('timeout');
    expect(one.now).toBe(1e9);
    expect(one.events('flow-ended').map(({ status }) => status)).toEqual(['failed']);
    // The answer that comes after all is for nobody.
    one.silent.clear();
    one.deliver(one.sent.find(({ from }) => from === 'peer/1')!);
    one.run();
    expect(one.node('peer/0').usage.work).toBe(0);
  });

  test('that raises an event starts the entries that wait for it, with its values', () => {
    const { world: one } = world(() => {
      const book = protocol('ledger', ledger, { at: server });
      entry('call', server, () => {
        book.add(constant(3n));
      });
      entry('added', server, event('ledger.added', { amount: [int64, []] }), ({ amount: given }) => {
        output('given', given);
      });
    });
    one.invoke('server', {}, 'call');
    one.run();
    expect(numberOf(one.output('server', 'given') as DataValue)).toBe(3);
    expect(one.events('component-event')).toMatchObject([{ component: 'ledger', event: 'added' }]);
  });

  test('that raises an event of more bytes than may be, or than the node has left, starts nothing, which is told', () => {
    const raised = (limits: Partial<Limits>) => {
      const { world: one } = world(
        () => {
          const book = protocol('ledger', ledger, { at: server });
          entry('call', server, () => {
            book.add(constant(3n));
          });
          entry('added', server, event('ledger.added', { amount: [int64, []] }), ({ amount: given }) => {
            output('given', given);
          });
        },
        ['server'],
        {},
        limits,
      );
      one.invoke('server', {}, 'call');
      one.run();
      expect(one.events('flow-ended')).toMatchObject([{ status: 'complete' }]);
      return one;
    };
    const large = raised({ eventBytes: 7 });
    expect(large.events('dropped')).toMatchObject([
      { reason: 'limit', from: 'server', message: 'event added for ledger: 8 bytes, 1 at once' },
    ]);
    expect(large.node('server').dropped).toEqual({ limit: 1 });
    expect(large.events('component-event')).toEqual([]);
    const full = raised({ bytes: 7 });
    expect(full.events('flow-refused')).toMatchObject([{ why: '0 bytes are held' }]);
  });
});

test('a node without components says that it takes no messages for them', () => {
  const { world: one } = world(() => {
    const peers = cohort('peer');
    const book = protocol('ledger', ledger, { at: peers.me });
    entry('ask', peers, () => output('there', book.other(constant(0n), { within: '1s' })));
  }, ['peer*2']);
  one.nodes.delete('peer/1');
  one.invoke('peer/0', {}, 'ask');
  one.run();
  expect(one.sent).toHaveLength(1);
});
