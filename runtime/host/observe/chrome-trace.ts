// A run as a trace that chrome://tracing and Perfetto open: a process for each peer, with a row for the engine's turns,
// rows for segments and components, and the flows above them.

import { flowKey } from '../../flow-id.ts';
import type { Observer } from './observer.ts';
import { flowSpan, invocationSpan, type Span, turnSpan } from './spans.ts';

/** Beyond these, spans are only counted. */
const MAX_SPANS = 500_000;
const ENGINE_ROW = 1;

/** Takes in what the peers of one host tell, which share a clock. */
export class ChromeTrace {
  readonly #peers: { readonly name: string; readonly spans: Span[] }[] = [];
  #count = 0;

  /** Spans that were too many to keep. */
  get left(): number {
    return Math.max(0, this.#count - MAX_SPANS);
  }

  observerOf(name: string): Observer {
    const spans: Span[] = [];
    this.#peers.push({ name, spans });
    const open = new Map<string, number>();
    const keep = (span: Span): void => {
      if (this.#count++ < MAX_SPANS) spans.push(span);
    };
    return {
      began(flow, came, atNs) {
        open.set(`${flowKey(flow.id)}/${flow.seat}`, atNs);
        return came;
      },
      ended(event, atNs) {
        const key = `${flowKey(event.flow)}/${event.seat ?? ''}`;
        keep(flowSpan(event, open.get(key) ?? atNs, atNs));
        open.delete(key);
      },
      invoked: (one) => keep(invocationSpan(one)),
      polled: (turn) => keep(turnSpan(turn)),
    };
  }

  /** The Trace Event Format: one JSON object, an event a line. */
  text(): string {
    const lines = this.#peers.flatMap(({ name, spans }, at) =>
      [
        titleOf(at + 1, 0, 'process_name', name),
        titleOf(at + 1, ENGINE_ROW, 'thread_name', 'engine'),
        ...eventsOf(at + 1, spans),
      ].map((event) => JSON.stringify(event)),
    );
    return `{"displayTimeUnit":"ms","traceEvents":[\n${lines.join(',\n')}\n]}\n`;
  }
}

const titleOf = (pid: number, tid: number, what: string, name: string): object => ({
  ph: 'M',
  pid,
  tid,
  name: what,
  args: { name },
});

const micros = (ns: number): number => Number((ns / 1e3).toFixed(3));

function eventsOf(pid: number, spans: readonly Span[]): readonly object[] {
  /** When each row is free again. */
  const rows: number[] = [];
  const rowFor = ({ beganNs, endedNs }: Span): number => {
    const free = rows.findIndex((until) => until <= beganNs);
    const row = free === -1 ? rows.length : free;
    rows[row] = endedNs;
    return ENGINE_ROW + 1 + row;
  };
  const whole = (span: Span, tid: number): readonly object[] => {
    const { name, beganNs, endedNs, attributes, error, phases = [] } = span;
    const args = { ...attributes, ...(error !== undefined && { error }) };
    const shown = name === 'engine.invoke' ? `${name} ${attributes.op}` : name;
    const [ts, dur] = [micros(beganNs), micros(endedNs - beganNs)];
    return [
      { ph: 'X', pid, tid, cat: name, name: shown, ts, dur, args },
      ...phases.flatMap((one) => whole(one, tid)),
    ];
  };
  const inOrder = [...spans].sort((a, b) => a.beganNs - b.beganNs);
  return inOrder.flatMap((span) => {
    if (span.name === 'engine.poll') return whole(span, ENGINE_ROW);
    if (span.name !== 'flow') return whole(span, rowFor(span));
    // Flows overlap: their beginnings and ends are told apart by name.
    const { flow, status } = span.attributes;
    const common = { pid, tid: 0, cat: 'flow', name: `flow ${flow}`, id: `${pid} ${flow}` };
    return [
      { ph: 'b', ts: micros(span.beganNs), ...common, args: span.attributes },
      { ph: 'e', ts: micros(span.endedNs), ...common, args: { status } },
    ];
  });
}
