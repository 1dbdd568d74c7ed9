// Gradients over crossings. A value of one member that the members of a cohort use was broadcast, whether its author wrote
// that or not: what their uses give to its gradient is collected and summed, in member order. What collect stacked goes
// back row by row.
//
//   y = Mul(x, w)  @phone.each        dw@phone = Mul(x, dy)  @phone.each
//                                →    rows = Collect(dw@phone)  @server;  dw = ReduceSum(rows)

import {
  type Attribute,
  attributeInt,
  attributeString,
  CORE,
  DOMAIN,
  findAttribute,
  isCohort,
  isInside,
  isMany,
  isSubset,
  type ModelEditor,
  NO_VALUE,
  type Op,
  type OpId,
  outerOf,
  type Place,
  samePlace,
  type ValueId,
} from '../../ir/index.ts';
import { crossedBy, neighboursOf } from '../crossed.ts';
import type { Builder } from './builder.ts';
import type { Rules } from './rule.ts';

const isCore = (op: Op, type: string): boolean => op.domain === DOMAIN.core && op.type === type;

/** Where values and ops are that exist once for each member of a cohort, as far as the author has said. */
export class Cohorts {
  readonly #ofValue = new Map<ValueId, Place>();
  readonly #ofOp = new Map<OpId, Place>();

  constructor(editor: ModelEditor, ops: readonly OpId[], inputs: readonly ValueId[]) {
    for (const id of inputs) {
      const { place } = editor.value(id);
      if (place !== undefined && isMany(place)) this.#ofValue.set(id, place);
    }
    for (const id of ops) {
      const op = editor.op(id);
      const place = this.#placeOf(op);
      if (place === undefined) continue;
      this.#ofOp.set(id, place);
      for (const output of op.outputs) if (output !== NO_VALUE) this.#ofValue.set(output, place);
    }
  }

  #placeOf(op: Op): Place | undefined {
    if (op.place !== undefined) return isMany(op.place) ? op.place : undefined;
    if (isCore(op, CORE.collect)) return undefined;
    return op.inputs.map((id) => this.#ofValue.get(id)).find((place) => place !== undefined);
  }

