// BB2xx: structure and types of graphs.

import type { Message } from './message.ts';

/** A chain of names, the middle of a long one left out. */
const briefly = (path: readonly string[]): string =>
  (path.length > 6 ? [...path.slice(0, 3), '…', ...path.slice(-2)] : path).join(' → ');

export const graphMessages = {
  BB201: {
    severity: 'error',
    text: ({ reader, name }: { reader: string; name: string }) => [
      `${reader} reads ${JSON.stringify(name)}, which nothing defines`,
      'define the value by an op, an input or an initializer that the reader can see, or correct the name',
    ],
  },
  BB202: {
    severity: 'error',
    text: ({ name, again }: { name: string; again: string }) => [
      `${JSON.stringify(name)} is defined a second time, ${again}`,
      'give one of the two another name',
    ],
  },
  BB203: {
    severity: 'error',
    text: ({ ops }: { ops: readonly string[] }) => [
      `ops need one another in a cycle: ${ops.join(' → ')}`,
      'break the cycle; repetition is written as Loop or Scan',
    ],
  },
  BB204: {
    severity: 'error',
    text: ({ reader, name }: { reader: string; name: string }) => [
      `${reader} reads ${JSON.stringify(name)}, which an op after it makes`,
      'sort the ops, so that each comes after those it reads from',
    ],
  },
  BB205: {
    severity: 'error',
    text: ({ name }: { name: string }) => [
      `a subgraph gives out ${JSON.stringify(name)}, which belongs to a graph around it`,
      'pass it through an Identity op in the subgraph',
    ],
  },
  BB206: {
    severity: 'error',
    text: (o: { type: string; domain: string; version: number; similar: string | undefined }) => [
      `${o.domain} has no operator ${o.type} in opset ${o.version}`,
      o.similar === undefined
        ? 'import an opset that has it, or define it as a function of the model'
        : `did you mean ${o.similar}?`,
    ],
  },
  BB207: {
    severity: 'error',
    text: ({ domain }: { domain: string }) => [
      `the model imports no opset of domain ${JSON.stringify(domain)}`,
      'add the domain to opset_import (of the function, if the op is in one); the standard domain is written ""',
    ],
  },
  BB208: {
    severity: 'error',
    text: ({ type, problem }: { type: string; problem: string }) => [
      `${type} ${problem}`,
      'look up the signature of the operator in the opset that the model imports',
    ],
  },
  BB209: {
    severity: 'error',
    text: ({ type, name, kind }: { type: string; name: string; kind: string }) => [
      `${type} needs the attribute ${name}`,
      `add it, of type ${kind}`,
    ],
  },
  BB210: {
    severity: 'error',
    text: ({ type, name, names }: { type: string; name: string; names: readonly string[] }) => [
      `${type} has no attribute ${name}`,
      names.length === 0 ? 'remove it' : `remove it, or use one of: ${names.join(', ')}`,
    ],
  },
  BB211: {
    severity: 'error',
    text: (o: { type: string; name: string; kind: string; wanted: string }) => [
      `attribute ${o.name} of ${o.type} is of type ${o.kind}`,
      `give it as ${o.wanted}`,
    ],
  },
  BB212: {
    severity: 'error',
    text: ({ problem }: { problem: string }) => [
      `the model's header: ${problem}`,
      'save the model again with a current exporter',
    ],
  },
  BB213: {
    severity: 'error',
    text: ({ what }: { what: string }) => [
      `${what} has no name`,
      'give it one; only optional values may be ""',
    ],
  },
  BB214: {
    severity: 'error',
    text: ({ what, missing }: { what: string; missing: string }) => [
      `a graph ${what} does not state its ${missing}`,
      'state it; dimensions may be left open, the rank may not',
    ],
  },
  BB215: {
    severity: 'error',
    text: ({ name, problem }: { name: string; problem: string }) => [
      `tensor ${JSON.stringify(name)}: ${problem}`,
      'save the tensor again, with one content that fits its type and dimensions',
    ],
  },
  BB216: {
    severity: 'error',
    text: ({ name, problem }: { name: string; problem: string }) => [
      `function ${name} ${problem}`,
      'correct the function, or inline it',
    ],
  },
  BB217: {
    severity: 'error',
    text: ({ type, name, problem }: { type: string; name: string; problem: string }) => [
      `attribute ${name} of ${type} ${problem}`,
      'give each attribute once, with its type and one value of that type',
    ],
  },
  BB218: {
    severity: 'warning',
    text: () => [
      'the ops of the model are not in order; they were sorted',
      'export the model sorted: other tools refuse it as it is',
    ],
  },
  BB219: {
    severity: 'error',
    text: ({ name }: { name: string }) => [
      `the sparse initializer ${JSON.stringify(name)} cannot be compiled`,
      'save it as a dense initializer',
    ],
  },

  BB230: {
    severity: 'error',
    text: (o: { type: string; domain: string; from: number; to: number; reason: string }) => [
      `${o.type} of opset ${o.from} of ${o.domain} has no form in opset ${o.to}: ${o.reason}`,
      'ask for an opset between the two, or replace the op in the model first',
    ],
  },
  BB231: {
    severity: 'error',
    text: (o: { domain: string; opset: number; oldest: number; newest: number }) => [
      `opset ${o.opset} of ${o.domain} cannot be converted`,
      `known are ${o.oldest} to ${o.newest}`,
    ],
  },
  BB220: {
    severity: 'error',
    text: ({ problem }: { problem: string }) => [
      problem,
      'correct it: the ONNX checker lets it pass, but no runtime takes it',
    ],
  },
  BB221: {
    severity: 'warning',
    text: ({ problem, hint }: { problem: string; hint: string }) => [problem, hint],
  },

  BB222: {
    severity: 'warning',
    text: ({ code, most }: { code: string; most: number }) => [
      `there are more than ${most} problems with the code ${code}; the others are not listed`,
      'correct what is listed, then look again',
    ],
  },

  BB250: {
    severity: 'error',
    text: (o: { type: string; parameter: string; got: string; admitted: readonly string[] }) => [
      `${o.type} does not take ${o.got} as ${o.parameter}`,
      `cast it to one of: ${o.admitted.slice(0, 8).join(', ')}${o.admitted.length > 8 ? ' …' : ''}`,
    ],
  },
  BB251: {
    severity: 'error',
    text: (o: { type: string; parameter: string; got: string; other: string; otherValue: string }) => [
      `${o.type} wants one type for several inputs: ${o.parameter} is ${o.got}, ${o.otherValue} is ${o.other}`,
      'cast one of them to the type of the other',
    ],
  },
  BB252: {
    severity: 'error',
    text: (o: { type: string; inputs: readonly string[]; reason: string }) => [
      `${o.type}(${o.inputs.join(', ')}): ${o.reason}`,
      'check the shapes of the inputs and the attributes of the op',
    ],
  },
  BB253: {
    severity: 'warning',
    text: ({ declared, inferred }: { declared: string; inferred: string }) => [
      `declared as ${declared}, but it is ${inferred}`,
      'correct or remove the declaration; what was inferred is used',
    ],
  },
  BB255: {
    severity: 'error',
    text: ({ declared, inferred }: { declared: string; inferred: string }) => [
      `declared as ${declared}, but it is ${inferred}: element types differ`,
      'correct or remove the declaration, or cast the value',
    ],
  },
  BB254: {
    severity: 'error',
    text: (_: object) => [
      'an input of the model has no element type',
      'declare the element type of the input in the model',
    ],
  },
  BB281: {
    severity: 'error',
    text: ({ type, why, path }: { type: string; why: string; path: readonly string[] }) => [
      `${type} cannot be differentiated: ${why}; the gradient comes through ${briefly(path)}`,
      'compute it in other operators, or ask for no gradient that passes through it',
    ],
  },
  BB282: {
    severity: 'error',
    text: ({ name, what }: { name: string; what: string }) => [
      `the model has no ${what} ${JSON.stringify(name)}`,
      '`bbc inspect` lists what it has',
    ],
  },
  BB283: {
    severity: 'error',
    text: ({ name }: { name: string }) => [
      `${JSON.stringify(name)} is no tensor of floating-point numbers: it has no gradient`,
      'leave it out',
    ],
  },
  BB284: {
    severity: 'error',
    text: ({ name, type }: { name: string; type: string }) => [
      `the loss ${JSON.stringify(name)} is ${type}, no scalar of floating-point numbers`,
      'reduce it to one number, as by ReduceMean over all axes with keepdims 0',
    ],
  },
  BB285: {
    severity: 'error',
    text: ({ asked }: { asked: string }) => [
      `no weight of floating-point numbers is among the parameters: ${asked}`,
      'name parameters with --params, or leave it out to train all that the loss depends on; `bbc inspect` lists the weights',
    ],
  },
  BB286: {
    severity: 'error',
    text: ({ name, loss }: { name: string; loss: string }) => [
      `${JSON.stringify(name)} does not reach the loss ${JSON.stringify(loss)}: nothing that the loss is computed from reads it`,
      'leave it out of what is differentiated, or use it',
    ],
  },
  BB287: {
    severity: 'warning',
    text: ({ name, loss }: { name: string; loss: string }) => [
      `the gradient of ${JSON.stringify(loss)} with respect to ${JSON.stringify(name)} is zero: only ops that pass none, such as Floor or comparisons, lie between them`,
      'leave it out of what is differentiated, or compute the loss from it by other operators',
    ],
  },
  BB288: {
    severity: 'error',
    text: ({ why }: { why: string }) => [
      `this Gradient cannot be computed: ${why}`,
      'let its inputs be the values that its xs and zs name, made in the same graph as y, outside of functions',
    ],
  },
  BB289: {
    severity: 'error',
    text: ({ op }: { op: string }) => [
      `${op} needs a runtime of ours, and a training step is plain ONNX`,
      'leave out what keeps state or crosses between peers; `bbc run` trains modules that have it',
    ],
  },
} as const satisfies Record<string, Message>;
