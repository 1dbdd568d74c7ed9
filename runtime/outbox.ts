// What a node has to say, until its host polls for it.

import { flowKey } from './flow-id.ts';
import type { DropReason, EvictionTable, NodeEvent, Output } from './io.ts';
import type { Saved } from './saved.ts';
import { clip } from './value.ts';

/** What the host is asked for: work by its number, a flow's inputs by a name of their own. */
export const askedIn = (one: Output): number | string | undefined =>
  'work' in one
    ? one.work
    : 'event' in one && one.event.kind === 'input-wanted'
      ? `${flowKey(one.event.flow)} ${one.event.inputs[0]!.name}`
      : undefined;

type Eviction = Extract<NodeEvent, { kind: 'evicted' }>;

export class Outbox {
  #queue: Output[] = [];
  #at = 0;
  #drops = 0;
  #unreported = 0;
  readonly #dropLimit: number;
  /** Drops so far, told or not, by their reason. */
  readonly dropped: Partial<Record<DropReason, number>> = {};
  /** Hears of every drop. */
  watch: ((reason: DropReason, from: string) => void) | undefined;

  constructor(dropLimit: number) {
    this.#dropLimit = dropLimit;
  }

  /** Outputs that wait for `take`. */
  get size(): number {
    return this.#queue.length - this.#at;
  }

  /** Work and inputs that the host is asked for among them. */
  get asked(): readonly (number | string)[] {
    return this.#queue.slice(this.#at).flatMap((one) => askedIn(one) ?? []);
  }

  put(output: Output): void {
    this.#queue.push(output);
  }

  event(event: NodeEvent): void {
    this.put({ type: 'event', event });
  }

  /** Outsiders can cause drops at will, so only so many wait to be told; the rest are counted. */
  drop(reason: DropReason, from: string, message: string, edge?: number): void {
    this.dropped[reason] = (this.dropped[reason] ?? 0) + 1;
    this.watch?.(reason, from);
    if (this.#drops >= this.#dropLimit) {
      this.#unreported++;
      return;
    }
    this.#drops++;
    const unreported = this.#unreported;
    this.#unreported = 0;
    this.event({
      kind: 'dropped',
      reason,
      from,
      message: clip(message),
      unreported,
      ...(edge !== undefined && { edge }),
    });
  }

  /** What waits to be told of a table says it for all. */
  evict(table: EvictionTable, count = 1): void {
    const waits = this.#queue as { readonly event?: Partial<Eviction> }[];
    const told = waits.find(({ event }, index) => index >= this.#at && event?.table === table)?.event as
      | Eviction
      | undefined;
    if (told !== undefined) told.count += count;
    else this.event({ kind: 'evicted', table, count });
  }

  save() {
    const [drops, unreported, dropped] = [this.#drops, this.#unreported, this.dropped];
    return { queue: this.#queue.slice(this.#at), drops, unreported, dropped };
  }

  load({ queue, drops, unreported, dropped }: Saved<Outbox>): void {
    this.#queue = queue;
    Object.assign(this.dropped, dropped);
    this.#drops = drops;
    this.#unreported = unreported;
  }

  take(): Output | undefined {
    const output = this.#queue[this.#at];
    if (output === undefined) return undefined;
    this.#at++;
    if (this.#at === this.#queue.length) {
      this.#queue = [];
      this.#at = 0;
    }
    if (output.type === 'event' && output.event.kind === 'dropped') this.#drops--;
    return output;
  }
}
