// A collect while it is open, and what comes of it: order is the set's, never that of arrival.

import { type DataValue, isTensor, typeOfData } from '../ir/data.ts';
import { formatType, packStrings, type Tensor } from '../ir/types.ts';
import type { Answers, Flow } from './flow.ts';
import type { Collect } from './instruction.ts';
import type { LateAnswer } from './late.ts';
import { type Held, isHeld, type Leases, type Slot } from './lease.ts';
import { sameType, stack } from './stack.ts';
import { failed, type Missing } from './value.ts';

export interface Collected {
  /** The fields, then senders and missing, then ages where late answers are kept. */
  readonly values: readonly Slot[];
  /** Members with a row. */
  readonly arrived: number;
  /** Why the others have none, in set order. */
  readonly causes: readonly Missing[];
  /** Whose answers to this flow may still come. */
  readonly absent: readonly Absent[];
  /** How many were asked, and how many of them it takes. */
  readonly known: number;
  readonly needed: number;
}

export interface Absent {
  readonly from: string;
  /** What has come of its answer; held. */
  readonly fields: readonly (Slot | undefined)[];
}

interface Row {
  readonly from: string;
  /** Steps since the flow that it was for. */
  readonly age: number;
  readonly fields: readonly Held[];
}

const own = (data: Tensor, leases: Leases): Held => ({
  data,
  lease: leases.take(data.bytes.buffer as ArrayBuffer),
});

/** A tensor's type, and none of its memory. */
const typeOnly = ({ data }: Held): Held => ({
  data: { ...(data as Tensor), bytes: new Uint8Array(0) },
  lease: undefined,
});

/** Only tensors stack. */
const stackable = (a: DataValue, b: DataValue): boolean => isTensor(a) && isTensor(b) && sameType(a, b);

export class Gathering {
  readonly #leases: Leases;

  constructor(leases: Leases) {
    this.#leases = leases;
  }

  answersOf(flow: Flow, index: number, one: Collect): Answers {
    const known = flow.answers.get(index);
    if (known !== undefined) return known;
    const { edges } = one;
    const members = flow.sourcesOf(index, one) ?? [];
    const answers = {
      members,
      fields: edges.map(() => members.map(() => undefined)),
      open: members.map(() => edges.length),
      waiting: members.length,
      answered: members.map(() => false),
      present: 0,
      came: [],
      late: [],
      turn: 0,
      ready: [],
      model: undefined,
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
    answers.came.push(member);
    if (answers.fields.every((one) => isHeld(one[member]!))) this.#answered(answers, member);
    return true;
  }

  /** Of a fold: an answer's turn has come when all members before its own in set order have answered, or will not. */
  advance(answers: Answers, closed = false): void {
    const { fields, open, members } = answers;
    for (; answers.turn < members.length && (closed || open[answers.turn] === 0); answers.turn++) {
      const row = fields.map((field) => field[answers.turn]);
      const isNext = (one: Slot | undefined, field: number): one is Held =>
        one !== undefined && isHeld(one) && stackable(one.data, (answers.model?.[field] ?? one).data);
      if (!row.every(isNext)) continue;
      answers.ready.push(row);
      answers.model ??= row.map(typeOnly);
      for (const [field, one] of row.entries()) fields[field]![answers.turn] = typeOnly(one);
    }
  }

  /** Takes over an answer to an earlier flow. Its sender counts as one that answered; it is still waited for. */
  join(answers: Answers, late: LateAnswer): void {
    answers.late.push(late);
    const member = answers.members.indexOf(late.from);
    if (member >= 0) this.#answered(answers, member);
  }

  #answered(answers: Answers, member: number): void {
    if (answers.answered[member] === true) return;
    answers.answered[member] = true;
    answers.present++;
  }

  /** Whether nothing more is waited for. All answers are all of this flow; only fewer may be late ones. */
  isFull({ waiting, present, members }: Answers, { enough = members.length }: Collect): boolean {
    return waiting === 0 || (enough < members.length && present >= enough);
  }

