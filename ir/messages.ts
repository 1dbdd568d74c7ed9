// Every diagnostic: its stable code, severity and wording. The first string says what happened, the second
// what to try. Codes are grouped by their first digit.

import { authoringMessages } from './messages/authoring.ts';
import { bundleMessages } from './messages/bundle.ts';
import { dataMessages } from './messages/data.ts';
import { durabilityMessages } from './messages/durability.ts';
import { fileMessages } from './messages/files.ts';
import { graphMessages } from './messages/graphs.ts';
import type { Message } from './messages/message.ts';
import { networkMessages } from './messages/network.ts';
import { seatMessages, seatSplitMessages } from './messages/places.ts';
import { runMessages } from './messages/running.ts';
import { simulationMessages } from './messages/simulation.ts';

export const messages = {
  // --- BB1xx: reading and writing ONNX files ---------------------------------------------------------
  ...fileMessages,

  // --- BB2xx: structure and types of graphs ----------------------------------------------------------
  ...graphMessages,

  // --- BB3xx: authoring: model.ts, recording ---------------------------------------------------------
  ...authoringMessages,
  ...seatMessages,

  // --- BB4xx: topology, rules, placement -------------------------------------------------------------
  BB401: {
    severity: 'error',
    text: ({ reason }: { reason: string }) => [`not JSON: ${reason}`, 'correct the file at the caret'],
  },
  BB402: {
    severity: 'error',
    text: (args: { field: string; where: string; nearest: string | undefined; known: readonly string[] }) => [
      `${args.where} has no field "${args.field}"`,
      args.nearest === undefined
        ? `take it out; the fields are: ${args.known.join(', ')}`
        : `did you mean "${args.nearest}"?`,
    ],
  },
  BB403: {
    severity: 'error',
    text: (args: { where: string; expected: string; found: string; hint?: string }) => [
      `${args.where} should be ${args.expected}, but is ${args.found}`,
      args.hint ?? `write ${args.expected}`,
    ],
  },
  BB404: {
    severity: 'error',
    text: ({ where, field, example }: { where: string; field: string; example: string }) => [
      `${where} lacks "${field}"`,
      `add ${example}`,
    ],
  },
  BB405: {
    severity: 'error',
    text: (args: { name: string; what: string; nearest: string | undefined; known: readonly string[] }) => [
      `there is no ${args.what} "${args.name}"`,
      args.nearest === undefined ? `known are: ${args.known.join(', ')}` : `did you mean "${args.nearest}"?`,
    ],
  },
  BB406: {
    severity: 'error',
    text: ({ what }: { what: string }) => [`${what} is here twice`, 'keep one of the two'],
  },
  BB407: {
    severity: 'error',
    text: ({ name, count, named }: { name: string; count: number; named: number }) => [
      `class "${name}" counts ${count} members, but ${named} peers are named for it`,
      'raise "count", or name fewer peers',
    ],
  },
  BB408: {
    severity: 'error',
    text: ({ reason }: { reason: string }) => [
      `this placement rule does not parse: ${reason}`,
      'a rule is made of scope:GLOB, op:TYPE, name:GLOB and value:GLOB, joined by "and", "or", "not" and parentheses',
    ],
  },
  BB409: {
    severity: 'error',
    text: ({ peer, className }: { peer: string; className: string }) => [
      `"${peer}" is one of several members of class "${className}", and a rule places on whole classes`,
      `write "${className}", or give the peer a class of its own`,
    ],
  },
  BB410: {
    severity: 'warning',
    text: ({ rule }: { rule: string }) => [
      `no op matches the placement rule ${rule}`,
      'look at the names with `bbc inspect`, or take the rule out',
    ],
  },
  BB411: {
    severity: 'error',
    text: ({ peers, ops }: { peers: number; ops: number }) => [
      `the ops cannot be cut over ${peers} peers: the model has only ${ops} that are not constant`,
      `name at most ${ops} one-member ${ops === 1 ? 'class' : 'classes'} in the topology, or place the ops by rules`,
    ],
  },
  BB412: {
    severity: 'error',
    text: ({ peers, most, reason }: { peers: number; most: number; reason: string }) => [
      `no cut over ${peers} peers: ${reason}`,
      `${most} ${most === 1 ? 'peer is' : 'peers are'} the most this model can be cut over`,
    ],
  },
  BB413: {
    severity: 'error',
    text: (args: { className: string; limit: string; need: string; subject: string }) => [
      `no placement fits the memory of class "${args.className}": its limit is ${args.limit}, but ${args.subject} needs ${args.need}`,
      'raise the limit, add classes to share the model, or move ops to another class by a rule',
    ],
  },
  BB414: {
    severity: 'error',
    text: ({ from, to, value }: { from: string; to: string; value: string }) => [
      `"${value}" must go from ${from} to ${to}, but no link joins them`,
      `add { "between": ["${from}", "${to}"] } to "links", or place its ends together`,
    ],
  },
  BB415: {
    severity: 'error',
    text: ({ ops }: { ops: number }) => [
      `${ops} ops have no place, and every class of the topology is a cohort`,
      'add a one-member class for them, or place them by rules',
    ],
  },
  BB416: {
    severity: 'error',
    text: (args: { name: string; nearest: string | undefined; known: readonly string[] }) => [
      `placed on "${args.name}", a class that the topology does not have`,
      args.nearest === undefined
        ? `the classes are: ${args.known.join(', ')}`
        : `did you mean "${args.nearest}"?`,
    ],
  },
  BB417: {
    severity: 'error',
    text: ({ name, members }: { name: string; members: number }) => [
      `placed on the one member of "${name}", which has ${members} in the topology`,
      'declare it as a cohort in the model, or leave out "count" and the further peers in the topology',
    ],
  },
  BB418: {
    severity: 'error',
    text: ({ home, away }: { home: string; away: string }) => [
      `a private value of class "${home}" would cross to "${away}"`,
      `place what reads it on "${home}", or do not mark it private`,
    ],
  },
  BB419: {
    severity: 'error',
    text: ({ peer, first, second, what }: { peer: string; first: string; second: string; what: string }) => [
      `peer "${peer}" is of classes "${first}" and "${second}", and their ${what} is not the same`,
      what === 'backend'
        ? 'give both classes one backend'
        : 'programs of one peer share components by name: bind it once, or under two names',
    ],
  },

  // --- BB5xx: split, deadlines, binding, emission ----------------------------------------------------
  BB501: {
    severity: 'error',
    text: ({ value, from, to }: { value: string; from: string; to: string }) => [
      `${value} lives at ${from} and is read at ${to}, and no single message can take it there`,
      from.includes('.')
        ? `each member of ${from} has its own ${value}: bring them together with collect`
        : `collect takes the value of a cohort; ${from} is one member: read the value directly`,
    ],
  },
  BB502: {
    severity: 'error',
    text: () => [
      'no one-member place has any work, so no peer can start a flow',
      'put an input or an op at a class with exactly one member',
    ],
  },
  BB504: {
    severity: 'error',
    text: ({ value, kind, edge }: { value: string; kind: string; edge: string }) => [
      `"${value}" is ${kind}, which cannot cross ${edge}`,
      'move the cut to a tensor: place the ops that make and read this value on one peer',
    ],
  },
  BB505: {
    severity: 'error',
    text: ({ peerClass, backend }: { peerClass: string; backend: string }) => [
      `class ${peerClass} asks for backend ${backend}, which does not exist`,
      'the backends are: onnxruntime, cpu',
    ],
  },
  BB506: {
    severity: 'error',
    text: ({ pass, problem }: { pass: string; problem: string }) => [
      `pass ${pass} broke an invariant: ${problem}`,
      'this is a bug of the compiler: please report it with the model',
    ],
  },
  BB507: {
    severity: 'error',
    text: ({ key }: { key: string }) => [
      `the update of ${key} leaves its place between reading and assigning`,
      'compute what the update needs elsewhere first, and pass the result into it',
    ],
  },
  BB508: {
    severity: 'error',
    text: ({ loop, place }: { loop: string; place: string }) => [
      `an op in the body of a ${loop} is placed at ${place}, but a ${loop} runs on one peer`,
      `place the ${loop} as a whole, or unroll it`,
    ],
  },

  ...seatSplitMessages,

  // --- BB6xx: bundles and plans ----------------------------------------------------------------------
  ...bundleMessages,
  BB650: {
    severity: 'error',
    text: ({ file, expected, actual }: { file: string; expected: string; actual: string }) => [
      `${file} was changed after it was compiled: its sha256 is ${actual}, expected ${expected}`,
      'compile again, or copy the bundle again',
    ],
  },
  BB651: {
    severity: 'error',
    text: ({ file, reason }: { file: string; reason: string }) => [
      `cannot read ${file}: ${reason}`,
      'give the folder that `bbc compile -o` wrote',
    ],
  },
  BB652: {
    severity: 'error',
    text: ({ file, reason }: { file: string; reason: string }) => [
      `${file} is not what a compiler of this version writes: ${reason}`,
      'compile again with the version that runs it',
    ],
  },
  BB653: {
    severity: 'error',
    text: ({ folder, other }: { folder: string; other: string }) => [
      `${folder} is not only an earlier deployment: it holds ${other}`,
      'give another folder, or empty this one',
    ],
  },

  // --- BB7xx: running --------------------------------------------------------------------------------
  ...runMessages,
  BB750: {
    severity: 'error',
    text: ({ reason }: { reason: string }) => [
      `ONNX Runtime cannot be loaded: ${reason}`,
      'npm install onnxruntime-node --onnxruntime-node-install=skip',
    ],
  },
  BB751: {
    severity: 'error',
    text: ({ segment, reason }: { segment: string; reason: string }) => [
      `ONNX Runtime refuses ${segment}: ${reason}`,
      'see whether plain ONNX Runtime loads the uncut model; if it does not, change the model',
    ],
  },
  BB752: {
    severity: 'error',
    text: ({ model, reason }: { model: string; reason: string }) => [
      `ONNX Runtime failed in ${model}: ${reason}`,
      'compare the values given with what the op expects',
    ],
  },
  BB753: {
    severity: 'error',
    text: ({ type, domain, opset, why }: { type: string; domain: string; opset: number; why?: string }) => [
      `the CPU backend has no kernel for ${type} of ${domain} in opset ${opset}${why === undefined ? '' : `: ${why}`}`,
      'express it by other operators, or run on another backend',
    ],
  },
  BB754: {
    severity: 'error',
    text: (args: { type: string; domain: string; opset: number; dtype: string }) => [
      `the CPU backend's ${args.type} of ${args.domain}, opset ${args.opset}, does not take ${args.dtype}`,
      'cast the value to a type that the operator takes',
    ],
  },
  BB755: {
    severity: 'error',
    text: (args: { type: string; domain: string; opset: number; reason: string }) => [
      `${args.type} of ${args.domain}, opset ${args.opset}, cannot be computed: ${args.reason}`,
      'compare the values given with what the op expects',
    ],
  },

  // --- BB76x: peers on a network -----------------------------------------------------------------------
  ...networkMessages,
  ...simulationMessages,

  // --- BB77x: data ----------------------------------------------------------------------------------------
  ...dataMessages,

  // --- BB8xx: command line input ---------------------------------------------------------------------
  BB820: {
    severity: 'error',
    text: ({ file, reason }: { file: string; reason: string }) => [
      `cannot read tensors from ${file}: ${reason}`,
      'give a .npz, .npy, .json or TensorProto .pb file',
    ],
  },
  BB821: {
    severity: 'error',
    text: ({ name, expected }: { name: string; expected: string }) => [
      `input ${name} is missing: it takes ${expected}`,
      `give it with --inputs ${name}=FILE, or make all inputs up with --random SEED`,
    ],
  },
  BB822: {
    severity: 'error',
    text: ({ name, known }: { name: string; known: readonly string[] }) => [
      `there is no input ${name}`,
      known.length === 0 ? 'it takes no inputs' : `its inputs are ${known.join(', ')}`,
    ],
  },
  BB823: {
    severity: 'error',
    text: ({
      name,
      expected,
      actual,
      symbols,
    }: {
      name: string;
      expected: string;
      actual: string;
      symbols: readonly string[];
    }) => [
      `input ${name} takes ${expected}, got ${actual}`,
      symbols.length === 0
        ? 'give a tensor of that type and shape'
        : `give a tensor of that type and shape, with ${symbols.join(', ')}`,
    ],
  },
  BB824: {
    severity: 'error',
    text: ({ file, reason }: { file: string; reason: string }) => [
      `cannot write ${file}: ${reason}`,
      'write a .npz, .json or .pb file, one that can hold these types',
    ],
  },
  BB825: {
    severity: 'error',
    text: ({ value, peer, step, from }: { value: string; peer: string; step: number; from: string }) => [
      `${value} is NaN or infinite in round ${step}, at ${peer}: ${from}`,
      'lower the learning rate, clip gradients, or keep the marked op from dividing by zero; nothing of this round was kept',
    ],
  },
  BB826: {
    severity: 'error',
    text: ({
      peer,
      arrived,
      needed,
      known,
      step,
    }: {
      peer: string;
      arrived: number;
      needed: number;
      known: number;
      step: number;
    }) => [
      `round ${step} did not reach its quorum: ${arrived} of ${known} members answered ${peer} in time, ${needed} are needed`,
      'see that those peers run, wait longer with `within`, ask for fewer with `atLeast`, or go on without them with `orElse` or `present`',
    ],
  },
  BB827: {
    severity: 'warning',
    text: (args: {
      peer: string;
      arrived: number;
      needed: number;
      known: number;
      rounds: number;
      flows: number;
    }) => [
      `${args.rounds} of ${args.flows} rounds did not reach their quorum: at the worst ${args.arrived} of ${args.known} members answered ${args.peer} in time, ${args.needed} are needed`,
      'see that those peers run, wait longer with `within`, or ask for fewer with `atLeast`',
    ],
  },
  BB830: {
    severity: 'error',
    text: ({ file }: { file: string }) => [
      `${file} is no index of test cases`,
      'give a folder whose index.json has the format onnx-conformance-index/1',
    ],
  },
  BB831: {
    severity: 'error',
    text: ({ failed, total }: { failed: number; total: number }) => [
      `${failed} of ${total} cases failed`,
      'look at the reasons above; run one alone with --filter',
    ],
  },
  BB832: {
    severity: 'error',
    text: ({ filter }: { filter: string }) => [
      `no case matches ${filter}`,
      'use * for any characters, as in test_conv_*',
    ],
  },
  BB833: {
    severity: 'error',
    text: ({
      name,
      reason,
      peer,
      detail,
    }: {
      name: string;
      reason: string;
      peer: string;
      detail: string;
    }) => [
      `output ${name} is missing: ${reason} at ${peer}${detail === '' ? '' : `: ${detail}`}`,
      'see the causes above; `orElse` gives a value where one may be missing',
    ],
  },
  BB834: {
    severity: 'error',
    text: ({ op }: { op: string }) => [
      `the uncut graph holds ${op}, which only runs on nodes`,
      'leave --verify out',
    ],
  },
  BB835: {
    severity: 'error',
    text: ({ difference }: { difference: string }) => [
      `the cut run differs from the uncut graph ${difference}`,
      'report it with model, topology and inputs; graphs with random ops differ from run to run',
    ],
  },
  BB836: {
    severity: 'error',
    text: ({ difference, tolerance }: { difference: string; tolerance: number }) => [
      `the simplified model differs from the original ${difference}; ${tolerance} of the largest output is accepted`,
      'report it with the model and the inputs; graphs with random ops differ from run to run',
    ],
  },
  BB837: {
    severity: 'error',
    text: (args: { peer: string; slot: string; peerClass: string; role: string }) => [
      `peer ${args.peer} has no component "${args.slot}", a ${args.role.replaceAll('_', ' ')} that its program asks`,
      `say what it is, in the topology ("classes": { "${args.peerClass}": { "components": { "${args.slot}": … } } }) or to the host`,
    ],
  },
  BB838: {
    severity: 'error',
    text: (args: { peer: string; slot: string; reason: string }) => [
      `component "${args.slot}" of peer ${args.peer} is not what the program asks for: ${args.reason}`,
      'bind another one, or change the fields that the program declares',
    ],
  },

  // Data folders of peers.
  ...durabilityMessages,

  BB850: {
    severity: 'error',
    text: (args: { name: string; reason: string; known: readonly string[] }) => [
      `component "${args.name}": ${args.reason}`,
      args.known.length === 0
        ? 'give the host a component of your own'
        : `kinds of its role: ${args.known.join(', ')}`,
    ],
  },
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
  BB890: {
    severity: 'error',
    text: ({ code, nearest }: { code: string; nearest: string | undefined }) => [
      `there is no diagnostic and no lint rule ${code}`,
      nearest === undefined ? '`bbc explain` lists all of them' : `did you mean ${nearest}?`,
    ],
  },
  BB891: {
    severity: 'error',
    text: ({ folder, other }: { folder: string; other: string }) => [
      `${folder} is not empty: it holds ${other}`,
      'give another folder, or --force to write over files of the same name',
    ],
  },
  BB892: {
    severity: 'error',
    text: ({ what, known }: { what: string; known: string }) => [`the plan has no ${what}`, known],
  },
} as const satisfies Record<string, Message>;

export type DiagnosticCode = keyof typeof messages;
