// The lane without a thread: sessions run where they are called, between two turns of the event loop.

import type { Lane } from './lane.ts';
import type { Answer, Request } from './protocol.ts';
import { Sessions } from './sessions.ts';

export class CallingThread implements Lane {
  readonly lost = false;
  readonly transfers = false;
  readonly #sessions = new Sessions();

  call(body: Request): Promise<Answer> {
    return this.#sessions.answer(body);
  }

  async close(): Promise<void> {
    await this.#sessions.close();
  }
}
