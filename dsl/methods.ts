// The one table of methods that every value has. It is not generic: each method is typed by its `this`.

import type { ShapeMethods } from './assume.ts';
import type { CrossingMethods } from './crossing.ts';
import type { ExchangeMethods } from './exchange.ts';
import type { MissingMethods } from './missing.ts';
import type { OperatorMethods } from './ops/generated/ops.ts';
import type { PlaceMethods } from './place.ts';
import type { PrivacyMethods } from './private.ts';
import type { SetMethods } from './sets.ts';

export interface Ops
  extends OperatorMethods,
    PlaceMethods,
    MissingMethods,
    CrossingMethods,
    ExchangeMethods,
    ShapeMethods,
    PrivacyMethods,
    SetMethods {}
