// A collect while it is open, and what comes of it: order is the set's, never that of arrival.

import { type DataValue, isTensor, typeOfData } from '../ir/data.ts';
import { formatType, packStrings, type Tensor } from '../ir/types.ts';
import type { Answers, Flow } from './flow.ts';
import type { Collect } from './instruction.ts';
import { type Held, isHeld, type Leases, type Slot } from './lease.ts';
import { sameType, stack } from './stack.ts';
import type { Missing } from './value.ts';

interface Result {
  /** The fields, then senders and missing. */
  readonly values: readonly Slot[];
  /** Why members are not among the senders, in set order. */
  readonly causes: readonly Missing[];
}

const own = (data: Tensor, leases: Leases): Held => ({
  data,
  lease: leases.take(data.bytes.buffer as ArrayBuffer),
});

/** Only tensors stack. */
const stackable = (a: DataValue, b: DataValue): boolean => isTensor(a) && isTensor(b) && sameType(a, b);

export class Gathering {
  readonly #leases: Leases;

  constructor(leases: Leases) {
    this.#leases = leases;
  }

  answersOf(flow: Flow, index: number, { edges, members }: Collect): Answers {
    const known = flow.answers.get(index);
    if (known !== undefined) return known;
    const answers = {
      fields: edges.map(() => members.map(() => undefined)),
      open: members.map(() => edges.length),
      waiting: members.length,
      present: 0,
    };
    flow.answers.set(index, answers);
    return answers;
  }

  /** False if this field of this member is there already. */
  add(answers: Answers, field: number, member: number, value: Slot): boolean {
    const row = answers.fields[field]!;
    if (row[member] !== undefined) return false;
    row[member] = value;
    this.#leases.hold(value);
    if (--answers.open[member]! > 0) return true;
    answers.waiting--;
    if (answers.fields.every((one) => isHeld(one[member]!))) answers.present++;
    return true;
  }

  close(
    answers: Answers,
    { edges, members, atLeast }: Collect,
    peer: string,
    absent: (peer: string) => Missing,
  ): Result {
    const senders: number[] = [];
    const causes: Missing[] = [];
    // The type that all others must have: the first one's in set order, which does not depend on arrival.
    let model: readonly Held[] | undefined;
    for (const [at, member] of members.entries()) {
      const record = answers.fields.map((row) => row[at] ?? absent(member));
      const hole = record.find((value) => !isHeld(value)) as Missing | undefined;
      if (hole !== undefined) {
        causes.push(hole);
        continue;
      }
      const held = record as Held[];
      model ??= held;
      const odd = held.findIndex((value, field) => !stackable(value.data, model![field]!.data));
      if (odd < 0) {
        senders.push(at);
        continue;
      }
      const detail = `${formatType(typeOfData(held[odd]!.data))} does not stack with the others' values`;
      causes.push({ reason: 'failed', peer: member, edge: edges[odd]!.id, detail });
    }
    const values = this.#result(answers, senders, causes, { edges, members, atLeast, peer });
    for (const row of answers.fields)
      for (const value of row) if (value !== undefined) this.#leases.drop(value);
    return { values, causes };
  }

  #result(
    answers: Answers,
    senders: readonly number[],
    causes: readonly Missing[],
    { edges, members, atLeast, peer }: Pick<Collect, 'edges' | 'members' | 'atLeast'> & { peer: string },
  ): readonly Slot[] {
    if (senders.length < atLeast) return [...edges, 0, 0].map(() => causes[0]!);
    const empty = senders.length === 0;
    const fields = edges.map(({ dtype, shape }, field): Slot => {
      if (!empty) {
        const rows = senders.map((at) => (answers.fields[field]![at] as Held).data as Tensor);
        return own(stack(rows), this.#leases);
      }
      if (dtype === null || shape === null || !shape.every((dim) => typeof dim === 'number'))
        return causes[0] ?? { reason: 'failed', peer, detail: 'nobody answered and the shape is not known' };
      return own({ dtype, dims: [0, ...(shape as number[])], bytes: new Uint8Array(0) }, this.#leases);
    });
    const names = (list: readonly string[]): Held =>
      own({ dtype: 'string', dims: [list.length], bytes: packStrings(list) }, this.#leases);
    const lost = members.filter((_, at) => !senders.includes(at));
    return [...fields, names(senders.map((at) => members[at]!)), names(lost)];
  }
}
