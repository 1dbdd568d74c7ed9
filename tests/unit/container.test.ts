// The container by itself: what a component is told, what it may do, and that saving it loses nothing.

import { describe, expect, test } from 'vitest';
import type { DataValue } from '../../ir/index.ts';
import { Container, type ContainerLimits, type ControlMessage } from '../../runtime/components/container.ts';
import type {
  ComponentContext,
  Later,
  NodeCall,
  NodeComponent,
  Received,
} from '../../runtime/components/contract.ts';
import { encode, string, table, uint } from '../../runtime/proto/codec.ts';

const int64 = (value: number): DataValue => ({
  dtype: 'int64',
  dims: [],
  bytes: new Uint8Array(BigInt64Array.of(BigInt(value)).buffer),
});
const limits: ContainerLimits = {
  pendingAsks: 2,
  controlMessages: 3,
  controlBytes: 100,
  controlSends: 2,
  eventBytes: 10,
  rank: 2,
  parts: 4,
  nesting: 2,
};
const messages = { ping: table({ text: string(1), count: uint(2) }) };

/** Answers pings, counts them, draws, and does what a test wants. */
class Probe implements NodeComponent<typeof messages> {
  readonly roles = ['protocol'] as const;
  readonly messages = messages;
  readonly told: unknown[] = [];
  pings = 0;
  onCall: (call: NodeCall, cx: ComponentContext<typeof messages>) => readonly DataValue[] | Later = () => [];

  start(cx: ComponentContext<typeof messages>): void {
    this.told.push(`start ${cx.now}`);
  }
  call(call: NodeCall, cx: ComponentContext<typeof messages>): readonly DataValue[] | Later {
    return this.onCall(call, cx);
  }
  message(received: Received<typeof messages>, cx: ComponentContext<typeof messages>): void {
    this.pings++;
    this.told.push({ ...received });
    if (received.correlation > 0) cx.send(received.from, 'ping', { text: 'pong' }, received.correlation);
  }
  wake(cx: ComponentContext<typeof messages>): void {
    this.told.push(`wake ${cx.now} ${cx.random.below(1000)}`);
    if (cx.now < 100) cx.wakeAt(cx.now);
  }
  save(): Uint8Array {
    return Uint8Array.of(this.pings);
  }
  restore(bytes: Uint8Array): void {
    this.pings = bytes[0]!;
  }
}

function world(peer = 'a') {
  const probe = new Probe();
  const told: unknown[] = [];
  const sent: { to: string; message: ControlMessage }[] = [];
  const container = new Container(
    {
      peer,
      seed: 7n,
      components: { probe },
      members: (name) => (name === 'phone' ? ['a', 'b'] : []),
      limits,
    },
    {
      send: (to, message) => sent.push({ to, message }),
      raise: (...args) => told.push(['raise', ...args]),
      answered: (...args) => told.push(['answered', ...args]),
      declined: (...args) => told.push(['declined', ...args]),
      dropped: (...args) => told.push(['dropped', ...args]),
      broke: (...args) => told.push(['broke', ...args]),
    },
  );
  return { probe, told, sent, container };
}

const call = (kind: NodeCall['kind']): NodeCall => ({
  role: 'protocol',
  method: 'M',
  kind,
  options: {},
  inputs: [],
  results: [],
});
const ping = (more: Partial<ControlMessage> = {}): ControlMessage => {
  const { sent, probe, container } = world();
  probe.onCall = (_, cx) => {
    cx.send('b', 'ping', { text: 'hello', count: 1 }, 5);
    return [];
  };
  container.call('probe', 1, '', call('update'));
  return { ...sent[0]!.message, ...more };
};

