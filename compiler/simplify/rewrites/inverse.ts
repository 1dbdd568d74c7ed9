// An op that undoes the one before it.
//
//   b = Unsqueeze(a, {0})
//   c = Squeeze(b, {0})     →   a in place of c

import { attributeInts, NO_VALUE, type Op } from '../../../ir/index.ts';
import { rewrite } from '../rewrite.ts';
import type { Workbench } from '../workbench.ts';

const inverses: Readonly<Record<string, string>> = {
  Neg: 'Neg',
  Not: 'Not',
  BitwiseNot: 'BitwiseNot',
  Squeeze: 'Unsqueeze',
  Unsqueeze: 'Squeeze',
};

export const inverse = rewrite('inverse', {
  exact: true,
  ops: Object.keys(inverses),
  apply(op, bench) {
    const inner = bench.makerOf(op.inputs[0], inverses[op.type]!);
    if (inner === undefined || !sameAxes(op, inner, bench)) return false;
    return bench.forward(op, [inner.inputs[0]!]);
  },
});

/** Negative axes count from the end of different ranks, unless each counts from that of the longer shape. */
function sameAxes(op: Op, inner: Op, bench: Workbench): boolean {
  if (op.type !== 'Squeeze' && op.type !== 'Unsqueeze') return true;
  const [outer, within] = [axesOf(op, bench), axesOf(inner, bench)];
  if (outer === undefined || within === undefined || outer.length !== within.length) return false;
  const ordered = (axes: readonly number[]) => [...axes].sort((a, b) => a - b);
  const [a, b] = [ordered(outer), ordered(within)];
  return (
    a.every((axis, index) => axis === b[index]) &&
    (a.every((axis) => axis >= 0) || a.every((axis) => axis < 0))
  );
}

/** Without axes, every axis of size 1 goes: which ones depends on the run. */
function axesOf(op: Op, bench: Workbench): readonly number[] | undefined {
  const written = attributeInts(op, 'axes');
  return written ?? ((op.inputs[1] ?? NO_VALUE) === NO_VALUE ? undefined : bench.numbers(op.inputs[1]));
}
