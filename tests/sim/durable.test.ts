// A node that crashes between any two of its steps and comes back from its records goes on as if it had not.

import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { Tensor } from '../../ir/types.ts';
import { decodeProgram, type Input, joinPieces, Node, type Output, pieceBytes } from '../../runtime/index.ts';
import {
  DurableNode,
  type DurableOutput,
  decodeEntry,
  encodeEntry,
  encodeOutput,
  JournalError,
  type Progress,
  recovered,
  replay,
  restoreNode,
  snapshotOf,
} from '../../runtime/recovery.ts';
import { call, core, edge, f32, makeBundle, numbers, recv, SECOND_NS, send } from './programs.ts';

const members = { a: ['a'], b: ['b'] };
const edges = [edge(0, 'send', 'a', 'b'), edge(1, 'send', 'b', 'a')];
const constants = { zero: f32(0) };

/** a counts what it is given and tells b, which sums what it is told and answers. */
const programs = {
  a: decodeProgram(
    makeBundle({
      class: 'a',
      members,
      edges,
      constants,
      inputs: ['x'],
      outputs: ['z'],
      ops: [
        core('StateRead', ['zero'], ['w'], 1, { key: 'w' }),
        call('add', ['w', 'x'], ['w1'], 1),
        core('StateAssign', ['w1'], [], 1, { key: 'w' }),
        send(0, 'w1', 1),
        recv(1, 'z', 1000 * SECOND_NS),
      ],
    }),
  ),
  b: decodeProgram(
    makeBundle({
      class: 'b',
      members,
      edges,
      constants,
      ops: [
        recv(0, 'y', 1000 * SECOND_NS),
        core('StateRead', ['zero'], ['v'], 1, { key: 'v' }),
        call('add', ['v', 'y'], ['v1'], 1),
        core('StateAssign', ['v1'], [], 1, { key: 'v' }),
        send(1, 'v1', 1),
      ],
    }),
  ),
};
type Peer = keyof typeof programs;

const add = ([x, y]: readonly Tensor[]): Tensor => f32(numbers(x!)[0]! + numbers(y!)[0]!);
const fresh = (peer: Peer): Node => new Node({ program: programs[peer], peer, incarnation: 1 });

/** One peer's process and its disk, and what it has not acknowledged. */
class Machine {
  readonly peer: Peer;
  durable: DurableNode<Node>;
  /** Records on disk, and those still on their way. */
  readonly disk: Uint8Array[] = [];
  written: { readonly record: number; readonly bytes: Uint8Array }[] = [];
  work: Extract<Output, { type: 'work' }>[] = [];
  /** What came in with a record that may still be lost: its sender will send it again. */
  unkept: { readonly record: number; readonly input: Input }[] = [];
  inbox: Input[] = [];
  /** What has left, by the record after which it did. */
  readonly left: Output[] = [];
  /** As it was at some moment, and how much had left. */
  snapshot: { readonly node: Uint8Array; readonly from: Progress; readonly left: number } | undefined;

  constructor(peer: Peer) {
    this.peer = peer;
    this.durable = new DurableNode(fresh(peer));
  }

  give(now: number, input: Input, again: boolean): void {
    this.durable.handle(now, input);
    if (again) this.unkept.push({ record: this.durable.progress.record, input });
  }

  keep(now: number): void {
    const next = this.written.shift();
    if (next === undefined) return;
    this.disk.push(next.bytes);
    this.durable.handle(now, { type: 'persisted', record: next.record });
    this.unkept = this.unkept.filter(({ record }) => record > next.record);
  }

  takeSnapshot(): void {
    const { durable } = this;
    this.snapshot = { node: snapshotOf(durable.node), from: durable.progress, left: this.left.length };
    durable.snapshotTaken();
  }

  crash(): void {
    this.inbox.unshift(...this.unkept.map(({ input }) => input));
    this.unkept = [];
    this.written = [];
    this.work = [];
    this.durable = recovered(
      fresh(this.peer),
      this.disk.map((bytes) => decodeEntry(bytes)),
    );
  }
}

