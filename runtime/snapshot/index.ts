// A node as bytes, from which another one goes on as it would have: two records, first whose it is, then all that it is.
// What the program says is not in it; buffers that several values share stay shared.

import { Flow } from '../flow.ts';
import type { Program } from '../instruction.ts';
import { decodeRecord, encodeRecord, framedRecord, JournalError, readRecord } from '../journal/index.ts';
import { Lease } from '../lease.ts';
import { Node, type NodeOptions, type SavedNode } from '../node.ts';

const VERSION = 3;
/** Their number is in snapshots: only ever add at the end. */
const classes = [Flow, Lease];

/** At any point between calls of the node. */
export function snapshotOf(node: Node): Uint8Array {
  const { peer, program, incarnation } = node.identity;
  const head = framedRecord(encodeRecord({ version: VERSION, ...wantedOf(program, peer), incarnation }));
  const body = framedRecord(encodeRecord(node.save(), { known: partsOf(program), classes }));
  const bytes = new Uint8Array(head.length + body.length);
  bytes.set(head);
  bytes.set(body, head.length);
  return bytes;
}

/**
 * The node of a snapshot, with the same program. On another host than before, its `moved` asks for what is under way.
 * Throws {@link JournalError} where the bytes are no snapshot of it.
 */
export function restoreNode(options: Omit<NodeOptions, 'incarnation' | 'saved'>, bytes: Uint8Array): Node {
  const { program, peer } = options;
  const { of, end } = headOf(bytes);
  for (const [what, wanted] of Object.entries(wantedOf(program, peer)))
    if (of[what] !== wanted)
      throw new JournalError('mismatch', `a snapshot of ${what} ${of[what]}, not ${wanted}`);
  const made: object[] = [];
  // Its checksum says that these bytes were written by a node, which held as much.
  const how = { known: partsOf(program), classes, made, slackBytes: Number.POSITIVE_INFINITY };
  const saved = decodeRecord(recordAt(bytes, end).payload, how) as SavedNode;
  const leases = made.filter((one): one is Lease => one instanceof Lease && one.holders > 0);
  return new Node({ ...options, incarnation: Number(of.incarnation), saved: { ...saved, leases } });
}

/** Whose a snapshot is, and of what. */
export interface SnapshotOf {
  readonly peer: string;
  /** Hashes. */
  readonly deployment: string;
  readonly program: string;
  readonly incarnation: number;
}

/** Throws {@link JournalError}. */
export function snapshotHead(bytes: Uint8Array): SnapshotOf {
  const { peer, deployment, program, incarnation } = headOf(bytes).of;
  return {
    peer: `${peer}`,
    deployment: `${deployment}`,
    program: `${program}`,
    incarnation: Number(incarnation),
  };
}

function headOf(bytes: Uint8Array) {
  const { payload, end } = recordAt(bytes, 0);
  const of = Object(decodeRecord(payload)) as Readonly<Record<string, unknown>>;
  if (of.version !== VERSION)
    throw new JournalError('version', `a snapshot of version ${of.version}; this reads ${VERSION}`);
  return { of, end };
}

const wantedOf = (program: Program, peer: string) => ({
  deployment: program.manifest.deployment,
  program: program.manifest.program,
  parts: partsOf(program).length,
  peer,
});

function recordAt(bytes: Uint8Array, start: number) {
  const record = readRecord(bytes, start);
  if (typeof record === 'string') throw new JournalError('malformed', `a snapshot that is ${record}`);
  return record;
}

const known = new WeakMap<Program, readonly object[]>();

/** All objects of a program, in an order that both sides find. */
function partsOf(program: Program): readonly object[] {
  const before = known.get(program);
  if (before !== undefined) return before;
  const parts = new Set<object>();
  const todo: unknown[] = [program];
  while (todo.length > 0) {
    const one = todo.pop();
    if (typeof one !== 'object' || one === null || parts.has(one) || one instanceof ArrayBuffer) continue;
    parts.add(one);
    if (one instanceof Map) todo.push(...one.keys(), ...one.values());
    else if (!ArrayBuffer.isView(one)) todo.push(...Object.values(one));
  }
  const list = [...parts];
  known.set(program, list);
  return list;
}
