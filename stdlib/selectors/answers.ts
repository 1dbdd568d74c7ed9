// Answers that stay as they were: a query gives the same whenever an op of a flow asks it, also where what it reads goes on
// by itself, as a view that peers keep changing.

import type { Random } from '../../ir/random.ts';
import { decode, encode, list, message, string, table } from '../../runtime/proto/codec.ts';

/** More of them are not asked again: the oldest is forgotten. */
const MOST = 16;

interface Answer {
  readonly question: string;
  readonly peers: readonly string[];
}

export class Answers {
  #kept: readonly Answer[] = [];

  /** What was answered before, or else `choose`. A query's draws are those of its op and flow: the first ones tell which. */
  once(random: Random, choose: () => readonly string[]): readonly string[] {
    const question = `${random.word()} ${random.word()}`;
    const known = this.#kept.find((one) => one.question === question);
    if (known !== undefined) return known.peers;
    const peers = choose();
    this.#kept = [...this.#kept.slice(1 - MOST), { question, peers }];
    return peers;
  }

  save(): Uint8Array {
    return encode(saved, { kept: this.#kept });
  }

  restore(bytes: Uint8Array): void {
    this.#kept = decode(saved, bytes).kept as readonly Answer[];
  }
}

const saved = table({
  kept: list(message(1, table({ question: string(1), peers: list(string(2)) }))),
});
