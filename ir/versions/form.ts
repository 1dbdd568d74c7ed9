// What conversion works on: an op in the form of one opset, and what takes it to the next.

import type { Attribute, Op, OpId, ValueId } from '../graph.ts';
import type { Workbench } from './workbench.ts';

/** An op on its way from one opset to another; one without `id` is new. */
export interface Form extends Pick<Op, 'type' | 'inputs' | 'outputs' | 'attributes'> {
  readonly id?: OpId;
  /** "" by default. */
  readonly domain?: string;
  /** The opset whose form this is, if it is not the one the step leads to. */
  readonly version?: number;
}

/** Gives the same computation in the form of the next, or the previous, version: one op, or several in order. */
export type Adapter = (op: Form, bench: Workbench) => Form | readonly Form[];

/** From one version of an operator to the next. Without `up` all ops stay as they are. */
export interface Step {
  readonly up?: Adapter;
  /** Before what is new in the younger version is refused: only what can be said in the older one in other words. */
  readonly down?: Adapter;
  /**
   * The younger version only repairs a corner of the older one. A module's op means what the module's opset says of it: it
   * is not refused for the corner.
   */
  readonly repairs?: true;
}

export const withAttributes = (op: Form, ...added: readonly Attribute[]): Form => {
  const names = new Set(added.map((one) => one.name));
  return { ...op, attributes: [...op.attributes.filter((one) => !names.has(one.name)), ...added] };
};
export const withoutAttributes = (op: Form, ...names: readonly string[]): Form => ({
  ...op,
  attributes: op.attributes.filter((one) => !names.includes(one.name)),
});

export const intAttribute = (name: string, value: number): Attribute => ({
  name,
  kind: 'int',
  value: BigInt(value),
});
export const intsAttribute = (name: string, value: readonly number[]): Attribute => ({
  name,
  kind: 'ints',
  value: value.map(BigInt),
});
export const floatAttribute = (name: string, value: number): Attribute => ({ name, kind: 'float', value });
export const stringAttribute = (name: string, value: string): Attribute => ({
  name,
  kind: 'string',
  value: new TextEncoder().encode(value),
});

export const newOp = (
  type: string,
  inputs: readonly ValueId[],
  outputs: readonly ValueId[],
  ...attributes: readonly Attribute[]
): Form => ({ type, inputs, outputs, attributes });
