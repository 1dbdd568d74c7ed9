// Findings as a SARIF 2.1.0 log (OASIS standard), which code-scanning services read.

import { createHash } from 'node:crypto';
import type { Finding, RuleFacts } from '../../compiler/index.ts';
import type { Position } from '../../ir/index.ts';

const SCHEMA = 'https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/os/schemas/sarif-schema-2.1.0.json';

const levels = { error: 'error', warning: 'warning', info: 'note', off: 'none' } as const;

/** One run; `rules` are all that there are, `version` that of bbc. Positions are relative to the working folder. */
export function sarifLog(findings: readonly Finding[], rules: readonly RuleFacts[], version: string): object {
  // What the compiler refuses under a code of its own is a rule too, as far as this format is concerned.
  const codes = [...new Set(findings.map(({ rule }) => rule))].filter(
    (id) => !rules.some((rule) => rule.id === id),
  );
  const ids = [...rules.map(({ id }) => id), ...codes];
  return {
    $schema: SCHEMA,
    version: '2.1.0',
    runs: [
      {
        tool: {
          driver: {
            name: 'bbc lint',
            semanticVersion: version,
            rules: [...rules.map(descriptor), ...codes.map((id) => ({ id }))],
          },
        },
        columnKind: 'utf16CodeUnits',
        results: findings.map((finding) => resultOf(finding, ids.indexOf(finding.rule))),
      },
    ],
  };
}

const sentence = (text: string): string => `${text[0]!.toUpperCase()}${text.slice(1)}.`;

function descriptor({ id, summary, rationale, level, examples }: RuleFacts) {
  const bad = examples.bad.model.trim();
  return {
    id,
    shortDescription: { text: sentence(summary) },
    fullDescription: { text: rationale },
    help: {
      text: `${rationale}\n\nExample:\n\n${bad}`,
      markdown: `${rationale}\n\n\`\`\`ts\n${bad}\n\`\`\``,
    },
    defaultConfiguration: { enabled: level !== 'off', level: levels[level] },
  };
}

function resultOf(finding: Finding, ruleIndex: number) {
  const { rule, level, message, hint, at, op, value, related = [], suppressed } = finding;
  const logical = [
    ...(op === undefined ? [] : [{ name: op, kind: 'function' }]),
    ...(value === undefined ? [] : [{ name: value, kind: 'variable' }]),
  ];
  const place = physical(at);
  return {
    ruleId: rule,
    ruleIndex,
    level: levels[level],
    message: { text: `${message}; try: ${hint}` },
    locations:
      place === undefined ? [] : [{ ...place, ...(logical.length > 0 && { logicalLocations: logical }) }],
    ...(related.length > 0 && {
      relatedLocations: related.map((step, id) => ({ id, ...located(step) })),
      codeFlows: [{ threadFlows: [{ locations: related.map((step) => ({ location: located(step) })) }] }],
    }),
    partialFingerprints: { 'finding/v1': fingerprint(finding) },
    ...(suppressed !== undefined && {
      suppressions: [{ kind: 'inSource', status: 'accepted', justification: suppressed.reason }],
    }),
  };
}

const located = ({ message, at }: { readonly message: string; readonly at?: Position | undefined }) => ({
  message: { text: message },
  ...physical(at),
});

function physical(at: Position | undefined) {
  if (at === undefined) return undefined;
  const region =
    at.line !== undefined
      ? { startLine: at.line, ...(at.column !== undefined && { startColumn: at.column }) }
      : at.offset !== undefined
        ? { byteOffset: at.offset }
        : undefined;
  const uri = at.file.split('/').map(encodeURIComponent).join('/');
  return { physicalLocation: { artifactLocation: { uri }, ...(region !== undefined && { region }) } };
}

/** The same finding after lines above it moved: what it says and about what, not where. */
const fingerprint = ({ rule, at, op, value, message }: Finding): string =>
  createHash('sha256')
    .update(JSON.stringify([rule, at?.file, op, value, message]))
    .digest('hex')
    .slice(0, 32);
