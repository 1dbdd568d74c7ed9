// Secure aggregation: a server learns the sum of what members have and nothing else of it, though some drop out.
//
// Bonawitz et al., Practical Secure Aggregation for Privacy-Preserving Machine Learning, 2017, figure 4, for a server that
// follows the protocol and is curious. Each member adds a mask of its own and, with every other, one that cancels in the sum.
// Shares of the seeds of both are with the others: once it is known whose values came, t members reveal of each member
// either its self mask or its keys of masks, never both. Messages are values of the graph; here is the cryptography.

import type { DataValue, Tensor } from '../../../ir/index.ts';
import type { NodeCall, NodeComponent } from '../../../runtime/index.ts';
import { bigintsOf, countOf, stringsOf, tensorOf } from '../../tensors.ts';
import { secureAggregation as declaration, SIZES } from './declaration.ts';
import {
  CIPHERTEXT,
  channelKeys,
  commitment,
  committed,
  labelOf,
  Member,
  maskKeys,
  maskOf,
  open,
  Pair,
  seal,
} from './keys.ts';
import { combine, MOST_SHARES, type Share, shareAt } from './shamir.ts';

/** Fills slots of the role protocol whose declaration is `secureAggregation`. */
export const secureAggregator = (): NodeComponent => new SecureAggregator();

type Given = readonly (DataValue | undefined)[];

class SecureAggregator implements NodeComponent {
  readonly roles = ['protocol'] as const;
  readonly declaration = declaration;
  /** The member of the last secret: what it has computed is needed again. */
  #last: { readonly secret: string; readonly member: Member } | undefined;

