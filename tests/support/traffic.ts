// What a flow sent, message by message, against its plan.

import { bytesFor, isSent, type Plan, type PlannedMessage, peersAt } from '../../ir/index.ts';
import type { FlowResult, SentMessage } from '../../runtime/host/index.ts';

type Planned = Pick<Plan, 'traffic' | 'members' | 'edges'>;

const keyOf = ({ envelope, from, to }: Pick<SentMessage, 'envelope' | 'from' | 'to'>): string =>
  `envelope ${envelope} from ${from} to ${to}`;

/**
 * Whether nobody need send it: an answer that a collect goes on without, or what is for some of a class, of which the plan
 * counts all. Whatever else is declined is sent all the same, so that nobody waits in vain.
 */
const mayBeAbsent = (
  { from, to, mayDecline, edges }: PlannedMessage,
  kindOf: ReadonlyMap<number, string>,
): boolean =>
  mayDecline &&
  (from.binder === 'some' || to.binder === 'some' || edges.every((id) => kindOf.get(id) === 'collect'));

/**
 * Throws unless a flow sent what its plan says: no message more or less, payload to the byte (at most, where the program
 * may decline a value or do without it), headers within their bound. `sizes`: those that the model leaves open. Gives the sums.
 */
export function requireAsPlanned(
  { traffic, members, edges }: Planned,
  { messages }: Pick<FlowResult, 'messages'>,
  sizes: Readonly<Record<string, number>> = {},
): { readonly messages: number; readonly payloadBytes: number } {
  const problems: string[] = [];
  const left = new Map(messages.map((one) => [keyOf(one), one]));
  if (left.size !== messages.length) problems.push('a message was sent twice');
  let [count, bytes] = [0, 0];
  const kindOf = new Map(edges.map(({ id, kind }) => [id, kind]));
  for (const message of traffic!.messages) {
    const { envelope, payloadBytes, headerBytes, mayDecline, ...ends } = message;
    const planned = bytesFor(payloadBytes, (name) => sizes[name]);
    for (const from of peersAt(ends.from, members))
      for (const to of peersAt(ends.to, members)) {
        if (!isSent(ends.from, ends.to, from, to)) continue;
        const key = keyOf({ envelope, from, to });
        const one = left.get(key);
        left.delete(key);
        count++;
        bytes += planned ?? Number.NaN;
        if (one === undefined) {
          if (!mayBeAbsent(message, kindOf)) problems.push(`${key} was not sent`);
        } else if (mayDecline ? !(one.payloadBytes <= planned!) : one.payloadBytes !== planned)
          problems.push(`${key} has ${one.payloadBytes} bytes of payload, not ${planned}`);
        else if (!(one.headerBytes <= headerBytes!))
          problems.push(`${key} has ${one.headerBytes} bytes of headers, beyond ${headerBytes}`);
      }
  }
  for (const key of left.keys()) problems.push(`${key} is not in the plan`);
  const { total } = traffic!;
  if (total.messages !== count) problems.push(`the plan has ${total.messages} messages, not ${count}`);
  if (bytesFor(total.payloadBytes, (name) => sizes[name]) !== bytes)
    problems.push(`the plan has ${total.payloadBytes} bytes of payload, not ${bytes}`);
  if (problems.length > 0) throw new Error(problems.join('\n'));
  const payloadBytes = messages.reduce((sum, one) => sum + one.payloadBytes, 0);
  return { messages: messages.length, payloadBytes };
}
