// Placement rules: which ops of the main graph a rule of the topology is about.

import { excerptAt, offsetAt, positionAt } from '../../ir/excerpt.ts';
import { type Diagnostic, diagnostic, type Model, type Op, type PlaceRule } from '../../ir/index.ts';
import { offsetInString } from '../json.ts';
import { matchesGlob } from './glob.ts';
import { type Condition, parseCondition } from './grammar.ts';

export interface CompiledRule {
  readonly rule: PlaceRule;
  matches(op: Op, model: Model): boolean;
}

/** What is wrong with a rule; `text` is the topology file, in which the caret stands. */
export function checkRule(rule: PlaceRule, text: string): readonly Diagnostic[] {
  const { error } = parseCondition(rule.where);
  if (error === undefined) return [];
  const quote = offsetAt(text, rule.at.line ?? 1, rule.at.column ?? 1);
  const start = offsetInString(text, quote, error.start);
  const end = offsetInString(text, quote, Math.max(error.end, error.start + 1));
  const context = {
    at: positionAt(rule.at.file, text, start),
    excerpt: excerptAt(text, start, Math.max(1, end - start)),
  };
  const { over, message } = error;
  return [over ? diagnostic('BB110', over, context) : diagnostic('BB408', { reason: message }, context)];
}

/** Ready to be asked about ops. A rule that `checkRule` refuses matches nothing. */
export function compileRule(rule: PlaceRule): CompiledRule {
  const { condition } = parseCondition(rule.where);
  return {
    rule,
    matches: (op, model) => condition !== undefined && holds(condition, op, model),
  };
}

function holds(condition: Condition, op: Op, model: Model): boolean {
  switch (condition.kind) {
    case 'and':
      return condition.terms.every((term) => holds(term, op, model));
    case 'or':
      return condition.terms.some((term) => holds(term, op, model));
    case 'not':
      return !holds(condition.term, op, model);
    case 'scope':
      return scopeMatches(op.scope ?? '', condition.glob);
    case 'op':
      return typeMatches(op, condition.glob);
    case 'name':
      return matchesGlob(condition.glob, op.name);
    case 'value':
      return op.outputs.some((id) => id !== 0 && matchesGlob(condition.glob, model.value(id).name));
  }
}

/** A scope holds the scopes inside it: `encoder` and `encoder.*` both match `encoder` and `encoder.layer1`. */
function scopeMatches(scope: string, glob: string): boolean {
  const outer = glob.endsWith('.*') ? glob.slice(0, -2) : glob;
  for (let end = scope.length; end >= 0; end = scope.lastIndexOf('.', end - 1)) {
    const path = scope.slice(0, end);
    if (matchesGlob(glob, path) || matchesGlob(outer, path)) return true;
    if (end === 0) break;
  }
  return false;
}

/** `Softmax` is of any domain, `ai.onnx.ml::Scaler` of one; `ai.onnx` is the standard domain. */
function typeMatches(op: Op, glob: string): boolean {
  const separator = glob.indexOf('::');
  if (separator < 0) return matchesGlob(glob, op.type);
  const domain = op.domain === '' ? 'ai.onnx' : op.domain;
  return matchesGlob(glob.slice(0, separator), domain) && matchesGlob(glob.slice(separator + 2), op.type);
}
