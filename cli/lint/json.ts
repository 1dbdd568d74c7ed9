// Findings as one JSON document.

import { type Finding, isClean } from '../../compiler/index.ts';
import type { Position } from '../../ir/index.ts';

const place = (at: Position | undefined) => ({
  file: at?.file ?? null,
  line: at?.line ?? null,
  column: at?.column ?? null,
});

/** Every key is there, null where nothing is known. */
export const findingsDocument = (findings: readonly Finding[], maxWarnings?: number) => ({
  ok: isClean(findings, maxWarnings),
  findings: findings.map((one) => ({
    rule: one.rule,
    level: one.level,
    message: one.message,
    hint: one.hint,
    op: one.op ?? null,
    value: one.value ?? null,
    ...place(one.at),
    related: (one.related ?? []).map(({ message, at }) => ({ message, ...place(at) })),
    fix: one.fix ?? null,
    suppressed: one.suppressed === undefined ? null : { reason: one.suppressed.reason },
  })),
});
