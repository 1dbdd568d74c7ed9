// bytesandbrains.json: what a project says about linting, with every problem pointed at in the file.

import { type Diagnostic, hasErrors } from '../../ir/index.ts';
import { FieldReader } from '../fields.ts';
import type { JsonNode } from '../json.ts';
import type { RuleLevels } from './lint.ts';
import { type RuleLevel, ruleLevels } from './rule.ts';

export interface Config {
  readonly lint: { readonly rules: RuleLevels };
}

/** The configuration in `text`; undefined if a diagnostic is an error. `ids` are those of all rules. */
export function parseConfig(
  text: string,
  file: string,
  ids: readonly string[],
): { config?: Config; diagnostics: readonly Diagnostic[] } {
  const reader = new FieldReader(file, text);
  const root = reader.document();
  if (root === undefined) return { diagnostics: reader.diagnostics };
  const fields = reader.object(root, 'the configuration', { $schema: {}, lint: {} });
  const lint = fields.lint && reader.object(fields.lint.value, '"lint"', { rules: {} });
  const rules = lint?.rules === undefined ? {} : readRules(reader, lint.rules.value, ids);
  const diagnostics = reader.inFileOrder();
  return hasErrors(diagnostics) ? { diagnostics } : { config: { lint: { rules } }, diagnostics };
}

function readRules(reader: FieldReader, node: JsonNode, ids: readonly string[]): RuleLevels {
  const levels: Record<string, RuleLevel> = {};
  for (const { key, keySpan, value } of reader.members(node, '"rules"')?.members ?? []) {
    if (!ids.includes(key)) {
      reader.unknown({ kind: 'string', value: key, ...keySpan }, 'rule', key, ids);
      continue;
    }
    const expected = ruleLevels.map((level) => `"${level}"`).join(', ');
    const text = reader.string(value, `the level of ${key}`, `one of ${expected}`);
    const level = ruleLevels.find((one) => one === text);
    if (level !== undefined) levels[key] = level;
    else if (text !== undefined) reader.unexpected(value, `the level of ${key}`, `one of ${expected}`);
  }
  return levels;
}
