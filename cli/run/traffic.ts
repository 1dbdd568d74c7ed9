// What a run sent, beside what its plan said that it would.

import { bytesFor, type DataValue, isTensor, type Plan, type Size, type Traffic } from '../../ir/index.ts';
import type { Overhead, SentMessage } from '../../runtime/host/index.ts';

export interface Sent {
  readonly messages: number;
  readonly payloadBytes: number;
  readonly headerBytes: number;
}

/** From one peer to another. */
export interface LinkSent extends Sent {
  readonly from: string;
  readonly to: string;
}

/** What was planned for all flows of a run. */
export interface Planned {
  readonly messages: number;
  /** null: sizes or lengths are known in the run only. */
  readonly payloadBytes: number | null;
  /** Whether it may be less: the program itself may decline values. */
  readonly mayDecline: boolean;
  /** At most; null: nothing bounds it. */
  readonly headerBytes: number | null;
}

/** Adds messages up, over all flows. */
export class SentSums {
  readonly #links = new Map<string, { -readonly [Field in keyof LinkSent]: LinkSent[Field] }>();

  add(messages: readonly SentMessage[]): void {
    for (const { from, to, payloadBytes, headerBytes } of messages) {
      const key = `${from}\n${to}`;
      const known = this.#links.get(key);
      const link = known ?? { from, to, messages: 0, payloadBytes: 0, headerBytes: 0 };
      if (known === undefined) this.#links.set(key, link);
      link.messages++;
      link.payloadBytes += payloadBytes;
      link.headerBytes += headerBytes;
    }
  }

  /** In the order of the peers' names. */
  get links(): readonly LinkSent[] {
    return [...this.#links].sort(([a], [b]) => (a < b ? -1 : 1)).map(([, link]) => link);
  }
}

export const sentInAll = (links: readonly Sent[]): Sent =>
  links.reduce(
    (sum, one) => ({
      messages: sum.messages + one.messages,
      payloadBytes: sum.payloadBytes + one.payloadBytes,
      headerBytes: sum.headerBytes + one.headerBytes,
    }),
    { messages: 0, payloadBytes: 0, headerBytes: 0 },
  );

/** Of so many flows with these inputs. */
export function plannedFor(
  { total, messages }: Traffic,
  flows: number,
  sizes: ReadonlyMap<string, number>,
): Planned {
  const bytes = bytesFor(total.payloadBytes, (name) => sizes.get(name));
  return {
    messages: flows * total.messages,
    payloadBytes: bytes === null ? null : flows * bytes,
    mayDecline: messages.some(({ mayDecline }) => mayDecline),
    headerBytes: total.headerBytes === null ? null : flows * total.headerBytes,
  };
}

/** Sizes that the model names, as the inputs have them; a name that they do not agree on has none. */
export function sizesOf(
  plan: Pick<Plan, 'inputs'>,
  inputs: ReadonlyMap<string, DataValue>,
): Map<string, number> {
  const found = new Map<string, Set<number>>();
  for (const { name, shape } of plan.inputs)
    for (const [input, value] of inputs) {
      if ((input !== name && !input.startsWith(`${name}@`)) || !isTensor(value)) continue;
      for (const [axis, dim] of (shape ?? []).entries())
        if (typeof dim === 'string') found.set(dim, (found.get(dim) ?? new Set()).add(value.dims[axis]!));
    }
  return new Map([...found].flatMap(([name, sizes]) => (sizes.size === 1 ? [[name, [...sizes][0]!]] : [])));
}

export const messagesText = (count: number): string => (count === 1 ? '1 message' : `${count} messages`);

/** `3 messages, 240128 B of payload, 576 B of headers` */
export const sentText = ({ messages, payloadBytes, headerBytes }: Sent): string =>
  `${messagesText(messages)}, ${payloadBytes} B of payload, ${headerBytes} B of headers`;

/** Longer formulas are read message by message. */
const MAX_FORMULA = 80;
const shortened = (size: number | string): number | string =>
  typeof size === 'string' && size.length > MAX_FORMULA ? '…' : size;

/** `3 messages, 240128 B of payload, at most 768 B of headers` */
export function plannedText({
  messages,
  payloadBytes,
  mayDecline,
  headerBytes,
}: {
  readonly messages: number;
  readonly payloadBytes: Size;
  readonly mayDecline: boolean;
  readonly headerBytes: number | null;
}): string {
  const payload =
    payloadBytes === null
      ? 'payload not known beforehand'
      : `${mayDecline ? 'at most ' : ''}${shortened(payloadBytes)} B of payload`;
  const headers = headerBytes === null ? 'headers not bounded' : `at most ${headerBytes} B of headers`;
  return `${messagesText(messages)}, ${payload}, ${headers}`;
}

/** `1 message, 4096 B`; undefined: nothing was sent again. */
export const resentText = ({ resentMessages, resentBytes }: Readonly<Overhead>): string | undefined =>
  resentMessages === 0 ? undefined : `${messagesText(resentMessages)}, ${resentBytes} B`;
