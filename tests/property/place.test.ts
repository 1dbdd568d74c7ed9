import fc from 'fast-check';
import { expect, test } from 'vitest';
import { costModel } from '../../compiler/cost.ts';
import { crossings } from '../../compiler/crossings.ts';
import { dataflow } from '../../compiler/dataflow.ts';
import { place } from '../../compiler/passes/place.ts';
import { chainTopology } from '../../compiler/topology.ts';
import { type Diagnostic, NO_VALUE, type OpId } from '../../ir/index.ts';
import { typedModel } from '../support/model.ts';

const PEERS = 3;

/** Random graphs: op i reads one or two earlier values, some ops have a place, values have random sizes. */
const graphs = fc.record({
  ops: fc.array(
    fc.record({
      reads: fc.tuple(fc.nat(), fc.nat()),
      size: fc.integer({ min: 1, max: 64 }),
      place: fc.option(fc.nat(PEERS - 1), { nil: undefined, freq: 2 }),
      dtype: fc.constantFrom('float32', 'float32', 'float32', 'int64', 'bfloat16'),
    }),
    { minLength: PEERS, maxLength: 12 },
  ),
  annotated: fc.boolean(),
});

function textOf({ ops, annotated }: typeof graphs extends fc.Arbitrary<infer T> ? T : never): string {
  const lines = ['input x: float32[4]'];
  const names = ['x'];
  ops.forEach(({ reads, size, place: at, dtype }, index) => {
    const [a, b] = reads.map((read) => names[read % names.length]!);
    // With places, a value that may not cross obliges its ops to go where the author's are, even backwards.
    const kind = annotated && dtype === 'bfloat16' ? 'float32' : dtype;
    const where = annotated && at !== undefined ? ` @p${at}` : '';
    lines.push(`v${index}: ${kind}[${size}] = Op(${a}, ${b})${where}`);
    names.push(`v${index}`);
  });
  return `${lines.join('\n')}\noutput ${names.at(-1)}`;
}

test('every op gets a place, the author’s stand, and unplaced ops send nothing backwards', () => {
  fc.assert(
    fc.property(graphs, (graph) => {
      const model = typedModel(textOf(graph));
      const problems: Diagnostic[] = [];
      const cx = { topology: chainTopology(PEERS), report: (one: Diagnostic) => problems.push(one) };
      const { placement } = place.run({ level: 'typed', model }, cx);
      if (placement === undefined) {
        expect(problems.map(({ code }) => code)).toEqual(['BB412']);
        return;
      }
      expect(problems).toEqual([]);
      const peer = (op: OpId): number => Number(placement.ops[op]!.class.slice(1));
      const used = new Set<number>();
      for (const op of model.opsOf()) {
        used.add(peer(op.id));
        if (op.place !== undefined) expect(placement.ops[op.id]).toEqual(op.place);
        for (const id of op.inputs) {
          const { def } = model.value(id);
          if (def.kind !== 'op' || op.place !== undefined || model.op(def.op).place !== undefined) continue;
          expect(peer(def.op)).toBeLessThanOrEqual(peer(op.id));
        }
      }
      if (![...model.opsOf()].some((op) => op.place !== undefined)) expect(used.size).toBe(PEERS);
    }),
    { numRuns: 500 },
  );
});

test('the cost of a cut is the bytes of the values made before it and read after it', () => {
  fc.assert(
    fc.property(graphs, (graph) => {
      const model = typedModel(textOf({ ...graph, annotated: false }));
      const flow = dataflow(model);
      const cost = costModel(model);
      const row = flow.steps.map((op) => op.id);
      const ends = { enters: () => true, leaves: () => true };
      const found = crossings(flow, cost, row, (op) => flow.stepOf[op]!, ends).cost;
      for (let cut = 0; cut <= row.length; cut++) {
        let expected = 0;
        for (const value of model.allValues()) {
          if (value.id === NO_VALUE) continue;
          const made = value.def.kind === 'op' ? flow.stepOf[value.def.op]! : -1;
          const reads = model
            .uses(value.id)
            .map((use) => (use.kind === 'op' ? flow.stepOf[use.op]! : row.length));
          if (made >= cut || !reads.some((step) => step >= cut)) continue;
          const { type } = value;
          const blocked = type?.kind === 'tensor' && type.dtype === 'bfloat16';
          expected += blocked ? Number.POSITIVE_INFINITY : cost.transferBytes(value.id);
        }
        expect(found[cut]).toBe(expected);
      }
    }),
    { numRuns: 500 },
  );
});
