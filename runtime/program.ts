// Decodes program.onnx and its manifest into the table that a node executes.

import type { Edge } from '../ir/deployment.ts';
import { CORE, DOMAIN, METADATA, WIRE } from '../ir/names.ts';
import { ROLE_ATTRIBUTE, type RoleCall, roleCallOf } from '../ir/roles.ts';
import type { Tensor } from '../ir/types.ts';
import type { LoadedBundle } from './bundle.ts';
import { linkFragments } from './fragments.ts';
import {
  type Collect,
  type EnvelopeGroup,
  type Instruction,
  type Invoke,
  NO_SLOT,
  type Program,
  type Recv,
} from './instruction.ts';
import { badProgram } from './problem.ts';
import { decode } from './proto/codec.ts';
import * as onnx from './proto/onnx.ts';
import { tensorOfProto } from './tensor-proto.ts';

/** Throws DiagnosticError BB622 where the program cannot run as its manifest says. */
export function decodeProgram(bundle: LoadedBundle): Program {
  try {
    return new Decoder(bundle).decode();
  } catch (error) {
    if (!(error instanceof RangeError)) throw error;
    throw badProgram(bundle.manifest.program, `program.onnx is damaged: ${error.message}`);
  }
}

/** Ops of a segment as authors count them. */
const countOps = (nodes: readonly Uint8Array[]): number =>
  nodes.filter((node) => decode(onnx.opType, node).opType !== 'Constant').length;

const utf8 = new TextDecoder();

const coreKinds = {
  [CORE.when]: { kind: 'when', inputs: 2 },
  [CORE.orElse]: { kind: 'orElse', inputs: 2 },
  [CORE.present]: { kind: 'present', inputs: 1 },
  [CORE.reason]: { kind: 'reason', inputs: 1 },
} as const;

type Unfinished = Omit<Instruction, 'kind'> & { readonly fragment: undefined };

