// The items of all bodies in one row, each with what two of them must have in common to be written by one line.

import type { Op, OpId, ValueId } from '../../ir/index.ts';
import { isControl } from './control.ts';
import type { AttributeAt, Body, Fn, Item } from './plan.ts';
import { Signatures } from './signature.ts';

/** Attributes that may differ between calls of a function: they decide sizes and speeds, not what is computed. */
const OPEN = new Set(
  'alpha beta dilations epsilon gamma group kernel_shape num_heads output_padding output_shape pads strides'.split(
    ' ',
  ),
);

export interface Node {
  readonly item: Item;
  /** Index of its body. */
  readonly body: number;
  readonly reads: readonly ValueId[];
  readonly makes: readonly ValueId[];
  readonly attributes: readonly AttributeAt[];
  /** The scopes around it, from the outermost. */
  readonly scope: readonly string[];
}

export class Rows {
  /** undefined: the end of a body. */
  readonly nodes: (Node | undefined)[] = [];
  /** What it is, as a number: equal for like nodes, and different for all that no function can hold. */
  readonly tokens: number[] = [];
  readonly bodies: readonly Body[];
  /** By body: where it begins. */
  readonly beginnings: number[] = [];
  /** Constants that are given from outside in their body, as loops and functions do. */
  readonly varying = new Set<ValueId>();
  /** What functions give: their template may not read it outside itself, other groups do. */
  readonly results = new Set<ValueId>();
  readonly #varyingAttributes = new Set<string>();
  /** By body: which node an op is part of. */
  readonly #places: ReadonlyMap<OpId, number>[] = [];

  constructor(bodies: readonly Body[], functions: readonly Fn[]) {
    this.bodies = bodies;
    for (const { items } of bodies) {
      for (const item of items) {
        if (item.kind === 'loop') for (const id of item.run.parameters.keys()) this.varying.add(id);
      }
    }
    for (const { constants, attributes, outputs } of functions) {
      for (const id of constants) this.varying.add(id);
      for (const one of attributes) this.#varyingAttributes.add(attributeKey(one));
      for (const id of outputs) this.results.add(id);
    }
    const signatures = new Signatures();
    for (const [index, body] of bodies.entries()) {
      const places = new Map<OpId, number>();
      this.beginnings.push(this.nodes.length);
      for (const item of body.items) {
        for (const op of item.kind === 'op' ? [item.op] : item.ops) places.set(op.id, this.nodes.length);
        this.nodes.push(nodeOf(item, index));
        this.tokens.push(tokenOf(item, signatures));
      }
      this.#places.push(places);
      this.nodes.push(undefined);
      this.tokens.push(signatures.unique());
    }
  }

  /** The node of a body that an op is, or is in. */
  placeOf(body: number, op: OpId): number | undefined {
    return this.#places[body]!.get(op);
  }
  isVarying(one: AttributeAt): boolean {
    return this.#varyingAttributes.has(attributeKey(one));
  }
}

export const attributeKey = ({ op, attribute }: AttributeAt): string => `${op.id} ${attribute.name}`;

function tokenOf(item: Item, signatures: Signatures): number {
  if (item.kind === 'op') return isControl(item.op) ? signatures.unique() : signatures.of(item.op, OPEN);
  return item.kind === 'call' ? signatures.number(`call ${item.fn.id}`) : signatures.unique();
}

function nodeOf(item: Item, body: number): Node {
  if (item.kind === 'op') {
    const { op } = item;
    const attributes = op.attributes.flatMap((one) => (OPEN.has(one.name) ? [{ op, attribute: one }] : []));
    return { item, body, reads: op.inputs, makes: op.outputs, attributes, scope: scopeOf(op) };
  }
  if (item.kind === 'loop') return { item, body, reads: [], makes: [], attributes: [], scope: [] };
  const { inputs, constants, outputs, attributes, ops } = item;
  const scope = commonScope(scopeOf(ops[0]!), scopeOf(ops.at(-1)!));
  return { item, body, reads: [...inputs, ...constants], makes: outputs, attributes, scope };
}

/** `/layer.0/attn/MatMul`: layer.0 and attn. */
function scopeOf(op: Op): readonly string[] {
  return op.name
    .split('/')
    .slice(0, -1)
    .filter((part) => part !== '');
}

export function commonScope(a: readonly string[], b: readonly string[]): readonly string[] {
  const end = a.findIndex((part, index) => part !== b[index]);
  return end < 0 ? a : a.slice(0, end);
}
