// What has become of the calls of one peer: which flows came of them, and whether any is still to end.

import { flowKey } from '../flow-id.ts';
import type { PeerEvent } from './peer-host.ts';

export class Calls {
  /** Calls so far. */
  made = 0;
  /** Flows that ended here, whoever started them. */
  ended = 0;
  /** Flows that came of calls and have not ended, those that have not begun included. */
  open = 0;
  /** Such flows by name, and the first of each session. */
  readonly #flows = new Set<string>();

  save() {
    return { made: this.made, ended: this.ended, open: this.open, flows: [...this.#flows] };
  }

  load({ made, ended, open, flows }: ReturnType<Calls['save']>): void {
    Object.assign(this, { made, ended, open });
    for (const key of flows) this.#flows.add(key);
  }

  call(): void {
    this.made++;
    this.open++;
  }

  note(event: PeerEvent): void {
    switch (event.kind) {
      case 'flow-refused':
        if (event.request !== undefined) this.open--;
        return;
      case 'flow-started': {
        const { session, opener } = event;
        const of = [session, opener].some((one) => one !== undefined && this.#flows.has(flowKey(one)));
        if (event.request !== undefined || of) this.#flows.add(flowKey(event.flow));
        return;
      }
      case 'flow-ended':
        this.ended++;
        if (this.#flows.has(flowKey(event.flow))) this.open += (event.followers ?? 0) - 1;
    }
  }
}
