// The only list of rewrites. The first that applies to an op wins; it is then looked at again.

import type { Rewrite } from './rewrite.ts';
import { commonSubexpression } from './rewrites/common-subexpression.ts';
import { constantIf } from './rewrites/constant-if.ts';
import { constantInitializer } from './rewrites/constant-initializer.ts';
import { deadOp } from './rewrites/dead-op.ts';
import { doubleCast } from './rewrites/double-cast.ts';
import { doubleReshape } from './rewrites/double-reshape.ts';
import { doubleTranspose } from './rewrites/double-transpose.ts';
import { emptyConcat } from './rewrites/empty-concat.ts';
import { equalConstants } from './rewrites/equal-constants.ts';
import { expandTarget } from './rewrites/expand-target.ts';
import { foldConstant } from './rewrites/fold-constant.ts';
import { foldRounded } from './rewrites/fold-rounded.ts';
import { idempotent } from './rewrites/idempotent.ts';
import { identity } from './rewrites/identity.ts';
import { inverse } from './rewrites/inverse.ts';
import { loneOperand } from './rewrites/lone-operand.ts';
import { neutralElement } from './rewrites/neutral-element.ts';
import { noopCast } from './rewrites/noop-cast.ts';
import { noopDropout } from './rewrites/noop-dropout.ts';
import { noopPad } from './rewrites/noop-pad.ts';
import { noopReshape } from './rewrites/noop-reshape.ts';
import { noopSlice } from './rewrites/noop-slice.ts';
import { noopTranspose } from './rewrites/noop-transpose.ts';
import { reshapeTarget } from './rewrites/reshape-target.ts';
import { selectedWhere } from './rewrites/selected-where.ts';
import { shapeArithmetic } from './rewrites/shape-arithmetic.ts';
import { sharedShape } from './rewrites/shared-shape.ts';
import { unusedFunctions } from './rewrites/unused-functions.ts';
import { unusedInitializers } from './rewrites/unused-initializers.ts';

export const rewrites: readonly Rewrite[] = [
  // What is not needed is not worth a look at anything else.
  deadOp,
  // One form for constants, so that all others need to know only that one.
  constantInitializer,
  identity,
  // What inference knows costs nothing to compute; folding comes after it.
  shapeArithmetic,
  foldConstant,
  foldRounded,
  // Branches before what is in them: the one not taken is never looked at again.
  constantIf,
  // Ops that give what they take.
  noopCast,
  noopReshape,
  noopSlice,
  noopTranspose,
  noopPad,
  noopDropout,
  loneOperand,
  emptyConcat,
  neutralElement,
  selectedWhere,
  // Pairs of ops, once neither is for nothing by itself.
  doubleCast,
  doubleTranspose,
  doubleReshape,
  inverse,
  idempotent,
  // Targets become constants only where the op stays.
  reshapeTarget,
  expandTarget,
  // Last, over ops in their simplest form: equal ones look alike by now.
  sharedShape,
  commonSubexpression,
  // Once the ops are done: constants that became equal, and what nothing refers to any more.
  equalConstants,
  unusedInitializers,
  unusedFunctions,
];
