// Decodes the ops of one seat into the table that a node executes.

import type { Edge, Seat } from '../ir/deployment.ts';
import { CORE, DOMAIN, METADATA, WIRE } from '../ir/names.ts';
import { portOf } from '../ir/roles/declaration.ts';
import { type MethodCall, ROLE_ATTRIBUTE, roleMethodOf } from '../ir/roles.ts';
import type { Tensor } from '../ir/types.ts';
import type { LoadedBundle } from './bundle.ts';
import { linkFragments } from './fragments.ts';
import {
  COMPONENT,
  type ComponentCall,
  type EnvelopeGroup,
  type Instruction,
  type Invoke,
  isWait,
  type Judged,
  limitPolicies,
  NO_SLOT,
  type SeatProgram,
  type SegmentCall,
  shiftOf,
  type Trigger,
} from './instruction.ts';
import type { Members } from './members.ts';
import { badProgram } from './problem.ts';
import { decode } from './proto/codec.ts';
import * as onnx from './proto/onnx.ts';
import { nodeKernels } from './sets.ts';
import { tensorOfProto } from './tensor-proto.ts';
import { messageOf } from './value.ts';
import { scopesOf } from './variables.ts';

/** What the seats of a program have in common. */
export interface ProgramFile {
  readonly bundle: LoadedBundle;
  readonly members: Members;
  /** By id. */
  readonly edgesIn: ReadonlyMap<number, Edge>;
  readonly edgesOut: ReadonlyMap<number, Edge>;
  readonly initializers: ReadonlyMap<string, Uint8Array>;
  /** By segment: its plain ONNX ops. */
  readonly segmentOps: ReadonlyMap<string, number>;
  /** Components that some op of the program updates. */
  readonly updated: ReadonlySet<string>;
  /** By entry: how many arguments it takes. */
  readonly entries: ReadonlyMap<string, number>;
}

/** A seat, or all there is of a program with one. */
export interface SeatFile extends Omit<Seat, 'entry'> {
  readonly entry: string | undefined;
  readonly index: number;
  readonly nodes: readonly onnx.NodeProto[];
}

/** Throws DiagnosticError BB622 where it cannot run as its manifest says. */
export const decodeSeat = (file: ProgramFile, seat: SeatFile): SeatProgram =>
  new Decoder(file, seat).decode();

/** `file:line:column` of the author. */
const atOf = (node: onnx.NodeProto): string | undefined => onnx.metadataOf(node, METADATA.at);

/** Edges whose values a Collect takes. */
const gathered: readonly Edge['kind'][] = ['collect', 'exchange'];

/** Ops that tell of values whether they are there, by their type. */
const judging: Readonly<Record<string, { readonly kind: Judged['kind']; readonly inputs: number }>> = {
  [CORE.when]: { kind: 'when', inputs: 2 },
  [CORE.orElse]: { kind: 'orElse', inputs: 2 },
  [CORE.present]: { kind: 'present', inputs: 1 },
  [CORE.reason]: { kind: 'reason', inputs: 1 },
};

/** How many values a segment's call folds answers into, which are no weights of it. */
export const foldedBy = ({ attribute, output }: onnx.NodeProto): number =>
  attribute.some(({ name }) => name === 'fold') ? output.length : 0;

type Unfinished = Omit<Instruction, 'kind'> & { readonly fragment: undefined };

/** Binders of an edge's end whose members a set says. */
const bySet = ['one', 'some'];

