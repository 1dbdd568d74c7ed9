// The run-time side of a value: a handle on the recording. Its methods are installed by the operator table.

import { formatType, isOurDomain, NO_VALUE, type ValueId, type ValueType } from '../ir/index.ts';
import { type Fact, type Recorder, recorder } from './recorder.ts';
import type { Tensor } from './types.ts';

/** What every {@link Tensor} is when recording. */
export class Handle {
  readonly fact: Fact;
  readonly recorder: Recorder;
  constructor(fact: Fact, owner: Recorder) {
    this.fact = fact;
    this.recorder = owner;
  }
  /** What is known of the type while recording. */
  get type(): ValueType | undefined {
    return this.fact.type;
  }
  /** For debugging: name and type. */
  toString(): string {
    return `${this.recorder.editor.value(this.fact.id).name}: ${formatType(this.fact.type)}`;
  }
}

/** The author's view of a fact. The static types are the operator's promise, so the caller names them. */
export const toValue = <V extends Tensor>(fact: Fact, owner: Recorder): V =>
  new Handle(fact, owner) as unknown as V;

export const isValue = (thing: unknown): thing is Tensor => thing instanceof Handle;

/** The fact behind a value. Fails if the value belongs to another recording or is none. `what` says who asks. */
export function factOf(value: unknown, what: string): Fact {
  const owner: Recorder = recorder(what);
  if (!(value instanceof Handle)) owner.fail('BB303', { what, got: describe(value) });
  if (value.recorder !== owner) owner.fail('BB304', { what });
  if (!owner.sees(value.fact.id)) owner.fail('BB316', { what });
  checkEntry(owner, value.fact, what);
  return value.fact;
}

/** No flow is in two entries, so their values never meet; constants are everywhere. */
function checkEntry(owner: Recorder, { id, entry: made }: Fact, op: string): void {
  const used = owner.openEntry;
  if (made === undefined || used === undefined || made === used || isConstant(owner, id)) return;
  const { name, at } = owner.editor.value(id);
  const related = [{ message: `${name} is made here`, ...(at !== undefined && { at }) }];
  owner.fail('BB340', { op, made, used }, { related });
}

function isConstant(owner: Recorder, id: ValueId): boolean {
  const { def } = owner.editor.value(id);
  if (def.kind !== 'op') return def.kind === 'initializer';
  const { domain, inputs } = owner.editor.op(def.op);
  return !isOurDomain(domain) && inputs.every((input) => input === NO_VALUE || isConstant(owner, input));
}

function describe(thing: unknown): string {
  if (thing === undefined || thing === null) return String(thing);
  return Array.isArray(thing) ? 'a list' : `a ${typeof thing}`;
}

/** Adds methods to every value; the operator table and the hand-written ops call it once each. */
export function defineMethod(name: string, method: (this: Handle, ...args: never[]) => unknown): void {
  Object.defineProperty(Handle.prototype, name, { value: method, writable: true, configurable: true });
}
