// Diagnostics of programs that cannot run.

import { DiagnosticError, diagnostic } from '../ir/diagnostic.ts';

export const badProgram = (program: string, reason: string, op?: string): DiagnosticError =>
  new DiagnosticError(diagnostic('BB622', { program, reason }, op === undefined ? {} : { op }));
