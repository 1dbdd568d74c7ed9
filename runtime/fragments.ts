// Works out who waits for whom: instructions for values, fragments that claim state for one another.
//
// Only fragments that claim variables become gates. A writing fragment begins when everything it reads from
// outside is there, runs as one unit, and shows its values, assignments and sends to others at its end. A
// fragment that only reads state takes its reads when it begins and is plain data flow otherwise.

import type { Tensor } from '../ir/types.ts';
import {
  type Fragment,
  type Instruction,
  isFold,
  isWait,
  NO_SLOT,
  type Reader,
  type SeatProgram,
} from './instruction.ts';

interface Unlinked {
  readonly instructions: readonly Instruction[];
  /** Indexed by instruction: fragment number in the file. */
  readonly fragmentNumbers: readonly (number | undefined)[];
  /** Indexed by slot. */
  readonly producers: readonly (number | undefined)[];
  readonly constants: readonly (Tensor | undefined)[];
  readonly slotCount: number;
  readonly outputs: readonly number[];
  fail(reason: string): never;
}

type Linked = Pick<
  SeatProgram,
  'instructions' | 'fragments' | 'readers' | 'deferred' | 'uses' | 'pending' | 'rereads' | 'exportedBy'
>;

interface Draft {
  readonly number: number;
  readonly members: number[];
  readonly claims: Set<string>;
  readonly assigned: Set<string>;
  readonly outside: Set<number>;
  readonly exports: Set<number>;
  readonly followers: number[];
  pending: number;
}

/** Waits are not part of a fragment: they end one, and fire without any claim. Folding is part of its wait. */
const isOutside = (one: Instruction): boolean => isWait(one) || isFold(one);
/** So is an ask, which claims for itself: it takes what is committed. */
const isAsk = (one: Instruction): boolean => one.kind === 'call' && one.effect === 'ask';

/** What an instruction claims, and whether to change it. */
function claimOf(one: Instruction): { readonly key: string; readonly writes: boolean } | undefined {
  if (one.kind === 'stateRead' || one.kind === 'stateAssign')
    return { key: one.key, writes: one.kind === 'stateAssign' };
  if (one.kind !== 'call' || one.claim === undefined) return undefined;
  return { key: one.claim, writes: one.effect === 'update' };
}

export function linkFragments(program: Unlinked): Linked {
  const drafts = draftFragments(program);
  const fragmentOf: (number | undefined)[] = [];
  drafts.forEach((draft, index) => {
    for (const member of draft.members) fragmentOf[member] = index;
  });
  const instructions = placeReads(program.instructions, fragmentOf);
  const readers: Reader[][] = Array.from({ length: program.slotCount }, () => []);
  const deferred: Reader[][] = Array.from({ length: program.slotCount }, () => []);
  const uses = new Uint32Array(program.slotCount);
  const pending = new Uint32Array(instructions.length);
  const rereads = new Map<number, readonly number[]>();
  const writerOf = (slot: number): number | undefined => {
    const producer = program.producers[slot];
    const fragment = producer === undefined ? undefined : fragmentOf[producer];
    return fragment !== undefined && drafts[fragment]!.assigned.size > 0 ? fragment : undefined;
  };
  const wait = (slot: number, reader: Reader, fragment: number | undefined): void => {
    const writer = writerOf(slot);
    if (writer === undefined || writer === fragment) return void readers[slot]!.push(reader);
    deferred[slot]!.push(reader);
    drafts[writer]!.exports.add(slot);
  };
  instructions.forEach((one, index) => {
    const fragment = fragmentOf[index];
    for (const slot of one.reads) {
      if (program.constants[slot] !== undefined) continue;
      uses[slot]!++;
      // It begins while its Collect is open.
      if (isFold(one) && program.producers[slot] === one.folds) continue;
      pending[index]!++;
      wait(slot, index, fragment);
      const producer = program.producers[slot];
      const inside = producer !== undefined && fragmentOf[producer] === fragment;
      if (fragment !== undefined && !inside) drafts[fragment]!.outside.add(slot);
    }
    if (one.kind !== 'stateRead' || one.after === undefined) return;
    pending[index]!++;
    rereads.set(one.after, [...(rereads.get(one.after) ?? []), index]);
  });
  for (const slot of program.outputs) {
    uses[slot]!++;
    const writer = writerOf(slot);
    if (writer !== undefined) drafts[writer]!.exports.add(slot);
  }
  drafts.forEach((draft, index) => {
    for (const slot of draft.outside) wait(slot, ~index, index);
    draft.pending += draft.outside.size;
  });
  orderConflicts(drafts);
  const fragments = drafts.map((draft) => finish(draft, instructions));
  for (const fragment of fragments) for (const member of fragment.gated) pending[member]!++;
  const exportedBy: (number | undefined)[] = new Array(program.slotCount).fill(undefined);
  drafts.forEach((draft, index) => {
    for (const slot of draft.exports) exportedBy[slot] = index;
  });
  const linked = { instructions, fragments, readers, deferred, uses, pending, rereads, exportedBy };
  checkProgress(linked, program.fail);
  return linked;
}

