// Whether rows of like ops are the same computation: how they are wired, what enters, what differs, what leaves.

import { NO_VALUE, type ValueId, type ValueType } from '../../ir/index.ts';
import type { AttributeAt } from './plan.ts';
import type { Node, Rows } from './rows.ts';
import type { Values } from './values.ts';

/** A row of ops as a function would see it. */
export interface Group {
  readonly start: number;
  readonly size: number;
  /** Equal for groups that are wired alike. */
  readonly key: string;
  readonly inputs: readonly ValueId[];
  readonly constants: readonly ValueId[];
  readonly attributes: readonly AttributeAt[];
  /** What is read outside, by where in the group it is made. */
  readonly outputs: ReadonlySet<number>;
}

/** Groups that are wired alike, and by which of their constants, attributes and results a function is called. */
export interface Kin {
  readonly groups: readonly Group[];
  readonly constants: readonly number[];
  readonly attributes: readonly number[];
  readonly outputs: readonly number[];
}

/** Results of one op, at most. */
const SLOTS = 1024;
const MOST_INPUTS = 4;
const MOST_OUTPUTS = 3;
const MOST_CONSTANTS = 24;
const MOST_ATTRIBUTES = 4;
/** Fewer lines are not worth a function. */
const LEAST_SAVED = 5;

/** undefined if something in it cannot enter or leave a function. */
export function groupOf(values: Values, rows: Rows, start: number, size: number): Group | undefined {
  const nodes = rows.nodes.slice(start, start + size) as readonly Node[];
  const inputs = new Map<ValueId, number>();
  const constants = new Map<ValueId, number>();
  const attributes: AttributeAt[] = [];
  const outputs = new Set<number>();
  const isInside = (body: number, op: Parameters<Rows['placeOf']>[1]): number | undefined => {
    const at = rows.placeOf(body, op);
    return at !== undefined && at >= start && at < start + size ? at - start : undefined;
  };
  const wires: string[] = [];
  for (const [offset, { body, reads, makes, attributes: own }] of nodes.entries()) {
    for (const id of reads) {
      if (id === NO_VALUE) continue;
      const constant = values.weightOf(id);
      const { def, type } = values.value(id);
      const maker = def.kind === 'op' ? isInside(body, def.op) : undefined;
      if (constant !== undefined) wires.push(`c${numbered(constants, id)} ${constant.dtype}`);
      else if (maker !== undefined) wires.push(`${maker}.${nodes[maker]!.makes.indexOf(id)}`);
      else {
        const element = elementText(type);
        if (element === undefined) return undefined;
        wires.push(`i${numbered(inputs, id)} ${element}`);
      }
    }
    wires.push(';');
    attributes.push(...own);
    for (const [index, id] of makes.entries()) {
      const isRead = (use: ReturnType<Values['model']['uses']>[number]): boolean =>
        use.kind === 'output' || isInside(body, use.op) === undefined;
      if (id === NO_VALUE) continue;
      if (rows.results.has(id) || values.model.uses(id).some(isRead)) outputs.add(offset * SLOTS + index);
    }
  }
  const key = wires.join(' ');
  return {
    start,
    size,
    key,
    inputs: [...inputs.keys()],
    constants: [...constants.keys()],
    attributes,
    outputs,
  };
}

function numbered(known: Map<ValueId, number>, id: ValueId): number {
  const number = known.get(id) ?? known.size;
  known.set(id, number);
  return number;
}

/** The element type as the DSL's types have it. */
export function elementText(type: ValueType | undefined): string | undefined {
  if (type?.kind === 'tensor') return type.dtype;
  if (type?.kind !== 'sequence' && type?.kind !== 'optional') return undefined;
  const inner = type.kind === 'sequence' && type.elem?.kind !== 'tensor' ? undefined : elementText(type.elem);
  return inner === undefined || inner.startsWith('optional')
    ? undefined
    : `${type.kind === 'sequence' ? 'seq' : 'optional'}(${inner})`;
}

/** The groups that are wired as most of them are, as one function. */
export function kinOf(values: Values, rows: Rows, groups: readonly Group[]): Kin | undefined {
  const byKey = new Map<string, Group[]>();
  for (const group of groups) byKey.set(group.key, [...(byKey.get(group.key) ?? []), group]);
  const [largest = []] = [...byKey.values()].sort((a, b) => b.length - a.length);
  const [first, ...others] = largest;
  if (first === undefined || others.length === 0) return undefined;
  const constants = first.constants.flatMap((id, at) => {
    const isSame = (other: ValueId): boolean =>
      other === id || (isAlike(values, id, other) && values.sameLiteral(id, other));
    const fixed = largest.every(
      (group) => !rows.varying.has(group.constants[at]!) && isSame(group.constants[at]!),
    );
    return fixed ? [] : [at];
  });
  const attributes = first.attributes.flatMap((one, at) => {
    const text = attributeText(one);
    const fixed = largest.every(
      ({ attributes: own }) => !rows.isVarying(own[at]!) && attributeText(own[at]!) === text,
    );
    return fixed ? [] : [at];
  });
  const outputs = [...new Set(largest.flatMap((group) => [...group.outputs]))].sort((a, b) => a - b);
  return { groups: largest, constants, attributes, outputs };
}

function isAlike(values: Values, a: ValueId, b: ValueId): boolean {
  const [one, other] = [values.weightOf(a), values.weightOf(b)];
  return one?.dtype === other?.dtype && one?.dims.join() === other?.dims.join();
}

const attributeText = ({ attribute }: AttributeAt): string =>
  JSON.stringify(attribute.value, (_, value: unknown) => (typeof value === 'bigint' ? `${value}n` : value)) ??
  '';

/** The lines that a function saves, about; 0 if it takes or gives too much. */
export function savedBy(rows: Rows, { groups, constants, attributes, outputs }: Kin): number {
  const { inputs } = groups[0]!;
  const isPlain =
    inputs.length > 0 &&
    inputs.length <= MOST_INPUTS &&
    outputs.length > 0 &&
    outputs.length <= MOST_OUTPUTS &&
    constants.length <= MOST_CONSTANTS &&
    attributes.length <= MOST_ATTRIBUTES;
  if (!isPlain) return 0;
  const call = 2 * (outputs.length - 1) + (inputs.length - 1) + (constants.length + attributes.length) / 4;
  const saved = (groups.length - 1) * linesOf(rows, groups[0]!) - groups.length * call;
  return saved < LEAST_SAVED ? 0 : saved;
}

/** One for an op; those with many attributes take several. */
function linesOf(rows: Rows, { start, size }: Group): number {
  const lines = rows.nodes.slice(start, start + size).map((node): number => {
    const item = node!.item;
    return item.kind === 'op' && item.op.attributes.length > 2 ? 3 : 1;
  });
  return lines.reduce((sum, one) => sum + one);
}

/** The value that a group makes at a place of {@link Group.outputs}. */
export const madeAt = (rows: Rows, group: Group, slot: number): ValueId =>
  rows.nodes[group.start + Math.floor(slot / SLOTS)]!.makes[slot % SLOTS]!;
