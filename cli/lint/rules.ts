// Every rule of `bbc lint`: those over sources and their comments, and those over graphs, which the compiler has.

import { rules as graphRules, type RuleFacts } from '../../compiler/index.ts';
import { sourceRules } from './source/rules.ts';
import { suppressionRules } from './suppress/rules.ts';

export const rules: readonly RuleFacts[] = [...sourceRules, ...suppressionRules, ...graphRules];
