// Executes a program: fires instructions as their inputs come, fragment by fragment, flow by flow.
//
// Data flow with counters: each instruction knows how many inputs it waits for, each slot who waits for it.
// What is ready goes into one queue, so that a chain of any length needs no stack, and firing costs the same
// however many ops or flows there are. Nothing here knows of frames, peers' addresses or time.

import { Arrivals } from './arrivals.ts';
import { argumentsIn, boolScalar, coreResult, decidedEarly, truthOf } from './core-ops.ts';
import type { Flow } from './flow.ts';
import { endsWith } from './fragments.ts';
import { Gates } from './gates.ts';
import {
  type Call,
  type ComponentCall,
  type CoreOp,
  type Fold,
  type Instruction,
  type Invoke,
  isFold,
  isWait,
  type Next,
  NO_SLOT,
  type Reader,
  type Send,
  type StateAssign,
  type StateRead,
} from './instruction.ts';
import { type Held, isHeld, type Leases, type Slot } from './lease.ts';
import type { EngineOutlet, Work } from './outlet.ts';
import { Sending } from './sending.ts';
import { leaveUnwanted } from './unwanted.ts';
import { failed, isMissing, type Missing, type MissingReason } from './value.ts';
import { keyIn, Variables } from './variables.ts';
import { Works } from './works.ts';

/** It has been committed: nothing waits for its answer but the end of its flow. */
const isUpdate = (call: Call): boolean => call.kind === 'call' && call.effect === 'update';

export class Engine {
  readonly #peer: string;
  readonly #leases: Leases;
  readonly #outlet: EngineOutlet;
  readonly #sending: Sending;
  readonly gates: Gates;
  readonly variables: Variables;
  readonly works: Works;
  readonly arrivals: Arrivals;
  #readyFlows: Flow[] = [];
  #ready: number[] = [];

