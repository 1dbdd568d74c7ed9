// A network that is saved and restored after every step goes on as one that is not.

import fc from 'fast-check';
import { expect, test } from 'vitest';
import {
  adaptive,
  decodeFrame,
  decodeProgram,
  defaultLimits,
  encodeFrame,
  joinPieces,
  pieceBytes,
} from '../../runtime/index.ts';
import { Leases } from '../../runtime/lease.ts';
import type { Network, NetworkContext } from '../../runtime/net/network.ts';
import { Outbox } from '../../runtime/outbox.ts';
import { DEPLOYMENT, edge, makeBundle, recv, send } from '../sim/programs.ts';

const members = { a: ['a'], b: ['b'] };
const edges = [edge(0, 'send', 'a', 'b'), edge(1, 'send', 'b', 'a')];
const program = decodeProgram(
  makeBundle({
    class: 'a',
    members,
    edges,
    inputs: ['x'],
    outputs: ['y'],
    ops: [send(0, 'x'), recv(1, 'y')],
  }),
);

class Bare {
  readonly #restores: boolean;
  readonly #outbox = new Outbox(1000);
  #context: NetworkContext;
  network: Network;

  constructor(restores: boolean) {
    this.#restores = restores;
    this.#context = this.#fresh();
    this.network = adaptive({ seed: 3n })(this.#context);
  }

  #fresh(): NetworkContext {
    const [peer, incarnation, limits, outbox] = ['a', 1, defaultLimits, this.#outbox];
    const own = { leases: new Leases(() => {}), flows: new Map(), tell: () => {} };
    return { peer, incarnation, program, limits, outbox, ...own };
  }

  /** What it does and says in a step. */
  step(run: (network: Network) => unknown): unknown {
    const given = run(this.network);
    if (this.#restores) {
      const saved = structuredClone(this.network.save());
      this.#context = this.#fresh();
      this.network = adaptive({ seed: 3n })(this.#context, saved);
    }
    const said: unknown[] = [given, this.network.next, this.#context.leases.bytes, this.network.counters];
    for (let one = this.#outbox.take(); one !== undefined; one = this.#outbox.take())
      said.push(one.type === 'send' ? [one.to, one.again, joined(one.pieces)] : one);
    return said;
  }
}

function joined(pieces: readonly Uint8Array[]): Uint8Array {
  const bytes = new Uint8Array(pieceBytes(pieces));
  joinPieces(pieces, bytes);
  return bytes;
}

const base = { deployment: DEPLOYMENT, sender: 'b', incarnation: 1 };
const flow = { kind: 'initiated', initiator: 'a', incarnation: 1, counter: 1 } as const;
const small = fc.nat(12);
const step = fc.oneof(
  fc.record({ kind: fc.constant('send' as const), bytes: fc.nat(200) }),
  fc.record({ kind: fc.constant('pass' as const), ms: fc.nat(3000) }),
  fc.record({
    kind: fc.constant('hear' as const),
    sequence: small,
    oldest: small,
    cumulative: small,
    selective: fc.array(small, { maxLength: 3 }),
    windowBytes: fc.constantFrom(0, 100, 1e9),
    probe: fc.nat(2),
    echo: fc.nat(3),
  }),
);

test('saved and restored at any point, it says the same, at the same times', () => {
  fc.assert(
    fc.property(fc.array(step, { maxLength: 60 }), (steps) => {
      const [one, other] = [new Bare(false), new Bare(true)];
      let now = 0;
      for (const what of steps) {
        const run = (network: Network): unknown => {
          network.advance(now);
          if (what.kind === 'pass') return network.advance(now + what.ms * 1e6);
          if (what.kind === 'send') {
            const payloads = [new Uint8Array(what.bytes).fill(7)];
            const envelope = { ...base, sender: 'a', fills: [{ edge: 0, dtype: 2, dims: [what.bytes] }] };
            const shared = network.share(payloads);
            shared?.hold();
            network.send('b', { envelope, payloads, flow, number: 0 }, shared);
            shared?.drop();
            return undefined;
          }
          const { kind: _, sequence, cumulative, selective, ...link } = what;
          const acknowledgements = [{ incarnation: 1, cumulative, selective }];
          const bytes = joined(encodeFrame({ ...base, sequence, acknowledgements, link }, []));
          const decoded = decodeFrame(bytes, defaultLimits);
          return decoded.ok && network.receive('b', decoded.frame.envelope);
        };
        expect(other.step(run)).toEqual(one.step(run));
        if (what.kind === 'pass') now += what.ms * 1e6;
      }
    }),
    { numRuns: 100 },
  );
});
