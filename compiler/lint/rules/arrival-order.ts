import { attributeString, CORE, DOMAIN, type ValueType } from '../../../ir/index.ts';
import { atOp } from '../about.ts';
import { rule } from '../rule.ts';

const model = (dtype: string): string => `
import { cohort, collect, ${dtype}, input, module, on, output, peer } from 'bytesandbrains';
const phones = cohort('phone');
const server = peer('server');
export default module('sum', () => {
  const x = input('x', ${dtype}, [4], { at: phones.each });
  const { values } = collect(x, { at: server, within: '5s', atLeast: 1, order: 'arrival' });
  output('sum', on(server, () => values.reduceSum()));
});`;
const topology = '{ "version": 1, "classes": { "phone": { "count": 3 }, "server": {} } }';

export const arrivalOrder = rule('arrival-order', {
  level: 'warning',
  needs: 'recorded',
  summary: 'real numbers are collected in the order of arrival',
  rationale:
    'The order decides how a sum of real numbers is rounded, so two runs with the same answers differ, and peers that collect the same differ from each other. Sums of whole numbers are exact in any order.',
  *run({ model }) {
    for (const op of model.opsOf()) {
      if (op.domain !== DOMAIN.core || op.type !== CORE.collect) continue;
      if (attributeString(op, 'order') !== 'arrival') continue;
      const real = op.inputs.map((id) => model.value(id)).find(({ type }) => !isWhole(type));
      if (real === undefined) continue;
      yield {
        message: `${real.name} is collected in the order of arrival, and is not of whole numbers`,
        hint: "leave out order: 'arrival', or collect whole numbers: x.mul(65536).round().cast({ to: int64 })",
        ...atOp(model, op),
      };
    }
  },
  examples: {
    bad: { model: model('float32'), topology },
    good: { model: model('int64'), topology },
  },
});

const isWhole = (type: ValueType | undefined): boolean =>
  type?.kind === 'tensor' && /^u?int|^bool/.test(type.dtype ?? '');
