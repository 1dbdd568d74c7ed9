// Messages between components of the same name, in the envelopes that values travel in: a fill with a component's
// address, and no flow.

import type { ControlMessage } from '../components/container.ts';
import type { Outbox } from '../outbox.ts';
import type { FillInit } from './envelope.ts';
import type { Frame } from './frame.ts';

/** What an envelope holds of a message; its body is the payload beside it. */
export function controlContent({ component, kind: method, typeHash, correlation }: ControlMessage): {
  readonly correlation: number;
  readonly fills: readonly FillInit[];
} {
  const fill = { component: { component, method }, typeHash, payloadOffset: 0, payloadLength: 0 };
  return { correlation, fills: [fill] };
}

/** The messages of a frame that is of no flow; undefined: it holds something else. Bodies are views of the frame. */
export function controlMessages({ envelope, payloads }: Frame): readonly ControlMessage[] | undefined {
  const { flow, fills, correlation } = envelope;
  if (flow !== undefined || fills.length === 0) return undefined;
  const found = fills.flatMap(({ component: address, typeHash, missing, trigger }, at): ControlMessage[] => {
    if (address === undefined || missing !== undefined || trigger) return [];
    const { component, method: kind } = address;
    return [{ component, kind, typeHash, body: payloads[at]!, correlation }];
  });
  return found.length === fills.length ? found : undefined;
}

/** Gives messages to the components that they are for; a node without any takes none. */
export function hand(
  messages: readonly ControlMessage[],
  from: string,
  components: { message(from: string, message: ControlMessage): void } | undefined,
  outbox: Outbox,
): void {
  for (const message of messages)
    if (components !== undefined) components.message(from, message);
    else outbox.drop('unsupported', from, `a message for component ${message.component}`);
}
