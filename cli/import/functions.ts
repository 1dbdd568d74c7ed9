// Groups of ops that recur with other weights or sizes, to be written once, as a function.
//
//   a = Relu(Conv(x, w0) + b0); …; z = Relu(Conv(y, w1) + b1)
//   const convBlock = module('convBlock', (x, { w, b }) => x.conv(w).add(b).relu());
//
// Candidates are scopes, as far as the names of ops tell them, and rows of like ops of any length, found by hashes of
// rows of a few lengths. The one that could save most is taken first. What functions and loops hold is searched again,
// so that functions call functions.

import type { Op } from '../../ir/index.ts';
import { type Candidate, candidatesOf } from './candidates.ts';
import { type Group, groupOf, type Kin, kinOf, madeAt, savedBy } from './kinship.ts';
import type { AttributeAt, Body, CallItem, Fn, Item } from './plan.ts';
import { attributeKey, commonScope, Rows } from './rows.ts';
import type { Values } from './values.ts';

/** How often functions are looked for in functions. */
const MAX_ROUNDS = 4;
/** Ops looked at for each op of the model; candidates that remain save less than those before. */
const EFFORT = 60;
/** Ops left off at either end, where that makes for fewer inputs and outputs. */
const MAX_TRIM = 4;

/** Puts calls into the bodies; gives the functions. `effort` counts the ops looked at. */
export function findFunctions(values: Values, bodies: readonly Body[], effort = { spent: 0 }): readonly Fn[] {
  const found: Fn[] = [];
  for (let round = 0; round < MAX_ROUNDS; round++) {
    const made = new Round(values, [...bodies, ...found.map(({ body }) => body)], found, effort).run();
    if (made === undefined) break;
    found.push(...made);
  }
  return found;
}

/** One search of all bodies. */
class Round {
  readonly #values: Values;
  readonly #rows: Rows;
  readonly #effort: { spent: number };
  readonly #limit: number;
  readonly #taken: Uint8Array;
  readonly #calls = new Map<number, CallItem>();
  readonly #functions: Fn[] = [];
  readonly #known: readonly Fn[];
  #called = false;

  constructor(values: Values, bodies: readonly Body[], known: readonly Fn[], effort: { spent: number }) {
    this.#values = values;
    this.#rows = new Rows(bodies, known);
    this.#effort = effort;
    this.#limit = effort.spent + EFFORT * this.#rows.nodes.length;
    this.#taken = new Uint8Array(this.#rows.nodes.length);
    this.#known = known;
  }

