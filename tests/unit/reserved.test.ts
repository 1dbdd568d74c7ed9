// What later issues need is in ids, formats and metadata now: it is carried both ways, and refused where it would run.

import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import {
  type Edge,
  exportModel,
  importModel,
  type Manifest,
  memorySource,
  type Place,
} from '../../ir/index.ts';
import {
  checkManifest,
  decodeProgram,
  type FlowId,
  flowKey,
  type LoadedBundle,
} from '../../runtime/index.ts';
import { edge, makeBundle, recv } from '../sim/programs.ts';
import { modelOf } from '../support/model.ts';
import { joined } from '../support/onnx-files.ts';

describe('places', () => {
  const sets = [false, true] as const;
  const inner: readonly Place['binder'][] = [{ kind: 'single' }, { kind: 'me' }, { kind: 'each' }];

  test('with every binder, at a place and nested in every other, come back from a file', () => {
    const model = modelOf('input x: float32[4]\ny = Relu(x)\noutput y');
    const [set] = model.mainGraph.inputs;
    const chosen = sets.flatMap((sticky): Place['binder'][] => [
      { kind: 'one', set: set!, sticky },
      { kind: 'some', set: set!, sticky },
    ]);
    const binders = [...inner, ...chosen];
    const places = binders.flatMap((binder): Place[] => [
      { class: 'phone', binder },
      ...binders.map((outer): Place => {
        const heads: Place = { class: 'odd / "head"', binder: outer };
        return { class: 'phone', binder, within: heads };
      }),
    ]);
    expect(places).toHaveLength(7 * 8);
    for (const place of places) {
      const editor = model.edit();
      editor.setOp(model.mainGraph.ops[0]!, { place });
      const again = importModel(memorySource('m.onnx', joined(exportModel(editor.finish()).pieces))).model!;
      expect(again.op(again.mainGraph.ops[0]!).place).toEqual(place);
    }
  });
});

describe('flow ids', () => {
  const name = fc.oneof(fc.constantFrom('a', 'a:1', 'a@1', 'a@1:2'), fc.string());
  const number = fc.nat(12);
  const id: fc.Arbitrary<FlowId> = fc.oneof(
    fc.record({
      kind: fc.constant('initiated' as const),
      initiator: name,
      incarnation: number,
      counter: number,
    }),
    fc.record({ kind: fc.constant('joint' as const), class: name, view: number, n: number }),
  );

  test('of both kinds have one key each', () => {
    fc.assert(
      fc.property(id, id, (a, b) => {
        expect(flowKey(a) === flowKey(b)).toBe(JSON.stringify(a) === JSON.stringify(b));
      }),
      { numRuns: 2000 },
    );
  });
});

describe('manifests', () => {
  const members = { a: ['a'], b: ['b'] };
  const bundleOf = (one: Edge, state: Manifest['state'] = []): LoadedBundle => {
    const bundle = makeBundle({ class: 'b', members, edges: [one], ops: [recv(0, 'x')] });
    const json = JSON.parse(JSON.stringify({ ...bundle.manifest, state })) as unknown;
    expect(checkManifest(json)).toEqual({ ...bundle.manifest, state });
    return { ...bundle, manifest: checkManifest(json) };
  };

  test('carry state for each peer and session', () => {
    for (const scope of ['member', 'peer', 'session'] as const) {
      const bundle = bundleOf(edge(0, 'send', 'a', 'b'), [
        { key: 'kv', dtype: 'float32', shape: [null], scope },
      ]);
      const [seat] = decodeProgram(bundle).seats;
      expect([...seat!.scopes]).toEqual(scope === 'member' ? [] : [['kv', scope]]);
    }
  });
});