  constructor(peer: string, leases: Leases, outlet: EngineOutlet, keepsInputs: boolean) {
    this.#peer = peer;
    this.#leases = leases;
    this.#outlet = outlet;
    this.#sending = new Sending(leases, outlet);
    this.arrivals = new Arrivals(peer, leases, {
      outlet,
      set: (flow, slot, value) => this.#set(flow, slot, value),
      used: (flow, slot) => this.#used(flow, slot),
      complete: (flow, index) => this.#complete(flow, index),
      fold: (flow, index) => this.#fold(flow, index),
      blame: (flow, index, missing) => this.blame(flow, index, missing),
    });
    this.works = new Works(leases, keepsInputs);
    this.variables = new Variables(leases, outlet.evicted);
    this.gates = new Gates(peer, leases, this.variables, (flow, index) => this.#notify(flow, index));
  }

  restore(key: string, value: Held): void {
    this.#leases.hold(value);
    this.variables.assign(key, value);
  }

  /** Lets everything that waits for nothing begin. */
  begin(flow: Flow): void {
    const { instructions, pending, outputsOfSlot, constants } = flow.seat;
    this.gates.hold(flow);
    instructions.forEach((one, index) => {
      if (pending[index]! > 0) return;
      if (!isWait(one)) this.#enqueue(flow, index);
      // A set that is a constant.
      else if (one.inputs.length > 0) this.arrivals.bind(flow, index);
    });
    this.gates.begin(flow);
    for (const slot of outputsOfSlot.keys()) if (constants[slot] !== undefined) this.#emit(flow, slot);
  }

  /** Gives a graph input its value; false if it has one. */
  supply(flow: Flow, input: number, value: Slot): boolean {
    const { slot } = flow.seat.inputs[input]!;
    if (flow.supplied[input] === 1) return false;
    flow.supplied[input] = 1;
    this.#set(flow, slot, value);
    flow.left--;
    return true;
  }

  finish(id: number, outputs: readonly Held[]): boolean {
    const work = this.works.end(id);
    if (work === undefined) return false;
    const { flow, index, call } = work;
    const wanted = call.outputs.filter((slot) => slot !== NO_SLOT);
    if (call.kind === 'segment') flow.ops += call.ops;
    if (isUpdate(call)) {
      flow.left--;
      return true;
    }
    if (flow.cancelled !== undefined || outputs.length !== wanted.length) {
      this.#leases.holdAll(outputs);
      this.#leases.dropAll(outputs);
      const wrong = failed(this.#peer, `${outputs.length} results where ${wanted.length} belong`);
      this.#failWork(work, flow.cancelled ?? wrong);
      return true;
    }
    if (isFold(call)) {
      this.#refold(flow, index, outputs);
      return true;
    }
    wanted.forEach((slot, at) => {
      this.#set(flow, slot, outputs[at]!);
    });
    this.#complete(flow, index);
    return true;
  }

  fail(id: number, reason: MissingReason, detail: string): Work | undefined {
    // Who took too long may still be reading: such buffers are never used again.
    if (reason === 'timeout') for (const lease of this.works.get(id)?.holds ?? []) lease.shared = true;
    const work = this.works.end(id);
    if (work !== undefined) this.#failWork(work, work.flow.cancelled ?? { reason, peer: this.#peer, detail });
    return work;
  }

  /** Whoever hears of a cancellation commits no more of the flow, and sends nothing but that it is missing. */
  cancel(flow: Flow, missing: Missing): void {
    flow.cancelled = missing;
    flow.causes.push({ value: '', missing });
    flow.seat.inputs.forEach((_, index) => {
      this.supply(flow, index, missing);
    });
    for (const index of flow.seat.waits) {
      if (flow.fired[index] === 1) continue;
      if (flow.seat.instructions[index]!.kind === 'recv') this.arrivals.receive(flow, index, missing);
      else this.arrivals.close(flow, index, () => missing);
    }
  }

  /** Ends what only these edges need, since whoever they lead to waits for them no more. */
  leave(flow: Flow, edges: readonly number[], missing: Missing): void {
    flow.unwanted.add(missing);
    leaveUnwanted(flow, edges, {
      used: (slot) => this.#used(flow, slot),
      decline: (index, one) => {
        this.#sending.decline(flow, index, one, missing);
        this.#complete(flow, index);
      },
      skip: (index, one) => this.#skip(flow, index, one, missing),
      abort: (index) => {
        const work = this.works.abort(flow, index);
        if (work !== undefined) this.#outlet.abort(work);
        const call = flow.seat.instructions[index] as Call;
        if (work !== undefined || isFold(call)) this.#giveUp(flow, index, call, missing);
      },
    });
  }

  /** Fires what is ready until nothing is; then ends `changed` and the flows that fired, if they are done. */
  settle(changed: Flow): void {
    const touched = new Set([changed]);
    for (let at = 0; ; ) {
      if (this.gates.enter()) continue;
      if (at >= this.#ready.length) break;
      const flow = this.#readyFlows[at]!;
      touched.add(flow);
      this.#fire(flow, this.#ready[at]!);
      at++;
    }
    this.#ready = [];
    this.#readyFlows = [];
    for (const flow of touched) this.#endIfDone(flow);
    // A bootstrap that is over lets others begin.
    if (this.gates.areOpen) this.settle(changed);
  }

  /** Why a component is not asked whose bootstrap has failed. */
  #barred(flow: Flow, index: number, call: Call): Missing | undefined {
    const missing = call.kind === 'call' ? this.gates.claims.barred.get(call.claim ?? '') : undefined;
    if (missing === undefined) return undefined;
    this.#void(flow, call.fragment, missing);
    this.blame(flow, index, missing);
    return missing;
  }

  #endIfDone(flow: Flow): void {
    if (flow.left > 0 || flow.ended) return;
    flow.ended = true;
    this.#dropGiven(flow);
    this.#leases.dropAll(flow.values);
    flow.values.fill(undefined);
    this.#outlet.ended(flow);
    this.gates.end(flow);
  }

  /** Notes why the flow will not be complete; a decline is the author's will. */
  blame(flow: Flow, index: number, missing: Missing): void {
    if (missing.reason === 'declined') return;
    const one = flow.seat.instructions[index]!;
    const deadlineNs = isWait(one) ? one.deadlineNs : undefined;
    const value = one.kind === 'recv' ? one.edge.value : one.name;
    const last = flow.causes.at(-1);
    // One reason for a whole cohort.
    if (last?.missing === missing && last.value === value) return;
    flow.causes.push(deadlineNs === undefined ? { value, missing } : { value, missing, deadlineNs });
  }

  #enqueue(flow: Flow, index: number): void {
    flow.fired[index] = 1;
    this.#ready.push(index);
    this.#readyFlows.push(flow);
  }