class Decoder {
  readonly #file: ProgramFile;
  readonly #bundle: LoadedBundle;
  readonly #seat: SeatFile;
  readonly #slots = new Map<string, number>();
  readonly #constants: (Tensor | undefined)[] = [];
  readonly #producers: (number | undefined)[] = [];
  readonly #instructions: Instruction[] = [];
  readonly #fragmentNumbers: (number | undefined)[] = [];
  readonly #envelopes: (EnvelopeGroup & {
    readonly sends: number[];
    readonly edges: Edge[];
    rows: boolean[];
  })[] = [];
  readonly #envelopeIndex = new Map<string, number>();
  readonly #receivers = new Map<number, number>();
  #invoke: Invoke | undefined;

  constructor(file: ProgramFile, seat: SeatFile) {
    this.#file = file;
    this.#bundle = file.bundle;
    this.#seat = seat;
  }

  decode(): SeatProgram {
    const { manifest } = this.#bundle;
    const { index, name, binder, entry, nodes } = this.#seat;
    const mine = (names: readonly string[]) => (port: { readonly name: string }) => names.includes(port.name);
    const inputs = manifest.inputs
      .filter(mine(this.#seat.inputs))
      .map((port) => ({ slot: this.#define(port.name), port }));
    // Every output gets its slot before any input is read, so that a value used too early is told apart
    // from one that nothing makes.
    for (const node of nodes) this.#decodeNode(node);
    const outputs = manifest.outputs
      .filter(mine(this.#seat.outputs))
      .map((port) => ({ slot: this.#read(port.name, 'the outputs'), port }));
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
    const waits = linked.instructions.flatMap((one, at) => (isWait(one) ? [{ one, at }] : []));
    waits.sort((a, b) => a.one.deadlineNs - b.one.deadlineNs || a.at - b.at);
    return {
      manifest,
      index,
      name,
      binder,
      within: this.#within(),
      entry,
      startedBy: this.#startedBy(entry),
      ...linked,
      envelopes: this.#envelopes,
      slotNames: [...this.#slots.keys()],
      members: this.#file.members,
      scopes: scopesOf(manifest),
      producers: this.#producers,
      constants: this.#constants,
      inputs,
      outputs,
      outputsOfSlot,
      invoke: this.#invoke,
      waits: waits.map(({ at }) => at),
      receivers: this.#receivers,
    };
  }

  #startedBy(entry: string | undefined): SeatProgram['startedBy'] {
    const { entries } = this.#bundle.manifest;
    const found = entries.find(({ name }) => name === entry) ?? entries[0] ?? this.#fail('it has no entry');
    return { joint: found.joint === true, class: found.class };
  }

  /** Who is bound is woken: some edge leads there. */
  #within(): readonly string[] {
    const [edge] = this.#receivers.keys();
    return (edge === undefined ? undefined : this.#file.edgesIn.get(edge)?.to.within) ?? [];
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
    const proto = this.#file.initializers.get(name);
    if (proto === undefined) return this.#fail(`nothing before ${reader} makes value ${name}`);
    const made = this.#define(name);
    try {
      this.#constants[made] = tensorOfProto(decode(onnx.tensor, proto), this.#bundle.weights);
    } catch (error) {
      this.#fail(`constant ${name}: ${messageOf(error)}`);
    }
    return made;
  }

  #decodeNode(node: onnx.NodeProto): void {
    const name = node.name || node.output.find((one) => one !== '') || node.opType;
    const index = this.#instructions.length;
    const isCall = node.domain === DOMAIN.segment;
    const folded = foldedBy(node);
    const inputs = node.input
      // Weights of a segment are in its session; a left-out optional input is none either.
      .filter((input, at) => input !== '' && !(isCall && at >= folded && this.#file.initializers.has(input)))
      .map((input) => this.#read(input, name));
    const outputs = node.output.map((output) => (output === '' ? NO_SLOT : this.#define(output, index)));
    const common = { name, fragment: undefined, inputs, reads: [...new Set(inputs)], outputs };
    this.#instructions.push(this.#instruction(node, common, index));
    const fragment = onnx.metadataOf(node, METADATA.fragment);
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
      const ops = this.#file.segmentOps.get(node.opType);
      if (ops === undefined) return this.#fail(`no function ${node.opType}`, name);
      const call = { ...common, kind: 'segment' as const, segment: node.opType, ops };
      return foldedBy(node) > 0 ? this.#fold(call, index) : call;
    }
    const own = node.domain === DOMAIN.core ? (judging[node.opType] ?? nodeKernels[node.opType]) : undefined;
    if (own !== undefined) {
      arity(own.inputs);
      if ('kind' in own) return { ...common, kind: own.kind };
      return { ...common, kind: 'computed', kernel: own, class: onnx.textIn(node, 'class') };
    }
    const call = roleMethodOf(node.domain, node.opType, onnx.textIn(node, ROLE_ATTRIBUTE.kind));
    if (call !== undefined) {
      if (call.method !== undefined) arity(call.method.inputs.length);
      return { ...common, kind: 'call', ...this.#componentCall(node, call, name) };
    }
    switch (key) {
      case `${DOMAIN.wire}::${WIRE.send}`:
        return this.#send(node, common, index);
      case `${DOMAIN.wire}::${WIRE.recv}`: {
        const edge = this.#edgeIn(node, this.#int(node, 'edge', name), index);
        if (gathered.includes(edge.kind)) this.#fail(`edge ${edge.id} is a collect's`, name);
        arity(edge.from.binder === 'one' && shiftOf(edge) <= 0 ? 1 : 0);
        return { ...common, kind: 'recv', edge, at: atOf(node), deadlineNs: this.#deadline(node, edge) };
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
      case `${DOMAIN.core}::${CORE.start}`: {
        const entry = this.#text(node, 'entry');
        const given = this.#file.entries.get(entry);
        if (given === undefined) return this.#fail(`${node.opType} starts no entry of this program`, name);
        // All arguments are given again, and a condition before them.
        arity(given + 1);
        return { ...common, kind: node.opType === CORE.next ? 'next' : 'start', entry };
      }
      default:
        return this.#fail(`op type ${node.domain === '' ? node.opType : key} is not known here`, name);
    }
  }

  /** A call for each answer of the Collect whose fields it takes, after the values that they are folded into. */
  #fold(call: SegmentCall, index: number): Instruction {
    const { name, inputs, outputs } = call;
    const folds = this.#producers[inputs[outputs.length]!] ?? NO_SLOT;
    const one = this.#instructions[folds];
    if (
      one?.kind !== 'collect' ||
      one.keepsLate ||
      one.asCome ||
      `${inputs.filter((slot) => one.outputs.includes(slot))}` !== `${one.outputs.slice(0, one.edges.length)}`
    )
      return this.#fail('it folds no answers of a Collect', name);
    this.#instructions[folds] = { ...one, fold: index };
    return { ...call, folds };
  }

  #send(node: onnx.NodeProto, common: Unfinished, index: number): Instruction {
    const id = this.#int(node, 'edge', common.name);
    const edge =
      this.#file.edgesOut.get(id) ?? this.#fail(`edge ${id} is not among the outgoing ones`, common.name);
    const { binder } = edge.to;
    const byRow =
      edge.kind === 'scatter' || (edge.kind === 'exchange' && this.#optionalInt(node, 'rows') === 1);
    const least = bySet.includes(binder) && shiftOf(edge) >= 0 ? 2 : edge.kind === 'trigger' ? 0 : 1;
    const count = common.inputs.length;
    // A trigger that waits for nothing is sent when the flow starts. A scatter may say whom its rows are for.
    if (count < least || count > (least === 2 || byRow ? 2 : 1))
      this.#fail('Send takes one input', common.name);
    const number = this.#optionalInt(node, 'envelope') ?? edge.envelope;
    const key = `${number}\n${edge.to.class}\n${edge.to.seat ?? ''}`;
    let envelope = this.#envelopeIndex.get(key);
    if (envelope === undefined) {
      const group = { number, ...this.#destinations(edge), sends: [], edges: [], rows: [] };
      envelope = this.#envelopes.push(group) - 1;
      this.#envelopeIndex.set(key, envelope);
    }
    const group = this.#envelopes[envelope]!;
    group.sends.push(index);
    group.edges.push(edge);
    if (byRow)
      group.rows = group.edges.map((_, at) => at === group.edges.length - 1 || group.rows[at] === true);
    return { ...common, kind: 'send', edge, envelope };
  }

  #destinations(edge: Edge): Pick<EnvelopeGroup, 'binder' | 'shift' | 'class' | 'local' | 'destinations'> {
    const { to, kind } = edge;
    const { binder } = to;
    const [destinations, shift] = [this.#bound(to), shiftOf(edge)];
    return {
      binder: shift < 0 ? 'around' : binder === 'single' || binder === 'each' ? 'all' : binder,
      shift,
      class: to.class,
      local: kind === 'local',
      destinations,
    };
  }

  #entry(node: onnx.NodeProto, common: Unfinished): Invoke {
    const { entries, class: own } = this.#bundle.manifest;
    const entry = this.#text(node, 'entry');
    if (this.#invoke !== undefined || !entries.some((one) => one.name === entry && one.class === own))
      this.#fail(`Invoke of ${entry}, which does not start here, or twice`, common.name);
    const limit = this.#optionalInt(node, 'limit') ?? 1;
    if (limit < 1) this.#fail(`a limit of ${limit} flows`, common.name);
    const policy = this.#word(node, 'policy', limitPolicies);
    const names = onnx.textsIn(node, 'arguments');
    // What an event brings has no initial value.
    if (names.length < common.inputs.length || common.outputs.length !== names.length + 1)
      this.#fail(`Invoke gives true and its ${names.length} arguments`, common.name);
    const trigger = this.#trigger(node);
    this.#invoke = { ...common, kind: 'invoke', entry, arguments: names, limit, policy, trigger };
    return this.#invoke;
  }

  #trigger(node: onnx.NodeProto): Trigger | undefined {
    const kind = onnx.textIn(node, 'trigger');
    if (kind === undefined) return undefined;
    if (kind === 'event')
      return { kind, component: this.#text(node, 'component'), event: this.#text(node, 'event') };
    if (kind === 'begin') return { kind };
    const periodNs = this.#int(node, 'period_ns', node.name);
    if ((kind !== 'interval' && kind !== 'after') || periodNs <= 0)
      return this.#fail(`a trigger ${kind} of ${periodNs} ns`, node.name);
    return { kind, periodNs };
  }

  #collect(node: onnx.NodeProto, common: Unfinished, index: number): Instruction {
    const ids = onnx.attributeOf(node, 'edges')?.ints.map(Number) ?? [];
    const edges = ids.map((id) => this.#edgeIn(node, id, index));
    const first = edges[0] ?? this.#fail('Collect has no edges', common.name);
    for (const edge of edges)
      if (!gathered.includes(edge.kind) || edge.from.class !== first.from.class)
        this.#fail(`edge ${edge.id} does not fit the others of its Collect`, common.name);
    const members = first.from.binder === 'some' ? undefined : this.#bound(first.from);
    if (common.inputs.length !== (members === undefined ? 1 : 0))
      this.#fail('Collect takes the set whose members answer, or nothing', common.name);
    const enough = this.#optionalInt(node, 'enough') ?? members?.length;
    const atLeast = this.#optionalInt(node, 'at_least') ?? enough;
    // How large a set will be, only its flow knows.
    const most = members?.length ?? Number.POSITIVE_INFINITY;
    if ((atLeast ?? 0) < 0 || (atLeast ?? 0) > (enough ?? most) || (enough ?? 0) > most)
      this.#fail(`at_least ${atLeast}, enough ${enough} of ${most} members`, common.name);
    const deadlineNs = this.#deadline(node, first);
    const keepsLate = this.#word(node, 'late', ['drop', 'next']) === 'next';
    const count = edges.length + (keepsLate ? 3 : 2);
    if (common.outputs.length > count) this.#fail(`Collect gives ${count} values`, common.name);
    const vouched = this.#optionalInt(node, 'vouched') === 1;
    const asCome = this.#word(node, 'order', ['set', 'arrival']) === 'arrival';
    const waits = { deadlineNs, keepsLate, vouched, asCome, at: atOf(node) };
    return { ...common, kind: 'collect', edges, members, atLeast, enough, ...waits };
  }

  #componentCall(
    node: onnx.NodeProto,
    { role, name: method, kind: effect, method: declared }: MethodCall,
    op: string,
  ): Omit<ComponentCall, 'kind' | keyof Unfinished> {
    const name = this.#text(node, ROLE_ATTRIBUTE.slot);
    const slot = this.#bundle.manifest.slots.find((one) => one.name === name && one.role === role);
    if (slot === undefined) return this.#fail(`the manifest has no slot ${name} for a ${role}`, op);
    const results =
      declared === undefined
        ? (slot.methods?.[method]?.outputs ??
          this.#fail(`slot ${name} does not tell what ${method} gives`, op))
        : declared.outputs === 'fields'
          ? (slot.fields ?? [])
          : declared.outputs.map(portOf);
    if (results.length !== node.output.length)
      this.#fail(`${method} of ${name} gives ${results.length} values, not ${node.output.length}`, op);
    const options: Record<string, string> = {};
    for (const [option, words] of Object.entries(declared?.options ?? {})) {
      options[option] =
        words.length > 0 ? this.#word(node, option, words) : (onnx.textIn(node, option) ?? '');
    }
    // A protocol's are what is written: that of a choice the first word is left out, its component knows.
    if (declared === undefined)
      for (const { name: option } of node.attribute)
        if (!Object.values<string>(ROLE_ATTRIBUTE).includes(option))
          options[option] = onnx.textIn(node, option) ?? '';
    const withinNs = this.#optionalInt(node, ROLE_ATTRIBUTE.within);
    const { component } = slot;
    const claim = this.#file.updated.has(component) ? COMPONENT + component : undefined;
    return { component, role, method, effect, options, results, withinNs, claim };
  }

  #edgeIn(node: onnx.NodeProto, id: number, index: number): Edge {
    const edge =
      this.#file.edgesIn.get(id) ?? this.#fail(`edge ${id} is not among the incoming ones`, node.name);
    if (this.#receivers.has(id)) this.#fail(`edge ${id} is received twice`, node.name);
    this.#receivers.set(id, index);
    return edge;
  }

  /** Peer ids that one end of an edge can have, in set order. */
  #bound({ class: name, binder }: Edge['from']): readonly string[] {
    const members = this.#bundle.manifest.members[name] ?? [];
    return binder === 'single' ? members.slice(0, 1) : members;
  }

  #optionalInt(node: onnx.NodeProto, name: string): number | undefined {
    const attribute = onnx.attributeOf(node, name);
    return attribute && Number(attribute.i);
  }

  #int(node: onnx.NodeProto, name: string, op: string): number {
    return this.#optionalInt(node, name) ?? this.#fail(`${node.opType} has no attribute ${name}`, op);
  }

  #deadline(node: onnx.NodeProto, edge: Edge): number {
    return this.#optionalInt(node, 'deadline_ns') ?? edge.deadlineNs;
  }

  #text(node: onnx.NodeProto, name: string): string {
    return onnx.textIn(node, name) ?? this.#fail(`${node.opType} has no ${name}`, node.name);
  }

  /** One of several; the first where it says none. */
  #word<Word extends string>(node: onnx.NodeProto, name: string, words: readonly Word[]): Word {
    const said = onnx.textIn(node, name) ?? words[0];
    return (
      words.find((one) => one === said) ??
      this.#fail(`${name} ${said} is none of ${words.join(', ')}`, node.name)
    );
  }
}
