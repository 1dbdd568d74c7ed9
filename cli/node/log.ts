// What `bbc node` says while it runs: lines for people, or one JSON object a line.

import type { PeerEvent } from '../../runtime/host/index.ts';
import { describeEvent, severityOf } from '../../runtime/host/observe/events.ts';
import { logRecord } from '../../runtime/host/observe/log.ts';
import { type WaitReport, waitLines } from '../../runtime/host/observe/waiting.ts';
import type { CommandContext } from '../context.ts';
import { showWaits } from '../waiting.ts';

export type LogFormat = 'pretty' | 'json';

export class NodeLog {
  readonly #cx: CommandContext;
  readonly #peer: string;
  readonly #format: LogFormat;

  constructor(cx: CommandContext, peer: string, format: LogFormat) {
    this.#cx = cx;
    this.#peer = peer;
    this.#format = format;
  }

  /** It takes connections. */
  ready(addresses: readonly string[]): void {
    const listening = addresses.join(',');
    this.line('ready', `ready peer=${this.#peer}${listening === '' ? '' : ` listening=${listening}`}`, {
      listening: addresses,
    });
  }

  /** It answers HTTP. */
  metrics(url: string): void {
    this.line('metrics', `metrics ${url}/metrics`, { url });
  }

  /** What its flows wait for, when somebody asks. */
  waiting(reports: readonly WaitReport[]): void {
    if (this.#format === 'pretty') return showWaits(this.#cx, reports);
    const text = reports.length === 0 ? 'nothing is waited for' : waitLines(reports).join('; ');
    this.line('waiting', text, { waiting: reports });
  }

  event(event: PeerEvent): void {
    if (this.#format === 'json') this.#cx.note(JSON.stringify(logRecord(event, this.#peer, Date.now())));
    else if (severityOf(event) !== 'debug') this.#cx.note(describeEvent(event));
  }

  /** What is no event of a node. */
  line(kind: string, text: string, details: Readonly<Record<string, unknown>>): void {
    if (this.#format === 'pretty') return this.#cx.note(text);
    const time = new Date().toISOString();
    const common = { time, level: 'node', severity: 'info', kind, peer: this.#peer, text };
    this.#cx.note(JSON.stringify({ ...common, event: details }));
  }
}
