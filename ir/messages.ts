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

  BB381: {
    severity: 'error',
    text: ({ reason }: { reason: string }) => [
      `the module cannot be read: ${reason}`,
      'check the syntax and the paths of its imports at the marked place',
    ],
  },
  BB382: {
    severity: 'error',
    text: ({ reason, code }: { reason: string; code: number }) => [
      `type error TS${code}: ${reason}`,
      'correct the types at the marked place, or record without this check with --no-check',
    ],
  },
  BB383: {
    severity: 'error',
    text: ({ error }: { error: string }) => [
      `the module threw ${error}`,
      'correct the module at the marked line; it must run to its end to be recorded',
    ],
  },
  BB384: {
    severity: 'error',
    text: ({ found }: { found: string }) => [
      `the module has ${found} where its default export should be a module`,
      "write `export default module('name', () => { … })`",
    ],
  },

  // --- BB4xx: topology, rules, placement -------------------------------------------------------------

  // --- BB5xx: split, deadlines, binding, emission ----------------------------------------------------

  // --- BB6xx: bundles and plans ----------------------------------------------------------------------

  // --- BB7xx: running --------------------------------------------------------------------------------

  // --- BB8xx: command line input ---------------------------------------------------------------------
  BB880: {
    severity: 'error',
    text: ({ file, reason }: { file: string; reason: string }) => [
      `cannot read ${file}: ${reason}`,
      'check the path, and that the file may be read',
    ],
  },
  BB881: {
    severity: 'error',
    text: ({ file }: { file: string }) => [
      `${file} is not something to load`,
      'give a model.ts, a model.onnx, or a folder that bbc compile wrote',
    ],
  },
  BB882: {
    severity: 'error',
    text: ({ file, reason }: { file: string; reason: string }) => [
      `cannot write ${file}: ${reason}`,
      'check the path, and that the folder may be written to',
    ],
  },
} as const satisfies Record<string, Message>;

export type DiagnosticCode = keyof typeof messages;