class Decoder {
  readonly #bundle: LoadedBundle;
  readonly #slots = new Map<string, number>();
  readonly #initializers = new Map<string, Uint8Array>();
  readonly #segmentOps = new Map<string, number>();
  readonly #constants: (Tensor | undefined)[] = [];
  readonly #producers: (number | undefined)[] = [];
  readonly #instructions: Instruction[] = [];
  readonly #fragmentNumbers: (number | undefined)[] = [];
  readonly #envelopes: {
    number: number;
    destinations: readonly string[];
    sends: number[];
    edges: Edge[];
    scatters: boolean;
  }[] = [];
  readonly #envelopeIndex = new Map<string, number>();
  readonly #receivers = new Map<number, number>();
  #invoke: Invoke | undefined;
  readonly #edgesIn: ReadonlyMap<number, Edge>;
  readonly #edgesOut: ReadonlyMap<number, Edge>;

  constructor(bundle: LoadedBundle) {
    this.#bundle = bundle;
    this.#edgesIn = new Map(bundle.manifest.edgesIn.map((edge) => [edge.id, edge]));
    this.#edgesOut = new Map(bundle.manifest.edgesOut.map((edge) => [edge.id, edge]));
  }

  decode(): Program {
    const { manifest } = this.#bundle;
    const model = decode(onnx.model, this.#bundle.onnx);
    const graph = model.graph ?? this.#fail('it has no graph');
    for (const one of graph.initializer) this.#initializers.set(decode(onnx.tensorName, one).name, one);
    for (const fn of model.functions.map((one) => decode(onnx.functionHead, one)))
      if (fn.domain === DOMAIN.segment) this.#segmentOps.set(fn.name, countOps(fn.node));
    const inputs = manifest.inputs.map((port) => ({ slot: this.#define(port.name), port }));
    // Every output gets its slot before any input is read, so that a value used too early is told apart
    // from one that nothing makes.
    for (const node of graph.node) this.#decodeNode(node);
    const outputs = manifest.outputs.map((port) => ({ slot: this.#read(port.name, 'the outputs'), port }));
    const outputsOfSlot = new Map<number, number[]>();
    outputs.forEach(({ slot }, index) => {
      outputsOfSlot.set(slot, [...(outputsOfSlot.get(slot) ?? []), index]);
    });
    const linked = linkFragments({
      instructions: this.#instructions,
      fragmentNumbers: this.#fragmentNumbers,
      producers: this.#producers,
      constants: this.#constants,
      slotCount: this.#slots.size,
      outputs: [...outputsOfSlot.keys()],
      fail: (reason) => this.#fail(reason),
    });
    const isWait = (one: Instruction): one is Recv | Collect => one.kind === 'recv' || one.kind === 'collect';
    const waits = linked.instructions.flatMap((one, index) => (isWait(one) ? [{ one, index }] : []));
    waits.sort((a, b) => a.one.deadlineNs - b.one.deadlineNs || a.index - b.index);
    for (const { key, scope } of manifest.state)
      if (scope !== 'member') this.#fail(`state ${key}: one per ${scope} is not there yet`);
    for (const edge of manifest.edgesIn)
      if (!this.#receivers.has(edge.id)) this.#fail(`no op receives edge ${edge.id}`);
    return {
      manifest,
      ...linked,
      envelopes: this.#envelopes satisfies readonly EnvelopeGroup[],
      slotNames: [...this.#slots.keys()],
      constants: this.#constants,
      inputs,
      outputs,
      outputsOfSlot,
      invoke: this.#invoke,
      waits: waits.map(({ index }) => index),
      receivers: this.#receivers,
    };
  }

  #fail(reason: string, op?: string): never {
    throw badProgram(this.#bundle.manifest.program, reason, op);
  }

  #define(name: string, instruction?: number): number {
    if (this.#slots.has(name)) this.#fail(`value ${name} is made twice`);
    const slot = this.#slots.size;
    this.#slots.set(name, slot);
    this.#producers[slot] = instruction;
    this.#constants[slot] = undefined;
    return slot;
  }

  /** The slot of a value that an op of ours reads; an initializer becomes a constant here. */
  #read(name: string, reader: string): number {
    const slot = this.#slots.get(name);
    if (slot !== undefined) return slot;
    const proto = this.#initializers.get(name);
    if (proto === undefined) return this.#fail(`nothing before ${reader} makes value ${name}`);
    const made = this.#define(name);
    try {
      this.#constants[made] = tensorOfProto(decode(onnx.tensor, proto), this.#bundle.weights);
    } catch (error) {
      this.#fail(`constant ${name}: ${error instanceof Error ? error.message : String(error)}`);
    }
    return made;
  }

  #decodeNode(node: onnx.NodeProto): void {
    const name = node.name || node.output.find((one) => one !== '') || node.opType;
    const index = this.#instructions.length;
    const isCall = node.domain === DOMAIN.segment;
    const inputs = node.input
      // Weights of a segment are in its session; a left-out optional input is none either.
      .filter((input) => input !== '' && !(isCall && this.#initializers.has(input)))
      .map((input) => this.#read(input, name));
    const outputs = node.output.map((output) => (output === '' ? NO_SLOT : this.#define(output, index)));
    const common = { name, fragment: undefined, inputs, reads: [...new Set(inputs)], outputs };
    this.#instructions.push(this.#instruction(node, common, index));
    const fragment = node.metadataProps.find(({ key }) => key === METADATA.fragment)?.value;
    if (fragment !== undefined && !/^\d{1,9}$/.test(fragment)) this.#fail(`fragment ${fragment}`, name);
    this.#fragmentNumbers.push(fragment === undefined ? undefined : Number(fragment));
  }

  #instruction(node: onnx.NodeProto, common: Unfinished, index: number): Instruction {
    const { name } = common;
    const arity = (inputs: number): void => {
      if (common.inputs.length !== inputs) this.#fail(`${node.opType} takes ${inputs} inputs`, name);
    };
    const key = `${node.domain}::${node.opType}`;
    if (node.domain === DOMAIN.segment) {
      const ops = this.#segmentOps.get(node.opType);
      if (ops === undefined) return this.#fail(`no function ${node.opType}`, name);
      return { ...common, kind: 'segment', segment: node.opType, ops };
    }
    const core = Object.entries(coreKinds).find(([type]) => key === `${DOMAIN.core}::${type}`)?.[1];
    if (core !== undefined) {
      arity(core.inputs);
      return { ...common, kind: core.kind };
    }
    const call = roleCallOf({ domain: node.domain, type: node.opType });
    if (call !== undefined) {
      arity(call.method.inputs.length);
      return { ...common, kind: 'call', ...this.#componentCall(node, call, name) };
    }
    switch (key) {
      case `${DOMAIN.wire}::${WIRE.send}`:
        return this.#send(node, common, index);
      case `${DOMAIN.wire}::${WIRE.recv}`: {
        const edge = this.#edgeIn(node, this.#int(node, 'edge', name), index);
        if (edge.kind === 'collect') this.#fail(`edge ${edge.id} is a collect's`, name);
        return { ...common, kind: 'recv', edge, deadlineNs: this.#deadline(node, edge) };
      }
      case `${DOMAIN.wire}::${WIRE.collect}`:
        return this.#collect(node, common, index);
      case `${DOMAIN.core}::${CORE.stateRead}`:
        arity(1);
        return { ...common, kind: 'stateRead', key: this.#text(node, 'key'), after: undefined };
      case `${DOMAIN.core}::${CORE.stateAssign}`:
        arity(1);
        return { ...common, kind: 'stateAssign', key: this.#text(node, 'key') };
      case `${DOMAIN.core}::${CORE.invoke}`:
        return this.#entry(node, common);
      case `${DOMAIN.core}::${CORE.next}`:
        // All arguments are given again, and a condition before them.
        if (this.#invoke === undefined || this.#text(node, 'entry') !== this.#invoke.entry)
          this.#fail('Next starts no entry of this program', name);
        arity(this.#invoke.inputs.length + 1);
        return { ...common, kind: 'next' };
      default:
        return this.#fail(`op type ${node.domain === '' ? node.opType : key} is not known here`, name);
    }
  }

  #send(node: onnx.NodeProto, common: Unfinished, index: number): Instruction {
    const id = this.#int(node, 'edge', common.name);
    const edge =
      this.#edgesOut.get(id) ?? this.#fail(`edge ${id} is not among the outgoing ones`, common.name);
    // A trigger that waits for nothing is sent when the flow starts.
    const count = common.inputs.length;
    // A scatter may say whom its rows are for.
    if (count !== 1 && !(edge.kind === 'trigger' && count === 0) && !(edge.kind === 'scatter' && count === 2))
      this.#fail('Send takes one input', common.name);
    const destinations = this.#bound(edge, edge.to, common.name);
    const number = this.#optionalInt(node, 'envelope') ?? edge.envelope;
    const key = `${number}\n${edge.to.class}`;
    let envelope = this.#envelopeIndex.get(key);
    if (envelope === undefined) {
      envelope = this.#envelopes.push({ number, destinations, sends: [], edges: [], scatters: false }) - 1;
      this.#envelopeIndex.set(key, envelope);
    }
    const group = this.#envelopes[envelope]!;
    group.sends.push(index);
    group.edges.push(edge);
    group.scatters ||= edge.kind === 'scatter';
    return { ...common, kind: 'send', edge, envelope };
  }

  #entry(node: onnx.NodeProto, common: Unfinished): Invoke {
    const { entries, class: own } = this.#bundle.manifest;
    const entry = this.#text(node, 'entry');
    if (this.#invoke !== undefined || !entries.some((one) => one.name === entry && one.class === own))
      this.#fail(`Invoke of ${entry}, which does not start here, or twice`, common.name);
    if (common.outputs.length !== common.inputs.length + 1)
      this.#fail('Invoke gives true and its arguments', common.name);
    const limit = this.#optionalInt(node, 'limit') ?? 1;
    if (limit < 1) this.#fail(`a limit of ${limit} flows`, common.name);
    const names = this.#texts(node, 'arguments');
    if (names.length !== common.inputs.length)
      this.#fail(`${common.inputs.length} arguments with ${names.length} names`, common.name);
    this.#invoke = { ...common, kind: 'invoke', entry, arguments: names, limit };
    return this.#invoke;
  }

  #collect(node: onnx.NodeProto, common: Unfinished, index: number): Instruction {
    const ids = node.attribute.find((one) => one.name === 'edges')?.ints.map(Number) ?? [];
    const edges = ids.map((id) => this.#edgeIn(node, id, index));
    const first = edges[0] ?? this.#fail('Collect has no edges', common.name);
    for (const edge of edges)
      if (edge.kind !== 'collect' || edge.from.class !== first.from.class)
        this.#fail(`edge ${edge.id} does not fit the others of its Collect`, common.name);
    const members = this.#bound(first, first.from, common.name);
    const enough = this.#optionalInt(node, 'enough') ?? members.length;
    const atLeast = this.#optionalInt(node, 'at_least') ?? enough;
    if (atLeast < 0 || atLeast > enough || enough > members.length)
      this.#fail(`at_least ${atLeast}, enough ${enough} of ${members.length} members`, common.name);
    const deadlineNs = this.#deadline(node, first);
    const late = this.#optionalText(node, 'late') ?? 'drop';
    if (late !== 'drop' && late !== 'next') this.#fail(`late ${late} is neither drop nor next`, common.name);
    const keepsLate = late === 'next';
    const count = edges.length + (keepsLate ? 3 : 2);
    if (common.outputs.length > count) this.#fail(`Collect gives ${count} values`, common.name);
    const at = node.metadataProps.find((one) => one.key === METADATA.at)?.value;
    return { ...common, kind: 'collect', edges, members, atLeast, enough, deadlineNs, keepsLate, at };
  }

  #componentCall(
    node: onnx.NodeProto,
    { role, name: method, method: { outputs, ...declared } }: RoleCall,
    op: string,
  ) {
    const name = this.#text(node, ROLE_ATTRIBUTE.slot);
    const slot = this.#bundle.manifest.slots.find((one) => one.name === name && one.role === role);
    if (slot === undefined) return this.#fail(`the manifest has no slot ${name} for a ${role}`, op);
    const results = outputs === 'fields' ? (slot.fields ?? []) : outputs;
    if (results.length !== node.output.length)
      this.#fail(`${method} of ${name} gives ${results.length} values, not ${node.output.length}`, op);
    const options: Record<string, string> = {};
    for (const [option, words] of Object.entries(declared.options)) {
      options[option] = this.#optionalText(node, option) ?? words[0]!;
      if (!words.includes(options[option])) this.#fail(`${option} is none of ${words.join(', ')}`, op);
    }
    return { component: slot.component, method, options, results };
  }

  #edgeIn(node: onnx.NodeProto, id: number, index: number): Edge {
    const edge = this.#edgesIn.get(id) ?? this.#fail(`edge ${id} is not among the incoming ones`, node.name);
    if (edge.kind === 'exchange') this.#fail(`edge ${id}: ${edge.kind} is not there yet`, node.name);
    if (this.#receivers.has(id)) this.#fail(`edge ${id} is received twice`, node.name);
    this.#bound(edge, edge.from, node.name);
    this.#receivers.set(id, index);
    return edge;
  }

  /** Peer ids at one end of an edge, in set order. */
  #bound(edge: Edge, { class: name, binder }: Edge['from'], op: string): readonly string[] {
    const members = this.#bundle.manifest.members[name] ?? [];
    if (binder === 'single') return members.slice(0, 1);
    if (binder === 'each') return members;
    return this.#fail(`edge ${edge.id}: binder ${binder} is not there yet`, op);
  }

  #optionalInt(node: onnx.NodeProto, name: string): number | undefined {
    const attribute = node.attribute.find((one) => one.name === name);
    return attribute === undefined ? undefined : Number(attribute.i);
  }

  #int(node: onnx.NodeProto, name: string, op: string): number {
    return this.#optionalInt(node, name) ?? this.#fail(`${node.opType} has no attribute ${name}`, op);
  }

  #deadline(node: onnx.NodeProto, edge: Edge): number {
    return this.#optionalInt(node, 'deadline_ns') ?? edge.deadlineNs;
  }

  #text(node: onnx.NodeProto, name: string): string {
    return this.#optionalText(node, name) ?? this.#fail(`${node.opType} has no ${name}`, node.name);
  }

  #texts(node: onnx.NodeProto, name: string): readonly string[] {
    return (node.attribute.find((one) => one.name === name)?.strings ?? []).map((one) => utf8.decode(one));
  }

  #optionalText(node: onnx.NodeProto, name: string): string | undefined {
    const bytes = node.attribute.find((one) => one.name === name)?.s;
    return bytes && utf8.decode(bytes);
  }
}
