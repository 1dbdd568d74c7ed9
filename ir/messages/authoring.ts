// BB3xx: authoring: model.ts, recording.

import type { Message } from './message.ts';

export const authoringMessages = {
  BB301: {
    severity: 'error',
    text: ({ what }: { what: string }) => [
      `${what} was called while no module is being recorded`,
      'call it in the body of module(name, () => { … })',
    ],
  },
  BB302: {
    severity: 'error',
    text: ({ op, reason }: { op: string; reason: string }) => [
      `${op}: ${reason}`,
      'compare the shapes of its operands, shown in the editor when you point at them',
    ],
  },
  BB303: {
    severity: 'error',
    text: ({ what, got }: { what: string; got: string }) => [
      `${what} needs a value of the recording, not ${got}`,
      'pass what input, constant or an operator gave',
    ],
  },
  BB304: {
    severity: 'error',
    text: ({ what }: { what: string }) => [
      `${what} was given a value of another recording`,
      'make values inside the module body, not in variables outside of it',
    ],
  },
  BB305: {
    severity: 'error',
    text: ({ reason }: { reason: string }) => [
      `not a constant: ${reason}`,
      'give a number, nested lists of equal length, or a typed array with its shape',
    ],
  },
  BB306: {
    severity: 'error',
    text: ({ op, from, to }: { op: string; from: string; to: string }) => [
      `${op}: a value at ${from} is used at ${to}`,
      'collect it: only collect brings the values of many members to one place',
    ],
  },
  BB307: {
    severity: 'error',
    text: ({ op, reason }: { op: string; reason: string }) => [
      `${op}: ${reason}`,
      'cast one of the operands: x.cast({ to: float32 })',
    ],
  },
  BB308: {
    severity: 'error',
    text: ({ op, reason }: { op: string; reason: string }) => [
      `${op}: ${reason}`,
      'see the documentation of the function in the editor: operands first, then options by name',
    ],
  },
  BB309: {
    severity: 'error',
    text: ({ module, reason }: { module: string; reason: string }) => [
      `module ${module}: ${reason}`,
      'give every input and output a name of its own, and each dimension a size or a name; one output at least',
    ],
  },
  BB310: {
    severity: 'error',
    text: ({ op, have, need, file }: { op: string; have: number; need: number; file: string }) => [
      `${op} is written in its form of opset ${need}, but the ${file === '' ? 'module' : `imported model ${file}`} has opset ${have}`,
      `state a newer opset: module(name, { opset: ${need} }, body)${file === '' ? '' : '; the model is converted to it'}`,
    ],
  },
  BB311: {
    severity: 'error',
    text: ({
      file,
      domain,
      opset,
      other,
      otherOpset,
    }: {
      file: string;
      domain: string;
      opset: number;
      other: string;
      otherOpset: number;
    }) => [
      `${file} has opset ${opset} of ${domain}, ${other} has ${otherOpset}`,
      'export the models with one version of the domain: only those of ONNX are converted',
    ],
  },
  BB312: {
    severity: 'error',
    text: ({ file, reason }: { file: string; reason: string }) => [
      `${file}: ${reason}`,
      'bbc inspect lists the inputs, outputs and inner values of a model',
    ],
  },
  BB313: {
    severity: 'error',
    text: ({ key, reason }: { key: string; reason: string }) => [
      `state ${key}: ${reason}`,
      'give each state a name of its own, and assign values of its dtype and shape at its place',
    ],
  },
  BB314: {
    severity: 'error',
    text: ({ written }: { written: string }) => [
      `'${written}' is not a duration`,
      "write a number and a unit: '200ms', '2s', '1m'",
    ],
  },
  BB315: {
    severity: 'error',
    text: ({ op, opset, newest }: { op: string; opset: number; newest: number }) => [
      `${op} exists from opset ${opset} on; programs can have ${newest} at most`,
      'express it by other operators',
    ],
  },
  BB316: {
    severity: 'error',
    text: ({ what }: { what: string }) => [
      `${what} was given a value made in the body of a control-flow op, outside of that body`,
      'let the body give the value as a result, and use the result',
    ],
  },
  BB317: {
    severity: 'error',
    text: ({ op }: { op: string }) => [
      `${op} is in the body of a control-flow op`,
      'bodies of ifElse, loop and scan hold plain ONNX operators only; put state, when and collect around them',
    ],
  },

  BB318: {
    severity: 'error',
    text: ({ file, name, reason }: { file: string; name: string; reason: string }) => [
      `tensor ${name} of ${file}: ${reason}`,
      `bbc inspect ${file} --weights 1000 lists the tensors of a file with their types`,
    ],
  },
  BB319: {
    severity: 'error',
    text: ({ entry, reason }: { entry: string; reason: string }) => [
      `entry ${entry}: ${reason}`,
      'an entry has a name of its own, and a place: a peer, a cohort, or, joint, cohort.each: entry(name, place, body)',
    ],
  },
  BB320: {
    severity: 'error',
    text: ({ what, entry, reason }: { what: 'next' | 'start'; entry: string; reason: string }) => [
      `${what} ${entry}: ${reason}`,
      `${what} names an entry of its module and values for its arguments: ${what}(name, { argument: value }).when(condition)`,
    ],
  },
  BB321: {
    severity: 'error',
    text: ({ op = 'scatter', reason }: { op?: string; reason: string }) => [
      `${op}: ${reason}`,
      'scatter deals the rows of a value, its first dimension, to the members of a cohort: x.scatter(phones.each)',
    ],
  },
  BB322: {
    severity: 'error',
    text: () => [
      "late: 'next' in a module that has no next: no flow follows that late answers could join",
      'leave late out, or let rounds follow each other: entry(name, peer, body) with next(name) in it',
    ],
  },
  BB330: {
    severity: 'error',
    text: ({ what, reason }: { what: string; reason: string }) => [
      `${what}: ${reason}`,
      'correct the option at the marked line',
    ],
  },
  BB331: {
    severity: 'error',
    text: ({ layer }: { layer: string }) => [
      `${layer} drops at random in training and has no key`,
      'give one: net(parameters, { training: true, key: key(seed) })',
    ],
  },
  BB332: {
    severity: 'error',
    text: ({ layer, reason }: { layer: string; reason: string }) => [
      `${layer}: ${reason}`,
      'give a value or a state for each of its parameters and buffers, by name; .parameters and .buffers list them',
    ],
  },
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
  BB386: {
    severity: 'error',
    text: ({ op, count }: { op: string; count: number }) => [
      `${op}${count > 1 ? ` (${count} ops)` : ''} has no function in the DSL`,
      'only operators of ai.onnx, and functions of them, can be written as TypeScript; use the file as it is: onnx(path)',
    ],
  },
  BB387: {
    severity: 'error',
    text: ({ op, what }: { op: string; what: string }) => [
      `${op}: ${what} cannot be written in TypeScript`,
      'use the file as it is: onnx(path)',
    ],
  },
  BB388: {
    severity: 'error',
    text: ({ value, type }: { value: string; type: string }) => [
      `${value} is ${type}, which no value of a module can be`,
      'use the file as it is: onnx(path)',
    ],
  },
  BB389: {
    severity: 'error',
    text: ({ file, differences }: { file: string; differences: readonly string[] }) => [
      `what was written for ${file} does not record the same graph: ${differences.join('; ')}`,
      'this is a bug of bbc import; please report it with the model. Nothing was written',
    ],
  },
  BB390: {
    severity: 'warning',
    text: ({ input }: { input: string }) => [
      `input ${input} has a default: in the module it is a constant`,
      'take the default out of the model if callers shall give it',
    ],
  },
  BB350: {
    severity: 'error',
    text: ({ name, reason }: { name: string; reason: string }) => [
      `component ${name}: ${reason}`,
      "compare the call with the method's declaration, shown in the editor when you point at it",
    ],
  },
} as const satisfies Record<string, Message>;
