// What a model holds and the DSL cannot say.

import { type Diagnostic, DiagnosticError, diagnostic, type Op, type Position } from '../../ir/index.ts';
import type { messages } from '../../ir/messages.ts';

type Codes = 'BB386' | 'BB387' | 'BB388' | 'BB389';

/** Ends the import of a model: it has something that cannot be written. */
export function refuse<Code extends Codes>(
  code: Code,
  args: Parameters<(typeof messages)[Code]['text']>[0],
  at?: Position,
): never {
  throw new DiagnosticError(problem(code, args, at));
}

const problem = <Code extends Codes>(
  code: Code,
  args: Parameters<(typeof messages)[Code]['text']>[0],
  at: Position | undefined,
): Diagnostic => diagnostic(code, args, at === undefined ? {} : { at });

export const opName = (op: Op): string => (op.domain === '' ? op.type : `${op.domain}.${op.type}`);
