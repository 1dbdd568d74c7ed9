// What hosts give to graph inputs: the value of each once, if it fits its declaration.

import { ownIn } from '../ir/own.ts';
import { inputMisfit } from './arguments.ts';
import type { Engine } from './engine.ts';
import type { Flow } from './flow.ts';
import { type FlowId, flowKey } from './flow-id.ts';
import type { DropReason, Output, Values } from './io.ts';
import type { Leases } from './lease.ts';
import type { Limits } from './limits.ts';
import type { Outbox } from './outbox.ts';
import { failed, isMissing, type Value } from './value.ts';
import type { Waits } from './waits.ts';

export interface SupplyContext {
  readonly peer: string;
  readonly limits: Limits;
  readonly outbox: Outbox;
  readonly leases: Leases;
  readonly engine: Engine;
  readonly waits: Waits;
}

export class Supplies {
  readonly #context: SupplyContext;

  constructor(context: SupplyContext) {
    this.#context = context;
  }

  /** Gives values to flows of one id, in several seats perhaps. */
  supply(id: FlowId, flows: readonly Flow[], values: Values, owned: boolean): void {
    const { outbox, peer, engine } = this.#context;
    if (flows.length === 0) outbox.drop('late', peer, `inputs of flow ${flowKey(id)}`);
    for (const flow of flows) {
      // What several seats are given is nobody's alone.
      this.give(flow, values, owned && flows.length === 1);
      engine.settle(flow);
    }
  }

  give(flow: Flow, values: Values, owned: boolean): void {
    for (const [index, { port }] of flow.seat.inputs.entries()) {
      const value = ownIn(values, port.name);
      if (value !== undefined) this.#giveOne(flow, index, value, owned);
    }
  }

  /** Asks the host for what a flow has not been given. */
  want(flow: Flow): void {
    for (const one of this.wanted(flow)) this.#context.outbox.put(one);
  }

  wanted(flow: Flow): readonly Output[] {
    const inputs = flow.seat.inputs.flatMap(({ port }, index) => (flow.supplied[index] === 0 ? port : []));
    const event = { kind: 'input-wanted', flow: flow.id, inputs } as const;
    return inputs.length === 0 ? [] : [{ type: 'event', event }];
  }

  #giveOne(flow: Flow, index: number, value: Value, owned: boolean): void {
    const { peer, limits, outbox, leases, engine, waits } = this.#context;
    const { port } = flow.seat.inputs[index]!;
    // A second value is not taken, and its memory not held.
    if (flow.supplied[index] === 1) return outbox.drop('duplicate', peer, `input ${port.name} has its value`);
    const deny = (reason: DropReason, what: string): void => {
      const detail = `input ${port.name}: ${what}`;
      outbox.drop(reason, peer, detail);
      waits.deny(flow, index, failed(peer, detail));
    };
    const misfit = inputMisfit(port, value, limits);
    if (misfit !== undefined) return deny(...misfit);
    if (isMissing(value)) return waits.deny(flow, index, value);
    engine.supply(flow, index, leases.own(value, owned));
  }
}
