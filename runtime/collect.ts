// A collect while it is open, and what comes of it: order is the set's, never that of arrival.

import { type DataValue, isTensor, typeOfData } from '../ir/data.ts';
import { formatType, packStrings, type Tensor } from '../ir/types.ts';
import type { Answers, Flow } from './flow.ts';
import type { Collect } from './instruction.ts';
import type { LateAnswer } from './late.ts';
import { type Held, isHeld, type Leases, type Slot } from './lease.ts';
import { sameType, stack } from './stack.ts';
import type { Missing } from './value.ts';

export interface Collected {
  /** The fields, then senders and missing, then ages where late answers are kept. */
  readonly values: readonly Slot[];
  /** Members with a row. */
  readonly arrived: number;
  /** Why the others have none, in set order. */
  readonly causes: readonly Missing[];
  /** Whose answers to this flow may still come. */
  readonly absent: readonly Absent[];
}

export interface Absent {
  /** Position in the set. */
  readonly member: number;
  /** What has come of its answer; held. */
  readonly fields: readonly (Slot | undefined)[];
}

interface Row {
  readonly member: number;
  /** Steps since the flow that it was for. */
  readonly age: number;
  readonly fields: readonly Held[];
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
      answered: members.map(() => false),
      present: 0,
      late: [],
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
    if (answers.fields.every((one) => isHeld(one[member]!))) this.#answered(answers, member);
    return true;
  }

  /** Takes over an answer to an earlier flow. Its sender counts as one that answered; it is still waited for. */
  join(answers: Answers, late: LateAnswer): void {
    answers.late.push(late);
    this.#answered(answers, late.member);
  }

  #answered(answers: Answers, member: number): void {
    if (answers.answered[member] === true) return;
    answers.answered[member] = true;
    answers.present++;
  }

  /** Whether nothing more is waited for. All answers are all of this flow; only fewer may be late ones. */
  isFull({ waiting, present }: Answers, { enough, members }: Collect): boolean {
    return waiting === 0 || (enough < members.length && present >= enough);
  }

  close(answers: Answers, one: Collect, peer: string, why: (peer: string) => Missing): Collected {
    const { members, edges } = one;
    const causes: Missing[] = [];
    const rows: Row[] = [];
    const absent: Absent[] = [];
    // The type that all others must have: the first one's in set order, which does not depend on arrival.
    let model: readonly Held[] | undefined;
    for (const [member, id] of members.entries()) {
      const own = answers.fields.map((field) => field[member] ?? why(id));
      const hole = own.find((value) => !isHeld(value)) as Missing | undefined;
      if (answers.open[member]! > 0)
        absent.push({ member, fields: answers.fields.map((row) => row[member]) });
      else if (hole?.reason === 'lost' && hole.peer === id)
        absent.push({ member, fields: edges.map(() => undefined) });
      const late = answers.late.filter((answer) => answer.member === member).sort((a, b) => b.age - a.age);
      const found = late.map(({ age, fields }) => ({ member, age, fields: fields as readonly Held[] }));
      if (hole === undefined) found.push({ member, age: 0, fields: own as Held[] });
      let problem = hole;
      for (const row of found) {
        model ??= row.fields;
        const odd = row.fields.findIndex((value, field) => !stackable(value.data, model![field]!.data));
        if (odd < 0) rows.push(row);
        else {
          const detail = `${formatType(typeOfData(row.fields[odd]!.data))} does not stack with the others' values`;
          problem = { reason: 'failed', peer: id, edge: edges[odd]!.id, detail };
        }
      }
      if (problem !== undefined && rows.at(-1)?.member !== member) causes.push(problem);
    }
    const arrived = members.length - causes.length;
    const values = arrived < one.atLeast ? undefined : this.#result(rows, causes, one, peer);
    for (const { fields } of absent)
      for (const slot of fields) if (slot !== undefined) this.#leases.hold(slot);
    for (const slots of [...answers.fields, ...answers.late.map(({ fields }) => fields)])
      for (const slot of slots) if (slot !== undefined) this.#leases.drop(slot);
    const nothing = [...edges, 0, 0, 0].map(() => causes[0]!);
    return { values: values ?? nothing, arrived, causes, absent };
  }

  #result(
    rows: readonly Row[],
    causes: readonly Missing[],
    { edges, members, keepsLate }: Collect,
    peer: string,
  ): readonly Slot[] {
    const fields = edges.map(({ dtype, shape }, field): Slot => {
      if (rows.length > 0) {
        return own(stack(rows.map((row) => row.fields[field]!.data as Tensor)), this.#leases);
      }
      if (dtype === null || shape === null || !shape.every((dim) => typeof dim === 'number'))
        return causes[0] ?? { reason: 'failed', peer, detail: 'nobody answered and the shape is not known' };
      return own({ dtype, dims: [0, ...(shape as number[])], bytes: new Uint8Array(0) }, this.#leases);
    });
    const names = (list: readonly string[]): Held =>
      own({ dtype: 'string', dims: [list.length], bytes: packStrings(list) }, this.#leases);
    const senders = new Set(rows.map(({ member }) => member));
    const lost = members.filter((_, member) => !senders.has(member));
    const found = [...fields, names(rows.map(({ member }) => members[member]!)), names(lost)];
    if (!keepsLate) return found;
    const ages = new Uint8Array(BigInt64Array.from(rows, ({ age }) => BigInt(age)).buffer);
    return [...found, own({ dtype: 'int64', dims: [rows.length], bytes: ages }, this.#leases)];
  }
}
