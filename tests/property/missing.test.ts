// Missing values mean the same wherever a graph is cut: random graphs with conditions, a cohort and collects, run
// by real nodes on real frames, against an interpreter that knows nothing of places, segments or messages.

import fc from 'fast-check';
import { afterAll, expect, test } from 'vitest';
import { deploymentInMemory, peersOf } from '../../cli/run/memory.ts';
import { compile, type Pass } from '../../compiler/index.ts';
import { passes } from '../../compiler/pipeline.ts';
import { isTensor, type Tensor, unpackStrings } from '../../ir/index.ts';
import { type FlowResult, startDeployment } from '../../runtime/host/index.ts';
import { isMissing, type Value } from '../../runtime/index.ts';
import { onnxRuntimeBackend } from '../../stdlib/backends/onnxruntime/index.ts';
import { asWritten, topologyOf } from '../support/compile.ts';
import { floats, plain, truth } from '../support/deploy.ts';
import { modelOf } from '../support/model.ts';

const backend = onnxRuntimeBackend({ optimization: 'disabled', workers: 1 });
afterAll(() => backend.close());

const cohort = 'p.each';
const places = ['a', 'b', 'c', cohort] as const;
const members = ['p/0', 'p/1', 'p/2'];
const topology = topologyOf('a', 'b', 'c', 'p*3');
const sizeOf = (place: string): number => (place === cohort ? members.length : 1);

const kinds = [
  'Neg Relu Identity Add Sub Max core.When core.When core.OrElse core.Present core.Reason Not And Collect Collect',
].flatMap((one) => one.split(' '));
const place = fc.constantFrom(...places);
const seats = <T>(one: fc.Arbitrary<T>) => fc.tuple(one, one, one);
const programs = fc.record({
  numbers: fc.array(fc.record({ at: place, value: seats(fc.integer({ min: -9, max: 9 })) }), {
    minLength: 1,
    maxLength: 3,
  }),
  conditions: fc.array(fc.record({ at: place, value: seats(fc.boolean()) }), { minLength: 1, maxLength: 3 }),
  leaves: place,
  steps: fc.array(
    fc.record({
      kind: fc.constantFrom(...kinds),
      reads: fc.tuple(fc.nat(), fc.nat()),
      at: place,
      atLeast: fc.nat(3),
    }),
    { minLength: 1, maxLength: 20 },
  ),
});
type Shape = typeof programs extends fc.Arbitrary<infer T> ? T : never;

/** What one member has of a value: numbers (conditions: 0 or 1), texts, or the reason why it is missing. */
type Cell = readonly number[] | readonly string[] | string;
interface Named {
  readonly name: string;
  readonly at: string;
  readonly type: 'number' | 'condition' | 'text';
  /** One, or at a cohort one for each member. */
  readonly cells: readonly Cell[];
}

const isThere = (cell: Cell): cell is readonly number[] => typeof cell !== 'string';

/** What an op gives one member, by the law of missing values. */
function apply(kind: string, first: Cell, second: Cell): Cell {
  if (kind === 'core.Present') return [isThere(first) ? 1 : 0];
  if (kind === 'core.Reason') return [isThere(first) ? '' : (first as string)];
  if (kind === 'core.OrElse') return isThere(first) ? first : second;
  if (kind === 'core.When') return isThere(second) ? (second[0] === 1 ? first : 'declined') : second;
  if (!isThere(first)) return first;
  const [x, y] = [first, isThere(second) ? second : []];
  if (kind === 'Neg') return x.map((one) => 0 - one);
  if (kind === 'Relu') return x.map((one) => Math.max(one, 0));
  if (kind === 'Identity') return x;
  if (kind === 'Not') return x.map((one) => 1 - one);
  if (!isThere(second)) return second;
  if (kind === 'Add') return x.map((one, index) => one + y[index]!);
  if (kind === 'Sub') return x.map((one, index) => one - y[index]!);
  if (kind === 'Max') return x.map((one, index) => Math.max(one, y[index]!));
  return [Math.min(x[0]!, y[0]!)];
}

const signature = (kind: string): readonly Named['type'][] => {
  if (kind === 'Not') return ['condition'];
  if (kind === 'And') return ['condition', 'condition'];
  if (kind === 'core.When') return ['number', 'condition'];
  return /Neg|Relu|Identity|Present|Reason/.test(kind) ? ['number'] : ['number', 'number'];
};
const resultType = (kind: string): Named['type'] => {
  if (kind === 'core.Reason') return 'text';
  return /Present|Not|And/.test(kind) ? 'condition' : 'number';
};

