// Matches findings with the author's suppressions, and finds what is wrong with those.

import {
  type Finding,
  levelOf,
  nearestName,
  type Problem,
  type RuleFacts,
  type RuleLevels,
} from '../../../compiler/index.ts';
import type { Named, Suppression } from './comments.ts';
import { suppressionWithoutReason } from './suppression-without-reason.ts';
import { unknownRule } from './unknown-rule.ts';
import { unusedSuppression } from './unused-suppression.ts';

export interface Lint {
  readonly findings: readonly Finding[];
  readonly levels: RuleLevels;
  /** Ids that there are. */
  readonly known: readonly string[];
  /** Whether a rule has looked: one that has not, for want of a topology, may still find something. */
  readonly ran: (rule: string) => boolean;
}

/** The findings, those that the author accepts marked as such, and the problems of the suppressions themselves. */
export function applySuppressions(suppressions: readonly Suppression[], lint: Lint): readonly Finding[] {
  const used = new Set<Named>();
  const findings = lint.findings.map((one) => {
    const found = suppressionOf(one, suppressions);
    if (found === undefined) return one;
    used.add(found.named);
    const { reason, at } = found.suppression;
    return { ...one, suppressed: { reason, at } };
  });
  return [...findings, ...suppressions.flatMap((one) => problemsOf(one, used, lint))];
}

/** The first suppression of a finding. Nobody can suppress that the compiler refuses a program. */
function suppressionOf(
  { rule, at, level, code }: Finding,
  suppressions: readonly Suppression[],
): { suppression: Suppression; named: Named } | undefined {
  if (code !== undefined && level === 'error') return undefined;
  for (const suppression of suppressions) {
    if (suppression.reason === '' || suppression.line !== at?.line || suppression.at.file !== at.file)
      continue;
    const named = suppression.rules.find(({ id }) => id === rule);
    if (named !== undefined) return { suppression, named };
  }
  return undefined;
}

function problemsOf(one: Suppression, used: ReadonlySet<Named>, lint: Lint): readonly Finding[] {
  const { at, excerpt, reason, rules } = one;
  const found: Finding[] = [];
  const add = (rule: RuleFacts, problem: Omit<Problem, 'at' | 'excerpt'>): void => {
    const level = levelOf(rule, lint.levels);
    if (level !== 'off') found.push({ ...problem, at, excerpt, rule: rule.id, level });
  };
  if (reason === '') {
    add(suppressionWithoutReason, {
      message: 'this suppression gives no reason, so it has no effect',
      hint: `say why after a colon: ${rules.map(({ id }) => id).join(', ') || 'rule-id'}: the reason`,
    });
  }
  if (rules.length === 0) {
    add(unknownRule, {
      message: 'this suppression names no rule, so it has no effect',
      hint: 'name what it is about: a finding shows the id of its rule',
    });
  }
  for (const named of rules) {
    const { id } = named;
    if (!lint.known.includes(id)) {
      const nearest = nearestName(id, lint.known);
      add(unknownRule, {
        message: `there is no rule ${id}, so this suppression has no effect`,
        hint: nearest === undefined ? 'name the rule as its finding does' : `did you mean ${nearest}?`,
      });
    } else if (reason !== '' && !used.has(named) && lint.ran(id)) {
      add(unusedSuppression, {
        message: `${id} finds nothing on line ${one.line}, so this suppression is for nothing`,
        hint: 'take it out, or move it to the line that the finding points at',
        fix: [{ file: at.file, ...withoutRule(one, named), text: '' }],
      });
    }
  }
  return found;
}

/** What to take out so that a suppression no longer names a rule. */
function withoutRule({ rules, whole }: Suppression, named: Named): { start: number; end: number } {
  if (rules.length === 1) return whole;
  const index = rules.indexOf(named);
  const next = rules[index + 1];
  return next === undefined
    ? { start: rules[index - 1]!.end, end: named.end }
    : { start: named.start, end: next.start };
}
