import { attributeInt, type Model, setOf, type ValueId } from '../../../ir/index.ts';
import { isGather, placeOfValue } from '../../split/places.ts';
import { atOp } from '../about.ts';
import { rule } from '../rule.ts';
import { counted } from '../text.ts';

const model = (atLeast: number): string => `
import { cohort, collect, float32, input, module, on, output, peer } from 'bytesandbrains';
const phones = cohort('phone');
const server = peer('server');
export default module('quorum', () => {
  const x = input('x', float32, [4], { at: phones.each });
  const all = collect({ x }, { at: server, within: '5s', atLeast: ${atLeast} });
  output('y', on(server, () => all.x.reduceMean()));
});`;
const topology = '{ "version": 1, "classes": { "phone": { "count": 3 }, "server": {} } }';

export const quorumAboveCohort = rule('quorum-above-cohort', {
  level: 'error',
  needs: 'placed',
  summary: 'a collect asks for more answers than it can get',
  rationale:
    'With atLeast above the size of the cohort, or of the set that was taken of it where that is known, or above enough, at which the collect closes, its result is missing in every flow.',
  *run({ model, graph, topology }) {
    for (const op of model.opsOf()) {
      if (!isGather(op)) continue;
      const input = op.inputs.find((id) => !graph.isConstant(id));
      if (input === undefined) continue;
      const place = graph.places[placeOfValue(graph, input)]!;
      const { members } = topology.classes.find((one) => one.name === place.class)!;
      const most = lengthOf(model, setOf(place));
      const isSet = most !== undefined && most < members.length;
      const size = isSet ? most : members.length;
      const from = isSet ? `the set of ${place.class}s` : place.class;
      const atLeast = attributeInt(op, 'at_least', size);
      const enough = attributeInt(op, 'enough', size);
      if (atLeast > size) {
        yield {
          message: `atLeast: ${atLeast} answers, but ${from} has ${counted(size, 'member')}`,
          hint: `ask for at most ${size}, or ${isSet ? 'take a larger set' : `give ${from} a larger count in ${topology.file}`}`,
          ...atOp(model, op),
        };
      } else if (atLeast > enough) {
        yield {
          message: `closes after enough: ${enough} answers, but needs ${atLeast === size ? `all ${size}` : `atLeast: ${atLeast}`}`,
          hint: `say atLeast: ${enough} or less, or leave enough out`,
          ...atOp(model, op),
        };
      } else if (enough > size) {
        yield {
          message: `enough: ${enough} answers, but ${from} has ${counted(size, 'member')}: it never closes early`,
          hint: `leave enough out, or say a number below ${size}`,
          ...atOp(model, op),
        };
      }
    }
  },
  examples: {
    bad: { model: model(4), topology },
    good: { model: model(2), topology },
  },
});

/** How many peers a set has at most, where its type says. */
function lengthOf(model: Model, set: ValueId | undefined): number | undefined {
  const type = set === undefined ? undefined : model.value(set).type;
  const [length] = type?.kind === 'tensor' ? (type.dims ?? []) : [];
  return typeof length === 'number' ? length : undefined;
}
