// What inference knows of an operator, for the table in docs/operators.md.

import { CORE, DOMAIN } from '../../ir/names.ts';
import { controlRules } from './control.ts';
import { hasTypeRule } from './element-types.ts';
import { shapeRuleOf } from './shapes/index.ts';
import { propagatesElements } from './values.ts';

export interface Coverage {
  /**
   * What says more than the signature: a rule for the outputs' shapes; the graphs that the op holds; for sequences,
   * optionals and maps a rule for the whole type. undefined: nothing does.
   */
  readonly types: 'shapes' | 'graphs' | 'types' | undefined;
  /** Whether known elements are followed through it. */
  readonly elements: boolean;
}

export function coverageOf(domain: string, type: string): Coverage {
  if (domain === DOMAIN.core)
    return {
      types: (Object.values(CORE) as string[]).includes(type) ? 'types' : undefined,
      elements: false,
    };
  if (domain === DOMAIN.wire || domain === DOMAIN.segment) return { types: undefined, elements: false };
  const shapes = shapeRuleOf(type) !== undefined;
  return {
    types: shapes ? 'shapes' : controlRules.has(type) ? 'graphs' : hasTypeRule(type) ? 'types' : undefined,
    elements: propagatesElements(type),
  };
}