  /** New functions; undefined if nothing is called that was not before. */
  run(): readonly Fn[] | undefined {
    for (const candidate of candidatesOf(this.#rows)) {
      if (this.#effort.spent > this.#limit) break;
      const kin = this.#kinOf(candidate);
      if (kin !== undefined && savedBy(this.#rows, kin) > 0) this.#take(kin, candidate.scope);
    }
    for (const [index, body] of this.#rows.bodies.entries()) this.#rewrite(body, index);
    return this.#called ? this.#functions : undefined;
  }

  #kinOf({ size, starts, scope }: Candidate): Kin | undefined {
    const free = starts.filter((start) => this.#isFree(start, size));
    if (free.length < 2) return undefined;
    const row =
      scope === undefined ? this.#trimmed(this.#grown({ size, starts: free })) : { size, starts: free };
    this.#effort.spent += row.size * row.starts.length;
    const groups = row.starts.map((start) => groupOf(this.#values, this.#rows, start, row.size));
    if (groups.includes(undefined)) return undefined;
    return kinOf(this.#values, this.#rows, groups as Group[]);
  }

  #isFree(start: number, size: number): boolean {
    return (
      this.#taken[start] === 0 &&
      this.#taken[start + size - 1] === 0 &&
      !this.#taken.slice(start, start + size).includes(1)
    );
  }

  /** With the ops before and after that are the same everywhere too. */
  #grown({ size, starts }: Candidate): Candidate {
    const { tokens } = this.#rows;
    let [before, after] = [0, 0];
    const agree = (offset: number): boolean => {
      const token = tokens[starts[0]! + offset];
      this.#effort.spent += starts.length;
      return starts.every(
        (start) =>
          token !== undefined && tokens[start + offset] === token && this.#taken[start + offset] === 0,
      );
    };
    const gap = Math.min(...starts.slice(1).map((start, at) => start - starts[at]!));
    while (size + before + after < gap && agree(size + after)) after++;
    while (size + before + after < gap && agree(-before - 1)) before++;
    return { size: size + before + after, starts: starts.map((start) => start - before) };
  }

  /** Without ops at its ends that only add to what enters or leaves. */
  #trimmed(row: Candidate): Candidate {
    let [best, most] = [row, 0];
    for (let left = 0; left <= MAX_TRIM; left++) {
      for (let right = 0; right <= MAX_TRIM && row.size - left - right >= 3; right++) {
        const size = row.size - left - right;
        this.#effort.spent += size;
        const group = groupOf(this.#values, this.#rows, row.starts[0]! + left, size);
        if (group === undefined) continue;
        const call = 2 * (group.outputs.size - 1) + group.inputs.length - 1;
        const saved = (row.starts.length - 1) * size - row.starts.length * call;
        if (saved > most) [best, most] = [{ size, starts: row.starts.map((start) => start + left) }, saved];
      }
    }
    return best;
  }

  #take(kin: Kin, scope: string | undefined): void {
    const whole = kin.groups.find((group) => this.#functionOf(group) !== undefined);
    if (whole !== undefined) {
      this.#takeAs(this.#functionOf(whole)!, kin);
      return;
    }
    const [first] = kin.groups as [Group];
    const body: Body = {
      graph: this.#rows.bodies[this.#rows.nodes[first.start]!.body]!.graph,
      items: this.#itemsOf(first),
    };
    const fn: Fn = {
      id: this.#known.length + this.#functions.length,
      about: (scope ?? this.#about(first)).replace(/[._-]\d+$/, ''),
      body,
      ...this.#given(kin, first),
    };
    this.#functions.push(fn);
    this.#call(fn, kin, kin.groups);
  }

  /** What is a function already is called where it recurs; that function stays as it is. */
  #takeAs(fn: Fn, kin: Kin): void {
    const own = kin.groups.find((group) => this.#functionOf(group) === fn)!;
    const given = this.#given(kin, own);
    const isSame =
      given.inputs.join() === fn.inputs.join() &&
      given.constants.join() === fn.constants.join() &&
      given.outputs.join() === fn.outputs.join() &&
      given.attributes.map(attributeKey).join() === fn.attributes.map(attributeKey).join();
    const others = kin.groups.filter((group) => this.#functionOf(group) === undefined);
    if (isSame && others.length > 0) this.#call(fn, kin, others);
  }

  /** The function whose whole body a group is. */
  #functionOf({ start, size }: Group): Fn | undefined {
    const { body } = this.#rows.nodes[start]!;
    const { items } = this.#rows.bodies[body]!;
    if (start !== this.#rows.beginnings[body] || size !== items.length) return undefined;
    return this.#known.find((fn) => fn.body.items === items);
  }

  #given(kin: Kin, group: Group): Pick<Fn, 'inputs' | 'constants' | 'attributes' | 'outputs'> {
    return {
      inputs: group.inputs,
      constants: kin.constants.map((at) => group.constants[at]!),
      attributes: kin.attributes.map((at): AttributeAt => group.attributes[at]!),
      outputs: kin.outputs.map((slot) => madeAt(this.#rows, group, slot)),
    };
  }

  #call(fn: Fn, kin: Kin, groups: readonly Group[]): void {
    this.#called = true;
    for (const group of groups) {
      this.#taken.fill(1, group.start, group.start + group.size);
      const ops = this.#itemsOf(group).flatMap((item): readonly Op[] =>
        item.kind === 'op' ? [item.op] : item.ops,
      );
      this.#calls.set(group.start, { kind: 'call', fn, ops, size: group.size, ...this.#given(kin, group) });
    }
  }

  #itemsOf({ start, size }: Group): Item[] {
    return this.#rows.nodes.slice(start, start + size).map((node) => node!.item);
  }

  /** A name: that of the scope around, or of what it does. */
  #about(group: Group): string {
    const nodes = this.#rows.nodes.slice(group.start, group.start + group.size).map((node) => node!);
    const scope = nodes.map((node) => node.scope).reduce(commonScope);
    const types = new Set(nodes.map(({ item }) => (item.kind === 'op' ? item.op.type : '')));
    const [, name = 'block'] = ABOUT.find(([of]) => of.every((type) => types.has(type))) ?? [];
    return scope.at(-1) ?? name;
  }

  /** The body with its calls. */
  #rewrite(body: Body, index: number): void {
    const from = this.#rows.beginnings[index]!;
    const items: Item[] = [];
    for (let at = 0; at < body.items.length; ) {
      const call = this.#calls.get(from + at);
      items.push(call ?? body.items[at]!);
      at += call?.size ?? 1;
    }
    body.items.splice(0, body.items.length, ...items);
  }
}

/** What a group is called that has these operators. */
const ABOUT: readonly (readonly [of: readonly string[], name: string])[] = [
  [['LSTM'], 'lstmBlock'],
  [['GRU'], 'gruBlock'],
  [['MatMul', 'Softmax'], 'attention'],
  [['ConvTranspose'], 'convTransposeBlock'],
  [['Conv'], 'convBlock'],
  [['Gemm'], 'denseBlock'],
  [['MatMul'], 'denseBlock'],
  [['ReduceMean', 'Sqrt'], 'norm'],
  [['Erf'], 'gelu'],
  [['Clip'], 'activation'],
  [['Sigmoid'], 'activation'],
  [['Tanh'], 'activation'],
];