/** The text of the model, and every value that it has. */
function build({ numbers, conditions, steps }: Shape): { lines: string[]; values: Named[]; inputs: Named[] } {
  const values: Named[] = [];
  const lines: string[] = [];
  const input = (name: string, type: Named['type'], at: string, cells: readonly Cell[]): void => {
    lines.push(`input ${name}: ${type === 'number' ? 'float32[2]' : 'bool[]'} @${at}`);
    values.push({ name, type, at, cells: cells.slice(0, sizeOf(at)) });
  };
  numbers.forEach(({ at, value }, index) => {
    input(
      `x${index}`,
      'number',
      at,
      value.map((one) => [one, one + 1]),
    );
  });
  conditions.forEach(({ at, value }, index) => {
    input(
      `c${index}`,
      'condition',
      at,
      value.map((one) => [one ? 1 : 0]),
    );
  });
  const inputs = [...values];
  // Filled with -3, -2 and false.
  lines.push('weight w: float32[2]', 'weight f: bool[]', 't = Not(f) @a');
  const constants: Named[] = [
    { name: 'w', at: '', type: 'number', cells: [[-3, -2]] },
    { name: 'f', at: '', type: 'condition', cells: [[0]] },
    { name: 't', at: '', type: 'condition', cells: [[1]] },
  ];
  steps.forEach(({ kind, reads, at, atLeast }, index) => {
    if (kind === 'Collect') {
      const target = at === cohort ? 'a' : at;
      const own = values.filter((value) => value.at === cohort && value.type === 'number');
      if (own.length === 0) return;
      const record = [...new Set(reads.map((read) => own[read % own.length]!))];
      collect(`v${index}`, target, record, atLeast);
      return;
    }
    const operands: Named[] = [];
    for (const [position, type] of signature(kind).entries()) {
      const visible = [...values, ...constants].filter(
        (value) => value.type === type && (value.at !== cohort || at === cohort),
      );
      operands.push(visible[reads[position]! % visible.length]!);
    }
    lines.push(`v${index} = ${kind}(${operands.map(({ name }) => name).join(', ')}) @${at}`);
    const seat = (operand: Named | undefined, member: number): Cell =>
      operand === undefined ? [] : operand.cells[operand.cells.length === 1 ? 0 : member]!;
    const cells = Array.from({ length: sizeOf(at) }, (_, member) =>
      apply(kind, seat(operands[0], member), seat(operands[1], member)),
    );
    values.push({ name: `v${index}`, type: resultType(kind), at, cells });
  });
  return { lines, values, inputs };

  function collect(name: string, at: string, record: readonly Named[], atLeast: number): void {
    const results = record.map((_, field) => `${name}_${field}`);
    lines.push(
      `${[...results, `${name}_s`, `${name}_m`].join(', ')} = core.Collect<at_least = ${atLeast}>(${record
        .map((one) => one.name)
        .join(', ')}) @${at}`,
    );
    const answers = members.map((_, member) => record.every(({ cells }) => isThere(cells[member]!)));
    const enough = answers.filter(Boolean).length >= atLeast;
    record.forEach(({ cells }, field) => {
      const rows = cells.filter((_, member) => answers[member]) as (readonly number[])[];
      const sum = [0, 1].map((column) => rows.reduce((total, row) => total + row[column]!, 0));
      lines.push(`${name}_sum_${field} = ReduceSum<keepdims = 0>(${name}_${field}, axis0) @${at}`);
      values.push({
        name: `${name}_sum_${field}`,
        type: 'number',
        at,
        cells: [enough ? sum : 'declined'],
      });
    });
    for (const [suffix, wanted] of [
      ['s', true],
      ['m', false],
    ] as const) {
      const ids = members.filter((_, member) => answers[member] === wanted);
      values.push({ name: `${name}_${suffix}`, type: 'text', at, cells: [enough ? ids : 'declined'] });
    }
  }
}

const shown = (value: Value): Cell => {
  if (isMissing(value)) return value.reason;
  if (!isTensor(value)) return value.kind;
  if (value.dtype === 'string') return unpackStrings(value.bytes, value.dims[0] ?? 1);
  // Zero has no sign here.
  return (plain(value) as readonly number[]).map((one) => one + 0);
};

const tensorOf = ({ type }: Named, cell: Cell): Tensor =>
  type === 'number' ? floats(...(cell as number[])) : truth(cell[0] === 1);

async function run(text: string, inputs: readonly Named[]): Promise<FlowResult> {
  const model = modelOf(text);
  const placed: Pass[] = passes.map((pass) => (pass.name === 'place' ? asWritten(model) : pass));
  const { compilation, diagnostics } = compile(model, { topology, passes: placed });
  expect(diagnostics.filter(({ severity }) => severity === 'error')).toEqual([]);
  const running = await startDeployment({ peers: peersOf(deploymentInMemory(compilation)), backend });
  const values = inputs.map((input): [string, Tensor | Record<string, Tensor>] => {
    const { name, at, cells } = input;
    if (at !== cohort) return [name, tensorOf(input, cells[0]!)];
    return [name, Object.fromEntries(members.map((id, member) => [id, tensorOf(input, cells[member]!)]))];
  });
  const result = await running.invoke(Object.fromEntries(values));
  await running.close();
  return result;
}

test('an op runs exactly when its inputs are there, at every member and wherever the graph is cut', async () => {
  await fc.assert(
    fc.asyncProperty(programs, async (shape) => {
      const { lines, values, inputs } = build(shape);
      const made = values.filter(({ name }) => name.startsWith('v'));
      const leavesAt = ({ at }: Named): string => (at === cohort ? cohort : shape.leaves);
      fc.pre(made.length > 0 && values.some(({ at }) => at !== cohort));
      const text = [
        ...lines.slice(0, inputs.length),
        'axis0 = Constant<value_ints = [0]>() @a',
        ...lines.slice(inputs.length),
        ...made.map((value) => `output ${value.name} @${leavesAt(value)}`),
      ].join('\n');
      const { outputs, cohortOutputs, status } = await run(text, inputs);
      expect(status).not.toBe('partial');
      for (const value of made) {
        const { name, cells } = value;
        const actual =
          leavesAt(value) === cohort
            ? members.map((id) => shown(cohortOutputs[name]![id]!))
            : [shown(outputs[name]!)];
        const wanted = actual.map((_, member) => cells[cells.length === 1 ? 0 : member]);
        expect(actual, `${name} of\n${text}`).toEqual(wanted);
      }
    }),
    { numRuns: 120 },
  );
}, 120_000);
