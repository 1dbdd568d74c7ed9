// What has become of the calls of one peer: which flows came of them, and whether any is still to end.

import { flowKey } from '../flow-id.ts';
import type { NodeEvent } from '../io.ts';

export class Calls {
  /** Calls so far. */
  made = 0;
  /** Flows that ended here, whoever started them. */
  ended = 0;
  /** Flows that came of calls and have not ended, those that have not begun included. */
  open = 0;
  /** Of flows that came of calls and are open: their session. */
  readonly #flows = new Map<string, string>();
  /** By session: how many of its flows have not ended, those included that have not begun. */
  readonly #sessions = new Map<string, number>();

  save() {
    const { made, ended, open } = this;
    return { made, ended, open, flows: [...this.#flows], sessions: [...this.#sessions] };
  }

  load({ made, ended, open, flows, sessions }: ReturnType<Calls['save']>): void {
    Object.assign(this, { made, ended, open });
    for (const [flow, session] of flows) this.#flows.set(flow, session);
    for (const [session, count] of sessions) this.#sessions.set(session, count);
  }

  call(): void {
    this.made++;
    this.open++;
  }

  note(event: NodeEvent): void {
    // A part of a flow, which others go on with.
    if ('flow' in event && event.flow?.under !== undefined) return;
    switch (event.kind) {
      case 'flow-refused':
        if (event.request !== undefined) this.open--;
        return;
      case 'flow-started':
        return this.#started(event);
      case 'flow-ended': {
        if (event.bootstrap !== true) this.ended++;
        const key = flowKey(event.flow);
        const session = this.#flows.get(key);
        if (session === undefined) return;
        this.#flows.delete(key);
        const more = (event.followers ?? 0) - 1;
        this.open += more;
        this.#count(session, more);
      }
    }
  }

  #started({ flow, session, opener, request }: Extract<NodeEvent, { kind: 'flow-started' }>): void {
    const own = flowKey(session ?? flow);
    const before = opener && flowKey(opener);
    if (request !== undefined) this.#count(own, 1);
    else if (before !== undefined && this.#sessions.has(before)) {
      // It was one of those that had not begun.
      this.#count(before, -1);
      this.#count(own, 1);
    } else if (!this.#sessions.has(own)) return;
    this.#flows.set(flowKey(flow), own);
  }

  #count(session: string, more: number): void {
    const count = (this.#sessions.get(session) ?? 0) + more;
    if (count > 0) this.#sessions.set(session, count);
    else this.#sessions.delete(session);
  }
}