/** Fragments that claim variables, in the order of their first claim. */
function draftFragments({ instructions, fragmentNumbers, fail }: Unlinked): Draft[] {
  const claiming = new Map<number, Draft>();
  instructions.forEach((one, index) => {
    const claim = claimOf(one);
    if (claim === undefined) return;
    const number = isAsk(one)
      ? -1 - index
      : (fragmentNumbers[index] ?? fail(`${one.name} reads or assigns state outside of a fragment`));
    let draft = claiming.get(number);
    if (draft === undefined) {
      const sets = { claims: new Set<string>(), assigned: new Set<string>() };
      draft = {
        number,
        members: [],
        ...sets,
        outside: new Set(),
        exports: new Set(),
        followers: [],
        pending: 0,
      };
      claiming.set(number, draft);
    }
    draft.claims.add(claim.key);
    if (claim.writes) draft.assigned.add(claim.key);
  });
  instructions.forEach((one, index) => {
    const number = isAsk(one) ? -1 - index : fragmentNumbers[index];
    if (number !== undefined && !isOutside(one)) claiming.get(number)?.members.push(index);
  });
  return [...claiming.values()];
}

/** Sets each op's fragment, and for each read the assignment before it in its fragment. */
function placeReads(
  instructions: readonly Instruction[],
  fragmentOf: readonly (number | undefined)[],
): readonly Instruction[] {
  const assigned = new Map<string, number>();
  return instructions.map((one, index) => {
    const fragment = fragmentOf[index];
    if (one.kind === 'stateAssign') assigned.set(`${fragment} ${one.key}`, index);
    if (one.kind === 'stateRead') return { ...one, fragment, after: assigned.get(`${fragment} ${one.key}`) };
    return { ...one, fragment };
  });
}

/** Within one flow, a fragment waits for earlier ones that assign what it claims, or claim what it assigns. */
function orderConflicts(drafts: readonly Draft[]): void {
  drafts.forEach((later, index) => {
    for (const earlier of drafts.slice(0, index)) {
      const conflict = [...later.claims].some(
        (key) => earlier.claims.has(key) && (earlier.assigned.has(key) || later.assigned.has(key)),
      );
      if (!conflict) continue;
      earlier.followers.push(index);
      later.pending++;
    }
  });
}

function finish(draft: Draft, instructions: readonly Instruction[]): Fragment {
  const writes = draft.assigned.size > 0;
  const gated = writes ? draft.members : draft.members.filter((index) => claimOf(instructions[index]!));
  const isQuery = (one: Instruction): boolean => one.kind === 'call' && one.effect === 'query';
  return {
    number: draft.number,
    claims: [...draft.claims].sort(),
    writes,
    queries: !writes && gated.some((index) => isQuery(instructions[index]!)),
    gated,
    exports: [...draft.exports],
    pending: draft.pending,
    followers: draft.followers,
  };
}

/** Whether a fragment ends only once this instruction is done. */
export const endsWith = ({ writes, queries, gated }: Fragment, index: number): boolean =>
  writes || (queries && gated.includes(index));

/** Runs the program without values: every instruction must be reached, or some fragment waits for itself. */
function checkProgress(
  { instructions, fragments, readers, deferred, pending, rereads }: Linked,
  fail: (reason: string) => never,
): void {
  const left = pending.slice();
  const gates = fragments.map((fragment) => fragment.pending);
  const inside = fragments.map((fragment) => fragment.gated.length);
  const ready: number[] = [];
  let reached = 0;
  const needs = (index: number): void => {
    if (--left[index]! === 0) ready.push(index);
  };
  const open = (fragment: number): void => {
    if (--gates[fragment]! === 0) begin(fragment);
  };
  const begin = (fragment: number): void => {
    const { gated, writes, queries, followers } = fragments[fragment]!;
    for (const index of gated) needs(index);
    if (!writes && !queries) for (const follower of followers) open(follower);
  };
  const tell = (list: readonly Reader[]): void => {
    for (const reader of list) reader < 0 ? open(~reader) : needs(reader);
  };
  const produced = new Set(instructions.flatMap((one) => one.outputs));
  readers.forEach((list, slot) => {
    if (!produced.has(slot)) tell(list);
  });
  fragments.forEach((_, index) => {
    if (fragments[index]!.pending === 0) begin(index);
  });
  pending.forEach((count, index) => {
    if (count === 0) ready.push(index);
  });
  for (let index = ready.pop(); index !== undefined; index = ready.pop()) {
    reached++;
    const one = instructions[index]!;
    for (const slot of one.outputs) if (slot !== NO_SLOT) tell(readers[slot]!);
    for (const reread of rereads.get(index) ?? []) needs(reread);
    const fragment = one.fragment;
    if (fragment === undefined || !endsWith(fragments[fragment]!, index) || --inside[fragment]! > 0) continue;
    for (const slot of fragments[fragment]!.exports) tell(deferred[slot]!);
    for (const follower of fragments[fragment]!.followers) open(follower);
  }
  if (reached === instructions.length) return;
  const stuck = fragments.find((_, index) => gates[index]! > 0 || inside[index]! > 0);
  fail(`fragment ${stuck?.number ?? '?'} waits for itself`);
}