describe('a component', () => {
  test('is started once, and woken no sooner than it asked and never twice at one time', () => {
    const { probe, container } = world();
    expect(container.nextNs).toBe(0);
    container.advance(0);
    expect(container.nextNs).toBe(Number.POSITIVE_INFINITY);
    probe.onCall = (_, cx) => {
      cx.wakeAt(98);
      return [];
    };
    container.call('probe', 1, '', call('update'));
    expect(container.nextNs).toBe(98);
    container.advance(97);
    while (container.nextNs < Number.POSITIVE_INFINITY) container.advance(container.nextNs);
    expect(probe.told.map((one) => String(one).split(' ').slice(0, 2).join(' '))).toEqual([
      'start 0',
      'wake 98',
      'wake 99',
      'wake 100',
    ]);
  });

  test('answers at once, fails with its words, or answers later, once', () => {
    const { probe, container, told } = world();
    probe.onCall = () => [int64(1)];
    container.call('probe', 1, '', call('query'));
    probe.onCall = () => {
      throw new Error('no such term');
    };
    container.call('probe', 2, '', call('ask'));
    let answer: (() => void) | undefined;
    probe.onCall = (_, cx) => {
      const later = cx.later();
      answer = () => cx.answer(later.id, [int64(3)]);
      return later;
    };
    container.call('probe', 3, '', call('ask'));
    expect(told.length).toBe(2);
    answer!();
    answer!();
    expect(told).toEqual([
      ['answered', 1, [int64(1)]],
      ['declined', 2, 'failed', 'no such term'],
      ['answered', 3, [int64(3)]],
    ]);
  });

  test('only what is asked may be answered later, and only so much of it', () => {
    const { probe, container, told } = world();
    probe.onCall = (_, cx) => cx.later();
    container.call('probe', 1, '', call('query'));
    for (const work of [2, 3, 4]) container.call('probe', work, '', call('ask'));
    container.forget(2);
    container.call('probe', 5, '', call('ask'));
    expect(told).toEqual([
      ['declined', 1, 'failed', 'probe may answer later only what is asked'],
      ['declined', 4, 'refused', 'probe has 2 asks without an answer'],
    ]);
  });

  test('draws alike whenever one op of one flow asks, and never the same twice otherwise', () => {
    const { probe, container } = world();
    const draws: number[] = [];
    probe.onCall = (_, cx) => {
      draws.push(cx.random.word());
      return [];
    };
    for (const [origin, kind] of [
      ['f1', 'query'],
      ['f2', 'query'],
      ['f1', 'query'],
      ['', 'update'],
      ['', 'update'],
    ] as const)
      container.call('probe', 1, origin, call(kind));
    expect(draws[0]).toBe(draws[2]);
    expect(new Set(draws).size).toBe(4);
    const other = world('b');
    other.probe.onCall = probe.onCall;
    other.container.call('probe', 1, 'f1', call('query'));
    expect(draws.at(-1)).not.toBe(draws[0]);
  });

  test('gets a message of its own kind, and its answer carries the correlation back', () => {
    const { probe, container, sent } = world();
    container.message('b', ping());
    expect(probe.told).toEqual([
      { from: 'b', kind: 'ping', body: { text: 'hello', count: 1 }, correlation: 5 },
    ]);
    expect(sent).toMatchObject([{ to: 'b', message: { kind: 'ping', correlation: 5 } }]);
  });

  test.each([
    ['is for nobody', 'unsupported', { component: 'other' }, 'nothing here takes it'],
    ['is of no kind', 'unsupported', { kind: 'toString' }, 'nothing here takes it'],
    ['is declared otherwise', 'type', { typeHash: 1n }, 'declared otherwise'],
    ['is damaged', 'malformed', { body: Uint8Array.of(10, 200) }, 'cut off'],
    ['is too long', 'limit', { body: new Uint8Array(101) }, '101 bytes'],
  ] as const)('drops with an event what %s', (_, reason, more, what) => {
    const { probe, container, told } = world();
    container.message('b', ping(more));
    expect(told).toEqual([['dropped', reason, 'b', expect.stringContaining(what)]]);
    expect(probe.pings).toBe(0);
  });

  test('a peer that floods is cut off, others are not, and after a while it is heard again', () => {
    const { probe, container, told } = world();
    const one = ping({ correlation: 0 });
    for (let at = 0; at < 5; at++) container.message('b', one);
    container.message('c', one);
    expect([probe.pings, told.length]).toEqual([4, 2]);
    const other = world();
    other.container.restore(container.save());
    other.container.message('b', one);
    expect(other.told).toMatchObject([['dropped', 'limit', 'b', expect.anything()]]);
    container.advance(1e9);
    container.message('b', one);
    expect(probe.pings).toBe(5);
  });

  test('sends only so many messages at once', () => {
    const { probe, container, sent, told } = world();
    probe.onCall = (_, cx) => {
      for (let at = 0; at < 4; at++) cx.send('b', 'ping', { count: at });
      return [];
    };
    container.call('probe', 1, '', call('update'));
    expect([sent.length, told.length]).toEqual([2, 3]);
  });

  test('sends no message and raises no event of more bytes than may be, and only so many events at once', () => {
    const { probe, container, sent, told } = world();
    probe.onCall = (_, cx) => {
      cx.send('b', 'ping', { text: 'x'.repeat(101) });
      cx.raise('heard', { one: int64(1), other: int64(2) });
      return [];
    };
    container.call('probe', 1, '', call('update'));
    probe.onCall = (_, cx) => {
      for (let at = 0; at < 3; at++) cx.raise('heard', { one: int64(at) });
      return [];
    };
    container.call('probe', 2, '', call('update'));
    const dropped = (what: string) => ['dropped', 'limit', 'a', what];
    expect(sent).toEqual([]);
    expect(told.filter((one) => Array.isArray(one) && one[0] !== 'answered')).toEqual([
      dropped('message ping for probe: 103 bytes, 1 at once'),
      dropped('event heard for probe: 16 bytes, 2 at once'),
      ['raise', 'probe', 'heard', { one: int64(0) }],
      ['raise', 'probe', 'heard', { one: int64(1) }],
      dropped('event heard for probe: 8 bytes, 3 at once'),
    ]);
  });

  test('that throws while nobody waits is told of, and the node goes on', () => {
    const { probe, container, told } = world();
    probe.message = () => {
      throw new Error('a bug');
    };
    container.message('b', ping());
    expect(told).toEqual([['broke', 'probe', 'a bug']]);
  });

  test('saved and restored it goes on as if nothing had been', () => {
    const one = world();
    const step = ({ probe, container, told }: ReturnType<typeof world>): unknown => {
      probe.onCall = (_, cx) => [int64(cx.random.below(1e6)), int64(probe.pings)];
      container.message('b', ping({ correlation: 0 }));
      container.call('probe', 9, '', call('update'));
      if (container.nextNs < Number.POSITIVE_INFINITY) container.advance(container.nextNs);
      return [told.splice(0), probe.told.splice(0), container.nextNs];
    };
    one.container.advance(5);
    one.probe.onCall = (_, cx) => {
      cx.wakeAt(1000);
      return cx.later();
    };
    one.container.call('probe', 4, '', call('ask'));
    step(one);
    const other = world();
    other.container.advance(0);
    other.probe.told.splice(0);
    other.container.restore(one.container.save());
    expect(other.container.save()).toEqual(one.container.save());
    for (let at = 0; at < 2; at++) expect(step(other)).toEqual(step(one));
  });

  test('bytes that are not of these components are refused', () => {
    const { container } = world();
    const saved = encode(table({ components: string(1) }), { components: '\n\u0001x' });
    expect(() => container.restore(saved)).toThrow('there is no component x any more');
  });
});