  close(answers: Answers, one: Collect, peer: string, why: (peer: string) => Missing): Collected {
    const { edges } = one;
    const { members } = answers;
    const causes: Missing[] = [];
    const rows: Row[] = [];
    const absent: Absent[] = [];
    // The type that all others must have: the first one's in set order, which does not depend on arrival.
    let model: readonly Held[] | undefined;
    const add = (row: Row): Missing | undefined => {
      model ??= row.fields;
      const odd = row.fields.findIndex((value, field) => !stackable(value.data, model![field]!.data));
      if (odd < 0) rows.push(row);
      if (odd < 0) return undefined;
      const detail = `${formatType(typeOfData(row.fields[odd]!.data))} does not stack with the others' values`;
      return { reason: 'failed', peer: row.from, edge: edges[odd]!.id, detail };
    };
    const lateOf = (from: string): readonly Row[] =>
      answers.late.filter((one) => one.from === from).sort((a, b) => b.age - a.age) as readonly Row[];
    const inSetOrder = members.map((_, member) => member);
    for (const member of one.asCome ? new Set([...answers.came, ...inSetOrder]) : inSetOrder) {
      const from = members[member]!;
      const own = answers.fields.map((field) => field[member] ?? why(from));
      const hole = own.find((value) => !isHeld(value)) as Missing | undefined;
      if (answers.open[member]! > 0) absent.push({ from, fields: answers.fields.map((row) => row[member]) });
      else if (hole?.reason === 'lost' && hole.peer === from)
        absent.push({ from, fields: edges.map(() => undefined) });
      let problem = hole;
      for (const row of lateOf(from)) problem = add(row) ?? problem;
      if (hole === undefined) problem = add({ from, age: 0, fields: own as Held[] }) ?? problem;
      if (problem !== undefined && rows.at(-1)?.from !== from) causes.push(problem);
    }
    // Those who were asked before and are not in this flow's set.
    const others = new Set(answers.late.map(({ from }) => from).filter((from) => !members.includes(from)));
    for (const from of [...others].sort()) for (const row of lateOf(from)) add(row);
    const arrived = members.length - causes.length;
    const enough = one.atLeast ?? one.enough ?? members.length;
    const values = arrived < enough ? undefined : this.#result(rows, causes, members, one, peer);
    for (const { fields } of absent) this.#leases.holdAll(fields);
    if (one.fold !== undefined) this.advance(answers, true);
    for (const slots of [...answers.fields.splice(0), ...answers.late.map(({ fields }) => fields)])
      this.#leases.dropAll(slots);
    const nobody = failed(peer, 'too few are asked');
    const nothing = [...edges, 0, 0, 0].map(() => causes[0] ?? nobody);
    return { values: values ?? nothing, arrived, causes, absent, known: members.length, needed: enough };
  }

  #result(
    rows: readonly Row[],
    causes: readonly Missing[],
    members: readonly string[],
    { edges, keepsLate, fold }: Collect,
    peer: string,
  ): readonly Slot[] {
    const fields = edges.map(({ dtype, shape }, field): Slot => {
      if (rows.length > 0) {
        if (fold !== undefined) return typeOnly(rows[0]!.fields[field]!);
        return own(stack(rows.map((row) => row.fields[field]!.data as Tensor)), this.#leases);
      }
      if (dtype === null || shape === null || !shape.every((dim) => typeof dim === 'number'))
        return causes[0] ?? failed(peer, 'nobody answered and the shape is not known');
      return own({ dtype, dims: [0, ...(shape as number[])], bytes: new Uint8Array(0) }, this.#leases);
    });
    const names = (list: readonly string[]): Held =>
      own({ dtype: 'string', dims: [list.length], bytes: packStrings(list) }, this.#leases);
    const senders = new Set(rows.map(({ from }) => from));
    const lost = members.filter((one) => !senders.has(one));
    const found = [...fields, names(rows.map(({ from }) => from)), names(lost)];
    if (!keepsLate) return found;
    const ages = new Uint8Array(BigInt64Array.from(rows, ({ age }) => BigInt(age)).buffer);
    return [...found, own({ dtype: 'int64', dims: [rows.length], bytes: ages }, this.#leases)];
  }
}
