// Why ops are where they are: noted by each step of the place pass as it decides, grouped for the plan.

import {
  describeOp,
  type Model,
  type OpId,
  type Place,
  type PlacedBecause,
  type PlacedGroup,
  type PlaceRule,
  type Position,
  type ValueId,
} from '../../ir/index.ts';

export type PlaceReason =
  | { readonly kind: 'rule'; readonly rule: PlaceRule }
  | { readonly kind: 'uncrossable'; readonly value: ValueId }
  | { readonly kind: 'state'; readonly key: string }
  /** `from`: what had its place before anything followed it. */
  | { readonly kind: 'sources' | 'readers' | 'forward'; readonly from: string }
  | { readonly kind: 'author' | 'enclosed' | 'cut' | 'rest' | 'constant' | 'copy' };

/** One group for each class and reason, in the order in which they first appear. */
export function groupReasons(
  model: Model,
  places: readonly (Place | undefined)[],
  reasons: readonly (PlaceReason | undefined)[],
): readonly PlacedGroup[] {
  const groups = new Map<string, Omit<PlacedGroup, 'ops'> & { ops: string[] }>();
  for (const op of model.opsOf()) {
    const reason = reasons[op.id];
    // A plain Constant is a weight in another form.
    if (reason === undefined || (op.type === 'Constant' && op.domain === '')) continue;
    const at = reason.kind === 'rule' ? reason.rule.at : reason.kind === 'author' ? op.at : undefined;
    const about = aboutOf(model, reason);
    const className = places[op.id]!.class;
    const key = JSON.stringify([className, reason.kind, about, reason.kind === 'rule' ? at : null]);
    const group = groups.get(key);
    const because: PlacedBecause = reason.kind;
    const name = describeOp(model, op);
    if (group === undefined)
      groups.set(key, { class: className, because, about, at: position(at), ops: [name] });
    else group.ops.push(name);
  }
  return [...groups.values()];
}

function aboutOf(model: Model, reason: PlaceReason): string | null {
  switch (reason.kind) {
    case 'rule':
      return reason.rule.where;
    case 'uncrossable':
      return model.value(reason.value).name;
    case 'state':
      return reason.key;
    case 'sources':
    case 'readers':
    case 'forward':
      return reason.from;
    default:
      return null;
  }
}

const position = (at: Position | undefined): PlacedGroup['at'] =>
  at === undefined ? null : { file: at.file, line: at.line ?? null, column: at.column ?? null };

/** What an op that follows another ought to name: whom that one follows in its turn, or it itself. */
export function rootOf(model: Model, op: OpId, reason: PlaceReason | undefined): string {
  return reason?.kind === 'sources' || reason?.kind === 'readers'
    ? reason.from
    : describeOp(model, model.op(op));
}