class TwoMachines {
  readonly machines: Record<Peer, Machine> = { a: new Machine('a'), b: new Machine('b') };
  now = 0;
  readonly ended: string[] = [];

  get all(): readonly Machine[] {
    return Object.values(this.machines);
  }

  /** Takes one output. */
  step(machine: Machine): boolean {
    const output: DurableOutput = machine.durable.poll(this.now);
    if (output.type === 'persist') machine.written.push(output);
    else if (output.type === 'idle') return false;
    else {
      machine.left.push(output);
      this.#act(machine, output);
    }
    return true;
  }

  #act(machine: Machine, output: Output): void {
    if (output.type === 'work') machine.work.push(output);
    if (output.type === 'event' && output.event.kind === 'flow-ended') this.ended.push(output.event.status);
    if (output.type !== 'send') return;
    const bytes = new Uint8Array(pieceBytes(output.pieces));
    joinPieces(output.pieces, bytes);
    this.machines[output.to as Peer].inbox.push({ type: 'frame', from: machine.peer, bytes });
  }

  act(machine: Machine, what: number): void {
    this.now += 1000;
    if (what === 0) machine.crash();
    else if (what < 3) machine.keep(this.now);
    else if (what < 5) {
      const input = machine.inbox.shift();
      if (input !== undefined) machine.give(this.now, input, true);
    } else if (what < 7) {
      const work = machine.work.shift();
      if (work === undefined) return;
      const outputs = [add(work.inputs as readonly Tensor[])];
      machine.give(this.now, { type: 'done', work: work.work, outputs }, false);
    } else this.step(machine);
  }

  /** Goes on without crashes until nothing is left to do. */
  finish(): void {
    for (let busy = true; busy; ) {
      busy = false;
      for (const machine of this.all)
        for (const what of [7, 1, 3, 5]) {
          const todo = [machine.written, machine.inbox, machine.work].some(({ length }) => length > 0);
          busy = this.step(machine) || todo || busy;
          this.act(machine, what);
        }
    }
  }
}

const stateOf = ({ durable }: Machine, key: string): number =>
  numbers(durable.node.state.get(key) as Tensor)[0]!;

const schedule = fc.array(fc.record({ on: fc.boolean(), what: fc.integer({ min: 0, max: 11 }) }), {
  minLength: 50,
  maxLength: 300,
});

