// A bundle: its plan and manifest as JSON, its program as ONNX, and the node that is made of them.

import fc from 'fast-check';
import { ModelProtoSchema } from '../../../ir/generated/onnx-ml_pb.ts';
import { DiagnosticError, type Plan } from '../../../ir/index.ts';
import { checkManifest, decodeProgram, Node, segmentModels } from '../../../runtime/index.ts';
import { checkPlan } from '../../../runtime/plan.ts';
import { bundles } from '../deployment.ts';
import { target } from '../harness.ts';
import { byteChange, changed, changedBytes, parseWire, wireChange, writeWire } from '../wire-tree.ts';

const sources = Object.values(bundles).map(({ manifest, onnx }) => ({
  manifest: JSON.stringify({ ...manifest, files: { ...manifest.files } }),
  onnx,
  tree: parseWire(ModelProtoSchema, onnx),
}));

const end = { class: 'a', binder: 'single' } as const;
const memory = { weightBytes: 1, stateBytes: 0, activationBytes: null };
const plan: Plan = {
  version: 1,
  deployment: 'd'.repeat(64),
  source: 'model.ts',
  objective: 'latency',
  programs: {
    a: { folder: 'a', class: 'a', peers: ['a'], ops: 1, weightBytes: 1, memory, manifest: '0'.repeat(64) },
  },
  members: { a: ['a'] },
  entries: [{ name: 'main', class: 'a' }],
  inputs: [{ name: 'x', dtype: 'float32', shape: [2, 'N', null], at: end }],
  outputs: [],
  edges: [],
  estimate: { flops: null, latencyNs: 1, bytes: 2 },
} as Plan;

/** Replaces the part of a text between two marks by something else of JSON, or of none. */
const edit = fc.record({
  at: fc.nat(100_000),
  by: fc.constantFrom(
    'null',
    '0',
    '-1',
    '1e999',
    '9007199254740993',
    '""',
    '"__proto__"',
    '"constructor"',
    '[]',
    '{}',
    'true',
    '"a"',
    '"each"',
    '[[[]]]',
    '{"__proto__":[]}',
  ),
});
const tokens = /"(?:[^"\\]|\\.)*"|-?\d+|true|false|null|\[\]|\{\}/g;
function edited(text: string, edits: readonly { readonly at: number; readonly by: string }[]): string {
  let result = text;
  for (const { at, by } of edits) {
    const found = [...result.matchAll(tokens)];
    const one = found[at % Math.max(1, found.length)];
    if (one !== undefined) result = result.slice(0, one.index) + by + result.slice(one.index + one[0].length);
  }
  return result;
}

interface Input {
  readonly plan?: string;
  readonly manifest: string;
  readonly onnx: Uint8Array;
}
const which = fc.nat(sources.length - 1);
const changedProgram = fc
  .record({
    at: which,
    donor: which,
    changes: fc.array(wireChange, { maxLength: 3 }),
    bytes: fc.array(byteChange, { maxLength: 1 }),
  })
  .map(({ at, donor, changes, bytes }) => ({
    at,
    onnx: changedBytes(
      writeWire(changed(sources[at]!.tree, sources[donor]!.tree, changes)),
      bytes,
      sources[donor]!.onnx,
    ),
  }));
const inputs: fc.Arbitrary<Input> = fc.oneof(
  { weight: 4, arbitrary: changedProgram.map(({ at, onnx }) => ({ manifest: sources[at]!.manifest, onnx })) },
  {
    weight: 4,
    arbitrary: fc
      .record({ at: which, edits: fc.array(edit, { minLength: 1, maxLength: 3 }) })
      .map(({ at, edits }) => ({ manifest: edited(sources[at]!.manifest, edits), onnx: sources[at]!.onnx })),
  },
  {
    weight: 1,
    arbitrary: fc
      .array(edit, { maxLength: 3 })
      .map((edits) => ({ plan: edited(JSON.stringify(plan), edits), manifest: '', onnx: new Uint8Array(0) })),
  },
);

function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

function read(input: Input): readonly string[] {
  if (input.plan !== undefined) {
    const checked = checkPlan(parsed(input.plan));
    return ['mismatch' in checked ? 'BB652 plan' : 'accepted plan'];
  }
  try {
    const bundle = { manifest: checkManifest(parsed(input.manifest)), onnx: input.onnx };
    const program = decodeProgram(bundle);
    segmentModels(bundle);
    const peer = program.manifest.members[program.manifest.class]![0]!;
    const node = new Node({ program, peer, incarnation: 1 });
    node.handle(0, { type: 'invoke', entry: 'main', values: {} });
    while (node.poll(0).type !== 'idle');
    return ['accepted'];
  } catch (error) {
    if (!(error instanceof DiagnosticError)) throw error;
    return [error.diagnostics[0]!.code];
  }
}

export const bundle = target<Input>({
  name: 'bundle',
  arbitrary: inputs,
  run: read,
  bytes: ({ plan: text, manifest, onnx }) => Buffer.concat([Buffer.from(text ?? manifest), onnx]),
});
