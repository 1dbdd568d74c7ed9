// What lint says about a module's sources: findings in them, and which findings their author accepts. Loads the
// TypeScript compiler, so it is imported only where there are sources.

import { type Finding, levelOf, type RuleLevels } from '../../compiler/index.ts';
import { withFixes } from './fix/options.ts';
import { rules } from './rules.ts';
import { checkSources } from './source/outside.ts';
import { sourceRules } from './source/rules.ts';
import type { Sources } from './source/sources.ts';
import { applySuppressions } from './suppress/apply.ts';
import { suppressionsIn } from './suppress/comments.ts';

export interface OverGraph {
  readonly findings: readonly Finding[];
  /** Whether a rule over graphs has looked. */
  readonly ran: (rule: string) => boolean;
}

/** Findings over the graph together with those over its sources, and what the author suppresses of both. */
export function lintAuthored(sources: Sources, overGraph: OverGraph, levels: RuleLevels): readonly Finding[] {
  const wanted = sourceRules.filter((rule) => levelOf(rule, levels) !== 'off');
  const overSource = checkSources(sources, wanted).flatMap(({ rule, problems }) => {
    const level = levelOf(rule, levels) as Finding['level'];
    return problems.map((problem): Finding => ({ ...problem, rule: rule.id, level }));
  });
  return applySuppressions(suppressionsIn(sources), {
    findings: [...withFixes(sources, overGraph.findings), ...overSource],
    levels,
    known: rules.map((rule) => rule.id),
    ran: (id) => wanted.some((rule) => rule.id === id) || (levels[id] !== 'off' && overGraph.ran(id)),
  });
}
