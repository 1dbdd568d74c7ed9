import {
  type DType,
  type Model,
  NEWEST_RUNNABLE_OPSET,
  NO_VALUE,
  type Op,
  subgraphsOf,
} from '../../../ir/index.ts';
import { schemaOf } from '../../../ir/ops/schema.ts';
import { atOp } from '../about.ts';
import { kernelsOf, lackingKernels } from '../generated/kernels.ts';
import { rule } from '../rule.ts';

const model = (value: string): string => `
import { float32, float64, input, module, on, output, peer } from 'bytesandbrains';
const phone = peer('phone');
export default module('smooth', () => {
  const x = input('x', float64, [8], { at: phone });
  output('y', on(phone, () => ${value}));
});`;
const topology = '{ "version": 1, "classes": { "phone": {} } }';

export const unsupportedOp = rule('unsupported-op', {
  level: 'error',
  needs: 'placed',
  summary: 'the backend of a class cannot run an op',
  rationale: `ONNX has many more operators times element types than a backend has kernels. Known is what ${kernelsOf} lacks on a CPU, for operators as opsets 21 to ${NEWEST_RUNNABLE_OPSET} define them and by the dtype of the first operand; ops inside of model-local functions are not looked at.`,
  *run({ model, graph, topology }) {
    const opset = model.header.opsets.get('') ?? 0;
    if (opset > NEWEST_RUNNABLE_OPSET) {
      yield {
        message: `the model has opset ${opset}, and ONNX Runtime takes up to ${NEWEST_RUNNABLE_OPSET}`,
        hint: `export it with opset ${NEWEST_RUNNABLE_OPSET} or lower`,
        at: { file: model.header.file },
      };
      return;
    }
    for (const outer of model.opsOf()) {
      const { class: name } = graph.places[graph.opPlace[outer.id]!]!;
      const backend = topology.classes.find((one) => one.name === name)?.backend;
      if (backend !== 'onnxruntime') continue;
      for (const op of withInner(model, outer)) {
        const dtype = lackingDType(model, op, opset);
        if (dtype === undefined) continue;
        yield {
          message: `${kernelsOf}, the backend of ${name}, has no ${op.type} for ${dtype}`,
          hint: 'cast to a dtype that it has, mostly float32, and back',
          ...atOp(model, op),
        };
      }
    }
  },
  examples: {
    bad: { model: model('x.erf()').replace('float32, ', ''), topology },
    good: { model: model('x.cast({ to: float32 }).erf()'), topology },
  },
});

/** By operator and version: dtypes of its first operand without a kernel. */
const lacking: ReadonlyMap<string, readonly string[]> = new Map(
  lackingKernels.map((line) => {
    const [operator, dtypes] = line.split(': ');
    return [operator!, dtypes!.split(' ')];
  }),
);

function lackingDType(model: Model, op: Op, opset: number): DType | undefined {
  if (op.domain !== '') return undefined;
  const [first = op.outputs[0]!] = op.inputs;
  const type = first === NO_VALUE ? undefined : model.value(first).type;
  if (type?.kind !== 'tensor' || type.dtype === undefined) return undefined;
  const since = schemaOf('', op.type, opset)?.since;
  return lacking.get(`${op.type}@${since}`)?.includes(type.dtype) === true ? type.dtype : undefined;
}

/** An op and those of its subgraphs. */
function* withInner(model: Model, op: Op): Iterable<Op> {
  yield op;
  for (const graph of subgraphsOf(op)) for (const inner of model.opsOf(graph)) yield* withInner(model, inner);
}
