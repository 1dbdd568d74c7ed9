// Every diagnostic: its stable code, severity and wording. The first string says what happened, the second
// what to try. Codes are grouped by the first digit:
//   BB1xx reading files   BB2xx graph structure and types   BB3xx authoring   BB4xx topology and placement
//   BB5xx split and deadlines   BB6xx bundles   BB7xx running   BB8xx command line input

interface Message {
  readonly severity: 'error' | 'warning';
  readonly text: (args: never) => readonly [what: string, hint: string];
}

export const messages = {
  // --- BB1xx: reading files -------------------------------------------------------------------------
  BB101: {
    severity: 'error',
    text: ({ reason }: { reason: string }) => [
      `not an ONNX model: ${reason}`,
      'check that the file is complete and was saved as a binary .onnx file',
    ],
  },
} as const satisfies Record<string, Message>;

export type DiagnosticCode = keyof typeof messages;