  call({ method, inputs, options }: NodeCall): readonly DataValue[] {
    const tensor = options.tensor ?? '';
    if (method === 'Keys') return [bytes([SIZES.keys], this.#member(inputs[0]).public)];
    if (method === 'Share') return [this.#share(inputs)];
    if (method === 'Mask') return [this.#mask(inputs, tensor)];
    if (method === 'Reveal') return [this.#reveal(inputs)];
    return [recover(inputs, tensor)];
  }

  #member(value: DataValue | undefined): Member {
    const secret = octets(value, 'secret', SIZES.secret);
    const key = secret.join();
    if (this.#last?.secret !== key) this.#last = { secret: key, member: new Member(secret) };
    return this.#last.member;
  }

  #share([secret, me, members, keys, threshold, round]: Given): Tensor {
    const party = new Party(this.#member(secret), me, members, keys, round);
    const { cohort, own } = party;
    const t = thresholdOf(threshold, cohort.ids.length);
    const rows = new Uint8Array(cohort.ids.length * SIZES.row);
    for (const [at] of cohort.ids.entries()) {
      if (at === own) continue;
      const row = rows.subarray(at * SIZES.row, (at + 1) * SIZES.row);
      // The one that comes first encapsulates for the masks of both.
      if (own < at) row.set(party.maskTo(at).ciphertext);
      const { ciphertext, shared } = party.channelTo(at);
      row.set(ciphertext, CIPHERTEXT);
      row.set(seal(shared, party.sharesFor(at, t)), 2 * CIPHERTEXT);
    }
    return bytes([cohort.ids.length, SIZES.row], rows);
  }

  #mask([values, secret, me, members, keys, sharers, inbox, round]: Given, tensor: string): Tensor {
    const party = new Party(this.#member(secret), me, members, keys, round);
    const sum = words(values, 'values');
    addTo(sum, maskOf(party.member.selfSeed, party.cohort.round, tensor, sum.length), 1);
    for (const { at, row } of party.received(sharers, inbox)) {
      if (at === party.own) continue;
      const shared =
        party.own < at ? party.maskTo(at).shared : party.maskFrom(at, row.subarray(0, CIPHERTEXT));
      addTo(sum, maskOf(shared, party.cohort.round, tensor, sum.length), party.own < at ? 1 : -1);
    }
    return { dtype: 'uint32', dims: [sum.length], bytes: new Uint8Array(sum.buffer) };
  }

  #reveal([secret, me, members, keys, sharers, inbox, survivors, threshold, round]: Given): Tensor {
    const party = new Party(this.#member(secret), me, members, keys, round);
    const t = thresholdOf(threshold, party.cohort.ids.length);
    const alive = new Set(stringsOf(survivors, 'survivors'));
    const received = party.received(sharers, inbox);
    if (received.filter(({ at }) => alive.has(party.cohort.ids[at]!)).length < t)
      throw new Error(`values of fewer than ${t} members came: nothing is revealed`);
    const shares = received.map(({ at, row }) => {
      const both = at === party.own ? party.sharesFor(at, t) : party.opened(at, row);
      return alive.has(party.cohort.ids[at]!) ? both.subarray(32, 64) : both.subarray(0, 32);
    });
    return bytes([shares.length, 32], concatenated(shares));
  }
}

/** The members whose keys are known, in order, and the round. */
class Cohort {
  readonly ids: readonly string[];
  readonly round: bigint;
  readonly #keys: Uint8Array;
  readonly #places: ReadonlyMap<string, number>;

  constructor(members: DataValue | undefined, keys: DataValue | undefined, round: DataValue | undefined) {
    this.ids = stringsOf(members, 'members');
    this.#keys = octets(keys, 'keys', this.ids.length * SIZES.keys);
    this.#places = new Map(this.ids.map((id, at) => [id, at]));
    const [number] = bigintsOf(round, 'round');
    if (number === undefined) throw new Error('round is empty');
    this.round = number;
    if (this.#places.size < this.ids.length) throw new Error('a member is there twice');
    if (this.ids.length > MOST_SHARES)
      throw new Error(`${this.ids.length} members, and at most ${MOST_SHARES} share`);
  }

  keysOf(at: number): Uint8Array {
    return this.#keys.subarray(at * SIZES.keys, (at + 1) * SIZES.keys);
  }
  positionOf(id: string): number {
    const at = this.#places.get(id);
    if (at === undefined) throw new Error(`${id} is no member`);
    return at;
  }
  label(what: string, from: number, to: number): Uint8Array {
    return labelOf(what, this.round, this.ids[from]!, this.ids[to]!, this.keysOf(from), this.keysOf(to));
  }
}

/** A member among the others. */
class Party {
  readonly member: Member;
  readonly cohort: Cohort;
  readonly own: number;

  constructor(
    member: Member,
    me: DataValue | undefined,
    members: DataValue | undefined,
    keys: DataValue | undefined,
    round: DataValue | undefined,
  ) {
    this.member = member;
    this.cohort = new Cohort(members, keys, round);
    this.own = this.cohort.positionOf(stringsOf(me, 'me')[0] ?? '');
    if (!same(this.cohort.keysOf(this.own), member.public))
      throw new Error('my keys are not those that I made known');
  }

  channelTo(at: number): ReturnType<Pair['to']> {
    return this.member.channel.to(
      channelKeys(this.cohort.keysOf(at)),
      this.cohort.label('channel', this.own, at),
    );
  }
  maskTo(at: number): ReturnType<Pair['to']> {
    return this.member.masks.to(maskKeys(this.cohort.keysOf(at)), this.cohort.label('masks', this.own, at));
  }
  maskFrom(at: number, ciphertext: Uint8Array): Uint8Array {
    const label = this.cohort.label('masks', at, this.own);
    return this.member.masks.from(maskKeys(this.cohort.keysOf(at)), ciphertext, label);
  }

  /** Shares of the masks' seed and of the self mask's, for the member at a position. */
  sharesFor(at: number, threshold: number): Uint8Array {
    const both = concatenated([this.member.maskSeed, this.member.selfSeed]);
    return shareAt(at + 1, both, this.member.coefficients(both.length * (threshold - 1), this.cohort.round));
  }
  /** Those that another sent; throws where it did not. */
  opened(at: number, row: Uint8Array): Uint8Array {
    const ciphertext = row.subarray(CIPHERTEXT, 2 * CIPHERTEXT);
    const label = this.cohort.label('channel', at, this.own);
    const key = this.member.channel.from(channelKeys(this.cohort.keysOf(at)), ciphertext, label);
    return open(key, row.subarray(2 * CIPHERTEXT));
  }

  received(
    sharers: DataValue | undefined,
    inbox: DataValue | undefined,
  ): readonly { at: number; row: Uint8Array }[] {
    const ids = distinct(sharers, 'sharers');
    const rows = octets(inbox, 'inbox', ids.length * SIZES.row);
    return ids.map((id, at) => ({
      at: this.cohort.positionOf(id),
      row: rows.subarray(at * SIZES.row, (at + 1) * SIZES.row),
    }));
  }
}

/** Throws where shares are too few, or do not give what their member committed to: no sum is better than a wrong one. */
function recover(given: Given, tensor: string): Tensor {
  const [masked, members, keys, sharers, rows, survivors, shares, responders, threshold, round] = given;
  const cohort = new Cohort(members, keys, round);
  const t = thresholdOf(threshold, cohort.ids.length);
  const [sharing, alive, responding] = [
    distinct(sharers, 'sharers'),
    distinct(survivors, 'survivors'),
    distinct(responders, 'responders'),
  ];
  if (alive.length < t || responding.length < t) throw new Error(`fewer than ${t} members answered`);
  const matrix = words(masked, 'masked');
  const count = matrix.length / alive.length;
  const dealt = octets(rows, 'rows', sharing.length * cohort.ids.length * SIZES.row);
  const revealed = octets(shares, 'shares', responding.length * sharing.length * 32);
  const seedOf = (column: number): Uint8Array =>
    combine(
      responding.slice(0, t).map((id, row): Share => {
        const from = (row * sharing.length + column) * 32;
        return { x: cohort.positionOf(id) + 1, bytes: revealed.subarray(from, from + 32) };
      }),
    );
  const sum = new Uint32Array(count);
  for (const [row, id] of alive.entries()) {
    addTo(sum, matrix.subarray(row * count, (row + 1) * count), 1);
    if (!sharing.includes(id)) throw new Error(`${id} has values and no shares`);
  }
  for (const [column, id] of sharing.entries()) {
    const [at, seed] = [cohort.positionOf(id), seedOf(column)];
    if (alive.includes(id)) {
      if (!same(commitment(seed), committed(cohort.keysOf(at))))
        throw new Error(`the shares of ${id} do not fit`);
      addTo(sum, maskOf(seed, cohort.round, tensor, count), -1);
      continue;
    }
    const pair = new Pair(seed);
    if (!same(pair.public, maskKeys(cohort.keysOf(at)))) throw new Error(`the shares of ${id} do not fit`);
    // What the survivors' masks with this one left in the sum: theirs has the other sign.
    for (const other of alive) {
      const to = cohort.positionOf(other);
      const from = (sharing.indexOf(other) * cohort.ids.length + at) * SIZES.row;
      const shared =
        at < to
          ? pair.to(maskKeys(cohort.keysOf(to)), cohort.label('masks', at, to)).shared
          : pair.from(
              maskKeys(cohort.keysOf(to)),
              dealt.subarray(from, from + CIPHERTEXT),
              cohort.label('masks', to, at),
            );
      addTo(sum, maskOf(shared, cohort.round, tensor, count), at < to ? 1 : -1);
    }
  }
  return { dtype: 'uint32', dims: [count], bytes: new Uint8Array(sum.buffer) };
}

/** More than half of the members, so that no two sets of them can reveal different things; and two at least. */
function thresholdOf(value: DataValue | undefined, members: number): number {
  const threshold = countOf(value, 'threshold');
  if (threshold < 2 || 2 * threshold <= members || threshold > members)
    throw new Error(
      `a threshold of ${threshold} is not more than half of ${members} members, or more than all`,
    );
  return threshold;
}

function addTo(sum: Uint32Array, mask: Uint32Array, sign: 1 | -1): void {
  for (let at = 0; at < sum.length; at++) sum[at] = sum[at]! + sign * mask[at]!;
}

const bytes = (dims: readonly number[], values: Uint8Array): Tensor => ({
  dtype: 'uint8',
  dims,
  bytes: values,
});

function octets(value: DataValue | undefined, what: string, length: number): Uint8Array {
  const { dtype, bytes: content } = tensorOf(value, what);
  if (dtype !== 'uint8' || content.length !== length)
    throw new Error(`${what} is not uint8 of ${length} bytes`);
  return new Uint8Array(content);
}

function words(value: DataValue | undefined, what: string): Uint32Array {
  const { dtype, bytes: content } = tensorOf(value, what);
  if (dtype !== 'uint32') throw new Error(`${what} is ${dtype}, not uint32`);
  return new Uint32Array(new Uint8Array(content).buffer);
}

function distinct(value: DataValue | undefined, what: string): readonly string[] {
  const ids = stringsOf(value, what);
  if (new Set(ids).size < ids.length) throw new Error(`one of ${what} is there twice`);
  return ids;
}

function concatenated(parts: readonly Uint8Array[]): Uint8Array {
  const result = new Uint8Array(parts.reduce((sum, one) => sum + one.length, 0));
  let at = 0;
  for (const part of parts) {
    result.set(part, at);
    at += part.length;
  }
  return result;
}

const same = (a: Uint8Array, b: Uint8Array): boolean =>
  a.length === b.length && a.reduce((differing, one, at) => differing | (one ^ b[at]!), 0) === 0;
