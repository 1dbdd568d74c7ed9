// What surely comes before what in one flow, over all of its programs, where every value is there that anything comes of.
//
// That a value can be missing makes an order unsure: what a deadline or a quorum lets through, `orElse`, `present`,
// `reason` and a collect that does not take all, waits for nobody in particular.

import {
  attributeInt,
  attributeInts,
  CORE,
  DOMAIN,
  type Edge,
  type Members,
  type Op,
  type OpId,
  type ValueId,
  WIRE,
} from '../../ir/index.ts';
import type { Deployment, Program } from '../pass.ts';

/** A number for what happens in a flow: an op has fired, a frame or an input has come. */
export type Happening = number;

/** Of what happens, by number. */
export type Happenings = Uint32Array;
export const has = (all: Happenings, one: Happening): boolean => ((all[one >>> 5]! >>> (one & 31)) & 1) === 1;
const add = (all: Happenings, one: Happening): void => {
  all[one >>> 5]! |= 1 << (one & 31);
};
const addAll = (all: Happenings, others: Happenings): void => {
  for (let word = 0; word < all.length; word++) all[word]! |= others[word]!;
};

/** Beyond so many, nothing is taken to be before anything: what this costs grows with their square. */
const MAX_ORDERED = 8192;

/** Touches what a member or a component keeps: its fragment begins when nobody else does. */
export const claims = (op: Op): boolean =>
  isRole(op) || (op.domain === DOMAIN.core && (op.type === CORE.stateRead || op.type === CORE.stateAssign));
/** Changes it, as far as the op itself says: its fragment shows nothing before its end. */
export const writes = (op: Op): boolean =>
  (isRole(op) && op.outputs.every((id) => id === 0)) ||
  (op.domain === DOMAIN.core && op.type === CORE.stateAssign);
const isRole = ({ domain }: Op): boolean => domain.startsWith('ai.bytesandbrains.role.');
const isWait = ({ domain, type }: Op): boolean => domain === DOMAIN.wire && type !== WIRE.send;

/** Waits are in none. */
export const fragmentOf = ({ fragments }: Program, op: Op): number | undefined =>
  isWait(op) ? undefined : fragments[op.id];

const OPEN: ReadonlySet<string> = new Set([CORE.orElse, CORE.present, CORE.reason]);

/** Whether a collect has no result unless all have answered. */
export function takesAll(op: Op, members: number): boolean {
  const enough = attributeInt(op, 'enough', members);
  return enough >= members && attributeInt(op, 'at_least', enough) >= members;
}

export const edgesTaken = (op: Op): readonly number[] =>
  op.domain !== DOMAIN.wire || op.type === WIRE.send
    ? []
    : op.type === WIRE.recv
      ? [attributeInt(op, 'edge', -1)]
      : (attributeInts(op, 'edges') ?? []);

export const edgeSent = ({ domain, type, attributes }: Op): number | undefined =>
  domain === DOMAIN.wire && type === WIRE.send ? attributeInt({ attributes }, 'edge', -1) : undefined;

const KIND = { op: 0, commit: 1, frame: 2, input: 3 } as const;
const KINDS = 4;
/** What waits is in none. */
const NO_FRAGMENT = -1;

export class Order {
  readonly #edges: readonly Edge[];
  /** By program: the numbers of what happens there, and its fragments that show nothing before their end. */
  readonly #of = new Map<string, { numbers: Map<number, Happening>; writing: Set<number | undefined> }>();
  /** Indexed by happening: what comes right before it. */
  readonly #after: Happening[][] = [];
  /** By happening: all that surely comes before it, and after it. */
  readonly #before: (Happenings | undefined)[] = [];
  readonly #behind: (Happenings | undefined)[] = [];

  constructor({ programs, edges }: Pick<Deployment, 'programs' | 'edges'>, members: Members) {
    this.#edges = edges;
    const senders = new Map<number, readonly Happening[]>();
    for (const program of programs) {
      const writing = new Set<number | undefined>();
      this.#of.set(program.name, { numbers: new Map(), writing });
      for (const op of program.model.opsOf()) if (writes(op)) writing.add(fragmentOf(program, op));
      for (const op of program.model.opsOf()) {
        const commit = this.commit(program, op);
        for (const one of commit) this.#after[one]!.push(this.op(program, op.id));
        const edge = edgeSent(op);
        if (edge !== undefined) senders.set(edge, [this.op(program, op.id), ...commit]);
      }
    }
    for (const program of programs)
      for (const op of program.model.opsOf()) this.#link(program, op, senders, members);
    this.#close();
  }

