// Every rule of `bbc lint`: those over graphs, which the compiler has, and those over sources.

import { rules as graphRules, type RuleFacts } from '../../compiler/index.ts';
import { sourceRules } from './source/rules.ts';

export const rules: readonly RuleFacts[] = [...sourceRules, ...graphRules];
