// The lint engine: compiles once, as far as it goes, and hands every rule the view that it needs.

import type { Diagnostic, Model, Topology } from '../../ir/index.ts';
import { type Compilation, type Level, type Pass, pass } from '../pass.ts';
import { compile, passes } from '../pipeline.ts';
import { placedGraph } from '../split/places.ts';
import { chainTopology } from '../topology.ts';
import type { Example, Finding, Rule, RuleFacts, RuleLevel, Views } from './rule.ts';
import { rules as allRules } from './rules.ts';

/** Levels that differ from the rules' own, by rule id. */
export type RuleLevels = Readonly<Record<string, RuleLevel>>;

export interface LintOptions {
  /** Without it, only what the author recorded is looked at. */
  readonly topology?: Topology | undefined;
  readonly levels?: RuleLevels;
  readonly rules?: readonly Rule[];
  /** Changes the compiled programs before rules see them; see {@link Example}. */
  readonly tamper?: NonNullable<Example['tampered']>['change'] | undefined;
}

/**
 * Everything that rules find in a model, in file order. What the compiler itself refuses or warns of comes as a
 * finding too: under the rule that is about it, or under its own code.
 */
export function lint(model: Model, options: LintOptions = {}): readonly Finding[] {
  const { levels = {}, rules = allRules } = options;
  const { views, diagnostics } = lookAt(model, options);
  const findings = [
    ...diagnostics.map((one) => findingOf(one, rules, levels)),
    ...rules.flatMap((rule) => runRule(rule, views, levels)),
  ];
  return inFileOrder(withoutRepetition(findings));
}

/** Gives a rule's problems its name and level. */
function runRule(rule: Rule, views: Partial<Views>, levels: RuleLevels): Finding[] {
  const level = levelOf(rule, levels);
  if (level === 'off') return [];
  return Array.from(rule.check(views), (problem) => ({ ...problem, rule: rule.id, level }));
}

export const levelOf = (rule: RuleFacts, levels: RuleLevels): RuleLevel => levels[rule.id] ?? rule.level;

/** A diagnostic as a finding. A refusal of the compiler stays an error, whatever level its rule has. */
export function findingOf(
  one: Diagnostic,
  rules: readonly RuleFacts[] = allRules,
  levels: RuleLevels = {},
): Finding {
  const { code, severity, ...rest } = one;
  const rule = rules.find(({ refusals }) => refusals?.includes(code));
  const named = rule !== undefined && levelOf(rule, levels) !== 'off';
  return { ...rest, rule: named ? rule.id : code, level: severity, code };
}

/** Runs the passes up to the programs, or up to types without a topology, and keeps what rules look at. */
function lookAt(
  model: Model,
  { topology, tamper }: LintOptions,
): { views: Partial<Views>; diagnostics: readonly Diagnostic[] } {
  const reached = new Map<Level, Compilation>();
  const { diagnostics } = compile(model, {
    topology: topology ?? chainTopology(1),
    passes: topology === undefined ? passesTo('typed') : toPrograms(tamper),
    after: (_, compilation) => void reached.set(compilation.level, compilation),
  });
  return { views: viewsOf(reached, topology), diagnostics };
}

const passesTo = (level: Level): readonly Pass[] =>
  passes.slice(0, passes.findIndex(({ gives }) => gives === level) + 1);

function toPrograms(tamper: LintOptions['tamper']): readonly Pass[] {
  const bound = passesTo('bound');
  if (tamper === undefined) return bound;
  const run = (compilation: Compilation): Compilation => ({
    ...compilation,
    deployment: tamper(compilation.deployment!),
  });
  return [...bound, pass('tamper', { needs: 'bound', gives: 'bound', run })];
}

function viewsOf(reached: ReadonlyMap<Level, Compilation>, topology: Topology | undefined): Partial<Views> {
  const views: Partial<Views> = {};
  const [checked, typed, placed, bound] = (['checked', 'typed', 'placed', 'bound'] as const).map((level) =>
    reached.get(level),
  );
  if (checked !== undefined) views.recorded = { model: checked.model };
  if (typed !== undefined) views.typed = { model: typed.model };
  if (topology === undefined) return views;
  if (placed !== undefined) {
    const graph = placedGraph(placed.model, placed.placement!);
    views.placed = { model: placed.model, topology, graph };
  }
  if (bound !== undefined) {
    const graph = placedGraph(bound.model, bound.placement!);
    views.bound = { model: bound.model, topology, graph, ...bound.deployment! };
  }
  return views;
}

/** One problem seen by a rule on two ways is one finding. */
function withoutRepetition(findings: readonly Finding[]): readonly Finding[] {
  const seen = new Set<string>();
  return findings.filter(({ rule, message, at, op, value }) => {
    const key = JSON.stringify([rule, message, at, op, value]);
    return !seen.has(key) && seen.add(key);
  });
}

/** By file, line and column; what has no line comes last in its file. */
export function inFileOrder(findings: readonly Finding[]): readonly Finding[] {
  const file = (one: Finding): string => one.at?.file ?? '\uffff';
  const line = (one: Finding): number => one.at?.line ?? Number.MAX_SAFE_INTEGER;
  const column = (one: Finding): number => one.at?.column ?? 0;
  return findings.toSorted(
    (a, b) =>
      (file(a) < file(b) ? -1 : file(a) > file(b) ? 1 : 0) || line(a) - line(b) || column(a) - column(b),
  );
}

/** Whether linting ends well: no error, and no more warnings than allowed. Suppressed findings do not count. */
export function isClean(findings: readonly Finding[], maxWarnings = Number.POSITIVE_INFINITY): boolean {
  const count = (level: Finding['level']): number =>
    findings.filter((one) => one.suppressed === undefined && one.level === level).length;
  return count('error') === 0 && count('warning') <= maxWarnings;
}
