// A shape rule: the shapes of an op's outputs, as far as they follow from its inputs and attributes.

import type { Shape } from '../../../ir/types.ts';
import type { OpView } from '../view.ts';

/**
 * Shapes of the outputs in order; shorter lists and undefined mean "not known". Throws Contradiction for an op
 * that cannot run. The op has at least the inputs that its schema requires.
 */
export type ShapeRule = (op: OpView) => readonly Shape[];

/** One rule for several operators. */
export const each = (types: string, rule: ShapeRule): Record<string, ShapeRule> =>
  Object.fromEntries(types.split(' ').map((type) => [type, rule]));