describe('a durable node', () => {
  test('that crashes at any moment loses nothing that was acknowledged, and does nothing twice', () => {
    const flows = 6;
    let crashes = 0;
    fc.assert(
      fc.property(schedule, (steps) => {
        const world = new TwoMachines();
        const invoke: Input = { type: 'invoke', entry: 'main', values: { x: f32(1) } };
        world.machines.a.inbox.push(...Array.from({ length: flows }, () => invoke));
        for (const { on, what } of steps) {
          world.act(on ? world.machines.a : world.machines.b, what);
          if (what === 0) crashes++;
        }
        world.finish();
        expect(stateOf(world.machines.a, 'w')).toBe(flows);
        expect(stateOf(world.machines.b, 'v')).toBe((flows * (flows + 1)) / 2);
        for (const { durable } of world.all) expect(durable.node.openFlows).toBe(0);
        expect(new Set(world.ended)).toEqual(new Set(['complete']));
      }),
      { numRuns: 200 },
    );
    expect(crashes).toBeGreaterThan(1000);
  });

  test('puts out the same again, byte for byte, when its records are replayed', () => {
    fc.assert(
      fc.property(schedule, (steps) => {
        const world = new TwoMachines();
        const invoke: Input = { type: 'invoke', entry: 'main', values: { x: f32(1) } };
        world.machines.a.inbox.push(invoke, invoke, invoke);
        for (const { on, what } of steps)
          if (what > 0) world.act(on ? world.machines.a : world.machines.b, what);
        world.finish();
        for (const machine of world.all) {
          const again = [
            ...replay(
              fresh(machine.peer),
              machine.disk.map((bytes) => decodeEntry(bytes)),
            ),
          ];
          const told = again.filter(({ type }) => type !== 'idle').map(encodeOutput);
          const left = machine.left.map(encodeOutput);
          expect(told).toEqual(left.slice(0, told.length));
          expect(left.length - told.length).toBeLessThan(10);
        }
      }),
      { numRuns: 50 },
    );
  });

  test('puts out the same again from a snapshot on that was taken in the middle', () => {
    let replayed = 0;
    fc.assert(
      fc.property(schedule, fc.nat(50), (steps, middle) => {
        const world = new TwoMachines();
        const invoke: Input = { type: 'invoke', entry: 'main', values: { x: f32(1) } };
        world.machines.a.inbox.push(invoke, invoke, invoke);
        for (const [index, { on, what }] of steps.entries()) {
          if (index === middle) for (const machine of world.all) machine.takeSnapshot();
          if (what > 0) world.act(on ? world.machines.a : world.machines.b, what);
        }
        world.finish();
        for (const { peer, snapshot, disk, left } of world.all) {
          if (snapshot === undefined) continue;
          const { from } = snapshot;
          const options = { program: programs[peer], peer };
          const entries = disk
            .map((bytes) => decodeEntry(bytes))
            .filter(({ record }) => record > from.record);
          const again = [...replay(restoreNode(options, snapshot.node), entries, from)];
          const told = again.filter(({ type }) => type !== 'idle').map(encodeOutput);
          const then = left.slice(snapshot.left).map(encodeOutput);
          expect(told).toEqual(then.slice(0, told.length));
          expect(then.length - told.length).toBeLessThan(10);
          replayed += told.length;
        }
      }),
      { numRuns: 50 },
    );
    expect(replayed).toBeGreaterThan(500);
  });

  test('lets nothing leave before its cause is kept, and holds nothing back that was caused before', () => {
    const { a } = new TwoMachines().machines;
    const types = (): string[] => {
      const found: string[] = [];
      for (let output = a.durable.poll(0); output.type !== 'idle'; output = a.durable.poll(0))
        found.push(output.type === 'event' ? output.event.kind : output.type);
      return found;
    };
    a.durable.handle(0, { type: 'invoke', entry: 'main', values: { x: f32(1) } });
    expect(types()).toEqual(['persist']);
    a.durable.handle(0, { type: 'invoke', entry: 'main', values: { x: f32(1) } });
    expect(types()).toEqual(['persist']);
    a.durable.handle(0, { type: 'persisted', record: 1 });
    expect(types()).toEqual(['flow-started', 'work']);
    a.durable.handle(0, { type: 'persisted', record: 2 });
    expect(types()).toEqual(['flow-started']);
  });

  test('records that time has passed before a deadline does anything', () => {
    const { a } = new TwoMachines().machines;
    a.durable.handle(0, { type: 'invoke', entry: 'main', values: { x: f32(1) } });
    const outputs = (now: number): DurableOutput[] => {
      const found: DurableOutput[] = [];
      for (let output = a.durable.poll(now); output.type !== 'idle'; output = a.durable.poll(now)) {
        if (output.type === 'persist') a.durable.handle(now, { type: 'persisted', record: output.record });
        found.push(output);
      }
      return found;
    };
    outputs(0);
    const late = outputs(5000 * SECOND_NS);
    expect(late.map(({ type }) => type).slice(0, 1)).toEqual(['persist']);
    expect(decodeEntry((late[0] as Extract<DurableOutput, { type: 'persist' }>).bytes)).toEqual({
      record: 2,
      now: 5000 * SECOND_NS,
      polls: 4,
    });
    expect(outputs(5001 * SECOND_NS)).toEqual([]);
  });

  test('is not made of records with a hole, or of damaged ones', () => {
    const shutdown = { record: 3, now: 0, polls: 0, input: { type: 'shutdown' } } as const;
    expect(() => recovered(fresh('a'), [shutdown])).toThrow('record 3 after record 0');
    expect(() => decodeEntry(encodeEntry(shutdown).slice(0, -1))).toThrow(JournalError);
    expect(() => decodeEntry(Uint8Array.of(0))).toThrow(JournalError);
  });
});