  #set(flow: Flow, slot: number, value: Slot): void {
    this.#leases.hold(value);
    if (slot === NO_SLOT) return this.#leases.drop(value);
    flow.values[slot] = value;
    if (flow.seat.exportedBy[slot] === undefined) this.#emit(flow, slot);
    this.#tell(flow, flow.seat.readers[slot]!);
    if (flow.uses[slot] === 0) this.#free(flow, slot);
  }

  #tell(flow: Flow, readers: readonly Reader[]): void {
    for (const reader of readers) {
      if (reader < 0) this.gates.open(flow, ~reader);
      else this.#notify(flow, reader);
    }
  }

  #notify(flow: Flow, index: number): void {
    const left = --flow.pending[index]!;
    if (flow.fired[index] === 1) return;
    const one = flow.seat.instructions[index]!;
    if (left > 0 && !decidedEarly(flow, one)) return;
    if (isWait(one)) this.arrivals.bind(flow, index);
    else this.#enqueue(flow, index);
  }

  #free(flow: Flow, slot: number): void {
    const value = flow.values[slot];
    if (value === undefined || flow.seat.constants[slot] !== undefined) return;
    flow.values[slot] = undefined;
    this.#leases.drop(value);
  }

  /** A reader of the slot has fired. */
  #used(flow: Flow, slot: number): void {
    if (flow.seat.constants[slot] === undefined && --flow.uses[slot]! === 0) this.#free(flow, slot);
  }

  #emit(flow: Flow, slot: number): void {
    const names = flow.seat.outputsOfSlot.get(slot);
    if (names === undefined) return;
    const value = flow.values[slot]!;
    if (isHeld(value)) {
      flow.cameOut = true;
      if (value.lease !== undefined) value.lease.shared = true;
    }
    for (const at of names) this.#outlet.output(flow, flow.seat.outputs[at]!.port.name, value);
    this.#used(flow, slot);
  }

  /** It needs what it has read no more. */
  #release(flow: Flow, one: Instruction): void {
    for (const slot of one.reads) this.#used(flow, slot);
  }

  #done(flow: Flow, index: number, one: Instruction): void {
    this.#release(flow, one);
    this.#complete(flow, index);
  }

  #complete(flow: Flow, index: number): void {
    flow.left--;
    const { fragment } = flow.seat.instructions[index]!;
    if (fragment === undefined) return;
    const one = flow.seat.fragments[fragment]!;
    if (!endsWith(one, index) || --flow.inside[fragment]! > 0) return;
    if (one.writes) this.#commit(flow, fragment);
    else this.gates.leave(flow, fragment);
  }

  #fire(flow: Flow, index: number): void {
    const one = flow.seat.instructions[index]!;
    switch (one.kind) {
      case 'call':
        if (one.effect === 'update') return this.#update(flow, index, one);
        return this.#call(flow, index, one);
      case 'segment':
        if (isFold(one)) return this.#beginFold(flow, index, one);
        return this.#call(flow, index, one);
      case 'send':
        return this.#send(flow, index, one);
      case 'stateRead':
        return this.#stateRead(flow, index, one);
      case 'stateAssign':
        return this.#stateAssign(flow, index, one);
      case 'invoke':
        return this.#invoke(flow, index, one);
      case 'next':
      case 'start':
        return this.#next(flow, index, one);
      case 'recv':
      case 'collect':
        return;
      default:
        return this.#core(flow, index, one);
    }
  }

  #invoke(flow: Flow, index: number, one: Invoke): void {
    const values = argumentsIn(flow, one, this.#peer);
    const missing = flow.cancelled ?? values.find((value) => !isHeld(value));
    one.outputs.forEach((slot, at) => {
      this.#set(flow, slot, missing ?? (at === 0 ? boolScalar(true) : values[at - 1]!));
    });
    this.#dropGiven(flow);
    this.#done(flow, index, one);
  }

  #dropGiven(flow: Flow): void {
    this.#leases.dropAll(flow.given);
    flow.given = undefined;
  }

  /** Notes what the flow to come is given; it starts when this op's fragment has committed. */
  #next(flow: Flow, index: number, one: Next): void {
    const [condition, ...given] = one.inputs.map((slot) => flow.values[slot]!);
    const fires = isHeld(condition!) && truthOf(condition.data) === true && given.every(isHeld);
    if (fires && flow.cancelled === undefined) {
      this.#leases.holdAll(given);
      flow.nexts.set(index, given);
    }
    this.#release(flow, one);
    const { fragment } = one;
    if (fragment === undefined || !flow.seat.fragments[fragment]!.writes) this.#follow(flow, index, false);
    this.#complete(flow, index);
  }

  #follow(flow: Flow, index: number, voided: boolean): void {
    const given = flow.nexts.get(index);
    flow.nexts.delete(index);
    if (given === undefined) return;
    if (voided) this.#leases.dropAll(given);
    else this.#outlet.next(flow, flow.seat.instructions[index] as Next, given);
  }

  #core(flow: Flow, index: number, one: CoreOp): void {
    this.#set(flow, one.outputs[0] ?? NO_SLOT, flow.cancelled ?? coreResult(one, flow, this.#peer));
    this.#done(flow, index, one);
  }

  #call(flow: Flow, index: number, call: Call): void {
    const inputs = this.#inputsOf(flow, index, call);
    const release = (): void => this.#release(flow, call);
    if (!isMissing(inputs)) return this.#start(flow, index, call, inputs, release);
    release();
    this.#skip(flow, index, call, inputs);
  }

  /** What a call is given; or why it does not take place. */
  #inputsOf(flow: Flow, index: number, call: Call): readonly Held[] | Missing {
    const inputs = call.inputs.map((slot) => flow.values[slot]!);
    const missing =
      flow.cancelled ??
      this.#barred(flow, index, call) ??
      inputs.find((value): value is Missing => !isHeld(value));
    return missing ?? (inputs as Held[]);
  }

  /** `used` is told when the work holds its inputs. */
  #start(flow: Flow, index: number, call: Call, inputs: readonly Held[], used: () => void): void {
    const { work, data, transfer } = this.works.begin(flow, index, call, inputs, used);
    this.#outlet.start(work, data, transfer);
  }

  #failWork({ flow, index, call }: Work, missing: Missing): void {
    if (isUpdate(call)) {
      flow.left--;
      return this.blame(flow, index, missing);
    }
    this.#void(flow, call.fragment, missing);
    this.blame(flow, index, missing);
    this.#giveUp(flow, index, call, missing);
  }

  /** A call that was begun gives nothing; of a fold nothing comes any more, whoever may still answer. */
  #giveUp(flow: Flow, index: number, call: Call, missing: Missing): void {
    if (!isFold(call)) return this.#skip(flow, index, call, missing);
    this.#refold(
      flow,
      index,
      call.outputs.map(() => missing),
    );
  }

  #beginFold(flow: Flow, index: number, { inputs, outputs, reads }: Call): void {
    const others = inputs.slice(outputs.length);
    this.#refold(
      flow,
      index,
      outputs.map((_, at) => flow.values[inputs[at]!]!),
    );
    for (const slot of reads) if (!others.includes(slot)) this.#used(flow, slot);
  }

  #refold(flow: Flow, index: number, values: readonly Slot[]): void {
    this.#leases.holdAll(values);
    this.#leases.dropAll(flow.folded.get(index));
    flow.folded.set(index, values);
    this.#fold(flow, index);
  }

  /** Folds the next answer whose turn has come; after the last one shows what has become of them. */
  #fold(flow: Flow, index = NO_SLOT): void {
    const values = flow.folded.get(index);
    const call = flow.seat.instructions[index] as Fold;
    const answers = values && flow.answers.get(call.folds);
    // It has not begun, is under way or over; or nobody has answered.
    if (answers === undefined) return;
    const { ready } = answers;
    this.arrivals.gathering.advance(answers);
    const others = call.inputs.slice(values!.length);
    const found = others.map((slot) => flow.values[slot]);
    const missing = flow.cancelled ?? [...values!, ...found].find((one) => one && !isHeld(one));
    if (missing !== undefined) this.#leases.dropAll(ready.splice(0).flat());
    const row = ready.shift() ?? [];
    // While its Collect is open, nothing stands for the fields.
    if (row.length === 0 && found[0] === undefined) return;
    flow.folded.delete(index);
    const used = [...values!, ...row];
    if (row.length > 0) {
      const inputs = [...used, ...found.slice(row.length)] as Held[];
      return this.#start(flow, index, call, inputs, () => this.#leases.dropAll(used));
    }
    flow.answers.delete(call.folds);
    call.outputs.forEach((slot, at) => {
      this.#set(flow, slot, missing ?? values![at]!);
    });
    this.#leases.dropAll(used);
    for (const slot of new Set(others)) this.#used(flow, slot);
    this.#complete(flow, index);
  }

  /** A fragment leaves nothing behind, for the first reason that there is. */
  #void({ voided }: Flow, fragment: number | undefined, missing: Missing): void {
    if (fragment !== undefined && !voided.has(fragment)) voided.set(fragment, missing);
  }

  /** Completes an instruction that did not run. */
  #skip(flow: Flow, index: number, one: Instruction, missing: Missing): void {
    for (const slot of one.outputs) this.#set(flow, slot, missing);
    this.#complete(flow, index);
  }

  #send(flow: Flow, index: number, one: Send): void {
    this.#sending.take(flow, index, one);
    this.#done(flow, index, one);
  }

  #stateRead(flow: Flow, index: number, one: StateRead): void {
    const before = one.after === undefined ? undefined : flow.assigned.get(one.after);
    const value = flow.cancelled ?? before ?? flow.found.get(index) ?? flow.values[one.inputs[0]!]!;
    this.#set(flow, one.outputs[0] ?? NO_SLOT, value);
    const found = flow.found.get(index);
    if (found !== undefined) this.#leases.drop(found);
    flow.found.delete(index);
    this.#done(flow, index, one);
  }

  #stateAssign(flow: Flow, index: number, one: StateAssign): void {
    const value = flow.cancelled ?? flow.values[one.inputs[0]!]!;
    const fragment = one.fragment!;
    if (isHeld(value)) {
      this.#leases.hold(value);
      flow.assigned.set(index, value);
    } else if (value.reason !== 'declined') this.#void(flow, fragment, value);
    this.#used(flow, one.inputs[0]!);
    for (const reread of flow.seat.rereads.get(index) ?? []) this.#notify(flow, reread);
    this.#complete(flow, index);
  }

  /** The end of a writing fragment: all of its effects, or none. */
  #commit(flow: Flow, fragment: number): void {
    const { gated, exports } = flow.seat.fragments[fragment]!;
    const missing = flow.cancelled ?? flow.voided.get(fragment);
    const told = flow.cancelled !== undefined || flow.causes.some((cause) => cause.missing === missing);
    if (missing !== undefined && !told) this.blame(flow, gated[0]!, missing);
    for (const index of gated) {
      this.#apply(flow, index, missing !== undefined);
      const value = flow.assigned.get(index);
      if (value === undefined) continue;
      flow.assigned.delete(index);
      if (missing === undefined)
        this.variables.assign(keyIn(flow, (flow.seat.instructions[index] as StateAssign).key), value);
      else this.#leases.drop(value);
    }
    for (const slot of exports) {
      const value = flow.values[slot];
      if (missing !== undefined && value !== undefined && isHeld(value)) {
        this.#leases.drop(value);
        flow.values[slot] = missing;
      }
      this.#emit(flow, slot);
      this.#tell(flow, flow.seat.deferred[slot]!);
    }
    for (const index of gated) {
      const one = flow.seat.instructions[index]!;
      if (one.kind === 'next' || one.kind === 'start') this.#follow(flow, index, missing !== undefined);
      if (one.kind === 'send') this.#sending.commit(flow, index, one, missing);
    }
    this.gates.leave(flow, fragment);
  }

  /** Notes what a component is to be told when the fragment commits. */
  #update(flow: Flow, index: number, one: ComponentCall): void {
    const inputs = this.#inputsOf(flow, index, one);
    if (!isMissing(inputs)) {
      this.#leases.holdAll(inputs);
      flow.updates.set(index, inputs);
    } else if (inputs.reason !== 'declined') this.#void(flow, one.fragment, inputs);
    this.#done(flow, index, one);
  }

  /** Tells a component of an update, unless its fragment is voided; the flow does not end before it has answered. */
  #apply(flow: Flow, index: number, voided: boolean): void {
    const inputs = flow.updates.get(index);
    if (inputs === undefined) return;
    flow.updates.delete(index);
    const drop = (): void => this.#leases.dropAll(inputs);
    if (voided) return drop();
    flow.left++;
    this.#start(flow, index, flow.seat.instructions[index] as ComponentCall, inputs, drop);
  }
}