  op(program: Program, op: OpId): Happening {
    return this.#number(program, KIND.op, op);
  }

  /** The fragment of an op has committed, if it has anything to. */
  commit(program: Program, op: Op): readonly Happening[] {
    const fragment = fragmentOf(program, op);
    if (!this.#of.get(program.name)!.writing.has(fragment)) return [];
    return [this.#number(program, KIND.commit, fragment ?? NO_FRAGMENT)];
  }

  /** The first frame of an envelope has come. */
  frame(program: Program, { envelope }: Edge): Happening {
    return this.#number(program, KIND.frame, envelope);
  }

  /** Somebody has given an input of the graph. */
  input(program: Program, value: ValueId): Happening {
    return this.#number(program, KIND.input, value);
  }

  /** Whether it is known what comes before what. */
  get isKnown(): boolean {
    return this.#after.length <= MAX_ORDERED;
  }

  /** Whether one is surely over when the other happens. */
  before(a: Happening, b: Happening): boolean {
    const all = this.#before[b];
    return all !== undefined && has(all, a);
  }

  none(): Happenings {
    return new Uint32Array((this.#after.length + 31) >>> 5);
  }

  of(all: Iterable<Happening>): Happenings {
    const found = this.none();
    for (const one of all) add(found, one);
    return found;
  }

  /** What surely comes before one of them. */
  beforeAny(ones: Iterable<Happening>): Happenings {
    const found = this.none();
    for (const one of ones) addAll(found, this.#before[one] ?? this.none());
    return found;
  }

  /** What surely comes after one of them. */
  afterAny(ones: Iterable<Happening>): Happenings {
    const found = this.none();
    for (const one of ones) addAll(found, this.#behind[one] ?? this.none());
    return found;
  }

  /** What surely comes after each of them; of none of them all. */
  afterAll(ones: Iterable<Happening>): Happenings {
    const found = this.none().fill(-1);
    for (const one of ones) {
      const behind = this.#behind[one] ?? this.none();
      for (let word = 0; word < found.length; word++) found[word]! &= behind[word]!;
    }
    return found;
  }

  #number({ name }: Program, kind: number, id: number): Happening {
    const { numbers } = this.#of.get(name)!;
    const key = id * KINDS + kind;
    let number = numbers.get(key);
    if (number === undefined) {
      number = this.#after.push([]) - 1;
      numbers.set(key, number);
    }
    return number;
  }

  #link(
    program: Program,
    op: Op,
    senders: ReadonlyMap<number, readonly Happening[]>,
    members: Members,
  ): void {
    const own = this.#after[this.op(program, op.id)]!;
    for (const id of edgesTaken(op)) {
      const edge = this.#edges[id]!;
      const frame = this.frame(program, edge);
      const isCollect = op.type === WIRE.collect;
      // What a member hands itself, or one of many sends, says nothing of the others.
      if (edge.kind !== 'local') this.#after[frame]!.push(...(senders.get(id) ?? []));
      if (!isCollect || takesAll(op, members[edge.from.class]?.length ?? 0)) own.push(frame);
    }
    if (op.domain === DOMAIN.core && OPEN.has(op.type)) return;
    for (const id of op.inputs) {
      if (id === 0) continue;
      const { def, weight } = program.model.value(id);
      if (def.kind === 'op') {
        own.push(this.op(program, def.op));
        const maker = program.model.op(def.op);
        if (fragmentOf(program, maker) !== fragmentOf(program, op)) own.push(...this.commit(program, maker));
      }
      if (def.kind === 'input' && weight === undefined) own.push(this.input(program, id));
    }
  }

  /** Works out all that is before and behind each, in an order of execution. */
  #close(): void {
    if (!this.isKnown) return;
    const followers: Happening[][] = this.#after.map(() => []);
    const open = this.#after.map((list) => list.length);
    this.#after.forEach((list, index) => {
      for (const one of list) followers[one]!.push(index);
    });
    const ready = open.flatMap((left, index) => (left === 0 ? [index] : []));
    for (const one of ready) for (const next of followers[one]!) if (--open[next]! === 0) ready.push(next);
    for (const one of ready) this.#before[one] = this.#reached(this.#after[one]!, this.#before);
    for (const one of ready.reverse()) this.#behind[one] = this.#reached(followers[one]!, this.#behind);
  }

  /** These, and what is reached from them; what never happens is reached from nothing. */
  #reached(from: readonly Happening[], known: readonly (Happenings | undefined)[]): Happenings {
    const all = this.none();
    for (const one of from) {
      const beyond = known[one];
      if (beyond === undefined) continue;
      addAll(all, beyond);
      add(all, one);
    }
    return all;
  }
}
