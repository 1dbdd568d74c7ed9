// What a gradient rule is.

import type { Op, OpId, ValueId } from '../../ir/index.ts';
import type { Builder } from './builder.ts';

/** One op of the forward computation, and where its gradient is wanted. */
export interface Step {
  readonly op: Op;
  readonly b: Builder;
  /** Its inputs and outputs; NO_VALUE where one is left out. */
  readonly x: readonly ValueId[];
  readonly y: readonly ValueId[];
  /** The gradients of its outputs; undefined where there is none. */
  readonly dy: readonly (ValueId | undefined)[];
  /** Whether the gradient of an input is of use: it is there, has one, and something upstream wants it. */
  wants(input: number): boolean;
  /** One of its outputs, which it gets if it left it out: under the name of the first, and this. */
  output(index: number, name: string): ValueId;
  /** What its subgraphs read from outside, as far as gradients of that are of use. */
  readonly captured: readonly ValueId[];
  /** Adds to the gradient of a captured value. */
  give(value: ValueId, gradient: ValueId): void;
  /** Gradients through a list of ops in the graph of `inner`, where `sources` are wanted. */
  backward: Backward;
}

export type Backward = (
  inner: Builder,
  ops: readonly OpId[],
  outputs: readonly (readonly [value: ValueId, gradient: ValueId])[],
  sources: readonly ValueId[],
) => readonly (ValueId | undefined)[];

/**
 * The gradients of an op's inputs in order, as far as they are wanted; undefined where it is zero or not wanted.
 * At least one gradient of an output is there. Throws NoGradient.
 */
export type Rule = (step: Step) => readonly (ValueId | undefined)[];
/** By operator of the standard domain. */
export type Rules = Readonly<Record<string, Rule>>;
