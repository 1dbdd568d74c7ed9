// Every diagnostic: its stable code, severity and wording. The first string says what happened, the second
// what to try. Codes are grouped by their first digit.

interface Message {
  readonly severity: 'error' | 'warning';
  readonly text: (args: never) => readonly [what: string, hint: string];
}

export const messages = {
  // --- BB1xx: reading and writing ONNX files ---------------------------------------------------------
  BB101: {
    severity: 'error',
    text: ({ reason }: { reason: string }) => [
      `not an ONNX model: ${reason}`,
      'check that the file is complete and was saved as a binary .onnx file',
    ],
  },

  // --- BB2xx: structure and types of graphs ----------------------------------------------------------

  // --- BB3xx: authoring: model.ts, recording ---------------------------------------------------------

  // --- BB4xx: topology, rules, placement -------------------------------------------------------------

  // --- BB5xx: split, deadlines, binding, emission ----------------------------------------------------

  // --- BB6xx: bundles and plans ----------------------------------------------------------------------

  // --- BB7xx: running --------------------------------------------------------------------------------

  // --- BB8xx: command line input ---------------------------------------------------------------------
} as const satisfies Record<string, Message>;

export type DiagnosticCode = keyof typeof messages;
