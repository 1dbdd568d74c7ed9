// The rules over suppression comments.

import type { RuleFacts } from '../../../compiler/index.ts';
import { suppressionWithoutReason } from './suppression-without-reason.ts';
import { unknownRule } from './unknown-rule.ts';
import { unusedSuppression } from './unused-suppression.ts';

export const suppressionRules: readonly RuleFacts[] = [
  suppressionWithoutReason,
  unknownRule,
  unusedSuppression,
];
