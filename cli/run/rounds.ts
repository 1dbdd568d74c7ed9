// What the rounds of a session gave, as people see it: a line while they go on, a table when they are over.

import type { CommandContext } from '../context.ts';
import { formatBytes } from '../output.ts';
import type { Round } from './flows.ts';
import { messagesText } from './traffic.ts';

/** More rows say no more. */
const MAX_ROWS = 24;

const numberText = (value: number | null): string =>
  value === null ? '-' : String(Number(value.toPrecision(5)));

/** `round 3: loss 0.5312, 4 messages, 12 KiB sent` */
export function roundText({ step, outputs, messages, sentBytes, quorums }: Round): string {
  const numbers = Object.entries(outputs).map(([name, value]) => `${name} ${numberText(value)}`);
  const missed = quorums.map(({ arrived, needed }) => `${arrived} answers of the ${needed} needed`);
  const sent = [messagesText(messages), `${formatBytes(sentBytes)} sent`];
  return `round ${step}: ${[...numbers, ...missed, ...sent].join(', ')}`;
}

/** All rounds, or as many of them, evenly spaced, as a screen holds; the last is always there. */
export function printRounds(cx: CommandContext, rounds: readonly Round[]): void {
  const stride = Math.ceil(rounds.length / MAX_ROWS);
  const shown = rounds.filter(({ step }) => (rounds.length - 1 - step) % stride === 0);
  const names = [...new Set(rounds.flatMap(({ outputs }) => Object.keys(outputs)))];
  const right = (title: string) => ({ title, align: 'right' }) as const;
  cx.printTable(
    [right('step'), ...names.map(right), right('messages'), right('sent'), 'status'],
    shown.map(({ step, status, outputs, messages, sentBytes }) => [
      step,
      ...names.map((name) => numberText(outputs[name] ?? null)),
      messages,
      formatBytes(sentBytes),
      status,
    ]),
  );
  cx.print();
}
