// BB1xx: reading and writing ONNX files.

import type { Message } from './message.ts';

export const fileMessages = {
  BB101: {
    severity: 'error',
    text: ({ reason }: { reason: string }) => [
      `not an ONNX model: ${reason}`,
      'check that the file is complete and was saved as a binary .onnx file',
    ],
  },
  BB102: {
    severity: 'error',
    text: ({ location }: { location: string }) => [
      `the external data file ${JSON.stringify(location)} does not exist`,
      'put the file beside the model, under the name that the model gives',
    ],
  },
  BB103: {
    severity: 'error',
    text: ({ location }: { location: string }) => [
      `the external data path ${JSON.stringify(location)} leaves the model's folder`,
      'move the file into the folder of the model and save the model with a relative path',
    ],
  },
  BB104: {
    severity: 'error',
    text: (args: { location: string; offset: number; byteLength: number; fileBytes: number }) => [
      `bytes ${args.offset} to ${args.offset + args.byteLength} are outside ${JSON.stringify(args.location)}, which has ${args.fileBytes}`,
      'check that the data file is complete and belongs to this model',
    ],
  },
  BB105: {
    severity: 'error',
    text: ({ reason }: { reason: string }) => [
      `external data: ${reason}`,
      'save the model again; location must be set, offset and length must be decimal numbers',
    ],
  },
  BB106: {
    severity: 'error',
    text: ({ name, reason }: { name: string; reason: string }) => [
      `tensor ${JSON.stringify(name)} cannot be read: ${reason}`,
      'save the tensor again, with raw_data of the size that its type and dimensions need',
    ],
  },
  BB107: {
    severity: 'error',
    text: ({ reason }: { reason: string }) => [
      `not an ONNX tensor file: ${reason}`,
      'check that the file is complete and holds the message that its input or output needs',
    ],
  },
  BB108: {
    severity: 'error',
    text: ({ reason }: { reason: string }) => [
      reason,
      "correct the text at the caret; it is ONNX's textual syntax",
    ],
  },
  BB109: {
    severity: 'warning',
    text: ({ what }: { what: readonly string[] }) => [
      `ONNX's textual syntax has no place for ${what.join(', ')}; the file leaves them out`,
      'write an .onnx file to keep them',
    ],
  },
  BB110: {
    severity: 'error',
    text: ({ what, limit }: { what: string; limit: number }) => [
      `over a limit: more than ${limit} ${what}`,
      'check where the file comes from; if it is right, split it, or save it without what it does not need',
    ],
  },
} as const satisfies Record<string, Message>;
