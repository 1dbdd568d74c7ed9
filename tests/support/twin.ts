// A node, and beside it the same node, which is made a snapshot of and restored before each of its calls: it must put
// out the same, byte for byte, and hold as much.

import { expect } from 'vitest';
import { type Input, Node, type NodeOptions, type Output } from '../../runtime/index.ts';
import {
  decodeInput,
  decodeRecord,
  encodeInput,
  encodeOutput,
  encodeRecord,
} from '../../runtime/journal/index.ts';
import { restoreNode, snapshotOf } from '../../runtime/snapshot/index.ts';

/** As `toEqual`, which takes a hundred times as long. */
function same(actual: Uint8Array, expected: Uint8Array): void {
  if (Buffer.compare(actual, expected) === 0) return;
  expect(decodeRecord(actual)).toEqual(decodeRecord(expected));
  expect(actual).toEqual(expected);
}

export class Twin extends Node {
  /** How often a twin was restored. */
  static restored = 0;
  /** After so many times, only every so-manieth time. */
  static often = { times: Number.POSITIVE_INFINITY, every: 1 };
  #calls = 0;
  readonly #options: () => NodeOptions;
  #other: Node;

  constructor(options: () => NodeOptions) {
    super(options());
    this.#options = options;
    this.#other = new Node(options());
  }

  override handle(now: number, input: Input): void {
    const copy = decodeInput(encodeInput(input), Number.POSITIVE_INFINITY);
    super.handle(now, input);
    this.#move();
    this.#other.handle(now, copy);
    this.#compare();
  }

  override poll(now: number): Output {
    const output = super.poll(now);
    // Before the next call it may be given away.
    const bytes = encodeOutput(output);
    this.#move();
    same(encodeOutput(this.#other.poll(now)), bytes);
    this.#compare();
    return output;
  }

  #move(): void {
    const { times, every } = Twin.often;
    if (Twin.restored > times && this.#calls++ % every > 0) return;
    const snapshot = snapshotOf(this.#other);
    this.#other = restoreNode(this.#options(), snapshot);
    expect(Buffer.compare(snapshotOf(this.#other), snapshot)).toBe(0);
    Twin.restored++;
  }

  #compare(): void {
    if (JSON.stringify(this.#other.usage) !== JSON.stringify(this.usage))
      expect(this.#other.usage).toEqual(this.usage);
    same(encodeRecord(this.#other.state), encodeRecord(this.state));
  }
}