  /** Where what an op gives to the gradient of a value has to be collected from: many members' parts, for one value. */
  fromMany(op: Op, value: ValueId): Place | undefined {
    if ([CORE.collect, CORE.scatter, CORE.exchange].some((type) => isCore(op, type))) return undefined;
    const [here, home] = [this.#ofOp.get(op.id), this.#ofValue.get(value)];
    return here !== undefined && (home === undefined || isInside(here, home)) ? here : undefined;
  }

  of(value: ValueId): Place | undefined {
    return this.#ofValue.get(value);
  }
}

const POLICY = 'gradient_';

/** How the author of a broadcast wants its gradient collected. */
export const policyOf = (op: Op): readonly Attribute[] =>
  isCore(op, CORE.broadcast)
    ? op.attributes.flatMap((one) =>
        one.name.startsWith(POLICY) ? [{ ...one, name: one.name.slice(POLICY.length) }] : [],
      )
    : [];

/** What the author said of a crossing that holds for its derivative too. */
const kindOf = (op: Op, names: readonly string[]): readonly Attribute[] =>
  op.attributes.filter(({ name }) => names.includes(name));

/**
 * What the members at `from` have, collected where the value is, and summed in their order; on its way back first by those who
 * bound them. `to`: where the value is, if it is of many.
 */
export function collectSum(
  b: Builder,
  gradient: ValueId,
  policy: readonly Attribute[],
  from: Place,
  to: Place | undefined,
): ValueId {
  const around = outerOf(from);
  const isNext = around === undefined || (to !== undefined && samePlace(around, to));
  let sum = gradient;
  if (isCohort(from)) sum = b.sum(b.core(CORE.collect, [sum], 3, policy, around)[0]!, [0]);
  else if (!isNext) sum = b.op('Identity', [sum]);
  if (isNext) return sum;
  b.editor.setOp(b.made.at(-1)!, { place: around });
  // Each member of a part has its own of what all have.
  return to !== undefined && isSubset(around, to) ? sum : collectSum(b, sum, [], around, to);
}

/** Rules of our core domain, where each member's part of a gradient is its own. */
export const crossingRules = (cohorts: Cohorts): Rules => ({
  [CORE.broadcast]: ({ dy }) => [dy[0]],
  // A declined value's gradient is declined with what was computed from it.
  [CORE.when]: ({ dy }) => [dy[0]],
  [CORE.collect]: ({ op, b, x, y, dy, wants }) => {
    // Answers to earlier flows are constants here: only rows of this flow have somewhere to go back to.
    const own =
      attributeString(op, 'late') === 'next'
        ? b.op('Equal', [y[x.length + 2]!, b.scalarOf(0, 'int64')])
        : undefined;
    const axis: Attribute = { name: 'axis', kind: 'int', value: 0n };
    const kept = (rows: ValueId): ValueId => (own === undefined ? rows : b.op('Compress', [rows, own], axis));
    const members = kept(y[x.length]!);
    return x.map((value, field) => {
      const rows = dy[field];
      if (rows === undefined || !wants(field)) return undefined;
      return b.core(CORE.scatter, [kept(rows), members], 1, kindOf(op, ['codec']), cohorts.of(value))[0];
    });
  },
  [CORE.exchange]: ({ op, b, dy, wants }) => {
    const x = crossedBy(op);
    const among = neighboursOf(op);
    // What was asked of fewer went to some receivers only, each with rows of others: nobody could put them back.
    const partial = ['at_least', 'enough'].find((name) => findAttribute(op, name) !== undefined);
    if (partial !== undefined) return b.refuse('it does not wait for every member');
    const within = kindOf(op, ['within_ns', 'codec']);
    const rows: Attribute[] = [{ name: 'rows', kind: 'int', value: 1n }];
    if (among !== undefined) rows.push({ name: 'sets', kind: 'int', value: 2n });
    return x.map((value, field) => {
      const gradient = dy[field];
      if (gradient === undefined || !wants(field)) return undefined;
      // Row i of every receiver's is of what member i sent; a row that went to one receiver comes back from it alone.
      const sent = among === undefined ? [gradient] : [gradient, among.from, among.to];
      const [back] = b.core(CORE.exchange, sent, 3, [...rows, ...within], cohorts.of(value));
      return attributeInt(op, 'rows', 0) === 1 ? back : b.sum(back!, [0]);
    });
  },
  [CORE.scatter]: ({ op, b, x, dy }) => {
    makeAt(b, x[0]!);
    const policy = kindOf(op, ['within_ns', 'codec']);
    if (x.length === 1) return [b.core(CORE.collect, [dy[0]!], 3, policy)[0]];
    const some: Attribute = { name: 'at_least', kind: 'int', value: 1n };
    const [rows, senders] = b.core(CORE.collect, [dy[0]!], 3, [...policy, some]);
    return [rowsOf(b, x as readonly [ValueId, ValueId], rows!, senders!)];
  },
});

/** The rows of members, out of those of who has answered: of who has not, zeros. */
function rowsOf(
  b: Builder,
  [value, members]: readonly [value: ValueId, members: ValueId],
  rows: ValueId,
  senders: ValueId,
): ValueId {
  const axis: Attribute = { name: 'axis', kind: 'int', value: 0n };
  const one = b.op(
    'Concat',
    [b.list([1]), b.op('Shape', [value], { ...axis, name: 'start', value: 1n })],
    axis,
  );
  const padded = b.op('Concat', [rows, b.op('Expand', [b.scalar(0, value), one])], axis);
  // Where a member is not among the senders, at -1, is the last row.
  const [at] = b.core(CORE.positions, [members, senders], 1, []);
  return b.op('Gather', [padded, at!], axis);
}

/** Ops are made where a value is made. */
export function makeAt(b: Builder, value: ValueId): void {
  const { def, place } = b.editor.value(value);
  if (def.kind === 'op') b.for(b.editor.op(def.op));
  else b.forInput(place);
}
