// The table of shape rules. Operators without a rule get their rank and shape at run time.

import type { Shape } from '../../../ir/types.ts';
import type { OpView } from '../view.ts';
import { convShapes } from './conv.ts';
import { createShapes } from './create.ts';
import { checkDemands } from './demands.ts';
import { elementwiseShapes } from './elementwise.ts';
import { linearShapes } from './linear.ts';
import { mlShapes } from './ml.ts';
import { movementShapes } from './movement.ts';
import { reduceShapes } from './reduce.ts';
import type { ShapeRule } from './rule.ts';
import { selectShapes } from './select.ts';
import { sequenceModelShapes } from './sequence-models.ts';
import { visionShapes } from './vision.ts';

const rules = new Map<string, ShapeRule>(
  Object.entries({
    ...elementwiseShapes,
    ...reduceShapes,
    ...linearShapes,
    ...convShapes,
    ...movementShapes,
    ...selectShapes,
    ...createShapes,
    ...mlShapes,
    ...visionShapes,
    ...sequenceModelShapes,
  }),
);

/** The shapes of an op's outputs. Throws Contradiction for one that cannot run. */
export function shapesOf(op: OpView): readonly Shape[] {
  checkDemands(op);
  return rules.get(op.op.type)?.(op) ?? [];
}

/** The shape rule of an operator of an ONNX domain (names are unique over them); undefined if there is none. */
export const shapeRuleOf = (type: string): ShapeRule | undefined => rules.get(type);
