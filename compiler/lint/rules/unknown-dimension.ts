import { formatType, setOf, typeOfPort, type ValueType } from '../../../ir/index.ts';
import { rule } from '../rule.ts';
import { atEdge, edgeText, valuesByName } from '../wire.ts';

const model = (value: string): string => `
import { float32, input, module, on, output, peer } from 'bytesandbrains';
const phone = peer('phone');
const server = peer('server');
export default module('sparse', () => {
  const x = input('x', float32, [8], { at: phone });
  const found = on(phone, () => ${value});
  output('y', on(server, () => found.mul(2)));
});`;
const topology = '{ "version": 1, "classes": { "phone": {}, "server": {} } }';

export const unknownDimension = rule('unknown-dimension', {
  level: 'warning',
  needs: 'bound',
  summary: 'a value crosses a link with a dimension that nothing tells',
  rationale:
    'Neither a size nor a name: the plan cannot count its bytes, so cost, deadline and memory are guesses, and the receiver cannot check what arrives. Dimensions with names (N) are fine: an input tells them.',
  *run({ edges, graph }) {
    const values = valuesByName(graph);
    // As long as the class at most.
    const sets = new Set(graph.places.flatMap((place) => setOf(place) ?? []));
    for (const edge of edges) {
      const type = typeOfPort(edge);
      if (edge.kind === 'trigger' || !isOpen(type) || sets.has(values.get(edge.value)!)) continue;
      yield {
        message: `${edge.value} crosses ${edgeText(edge)} as ${formatType(type)}`,
        hint: 'state what you know of it before it crosses: .as(dtype, shape); or cut elsewhere',
        ...atEdge(graph, edge, values),
      };
    }
  },
  examples: {
    bad: { model: model('x.nonZero()'), topology },
    good: { model: model('x.relu()'), topology },
  },
});

/** How many items a sequence has is never known; how large each is may be. */
function isOpen(type: ValueType | undefined): boolean {
  if (type?.kind === 'tensor' || type?.kind === 'sparse')
    return type.dims === undefined || type.dims.includes(null);
  return type?.kind === 'sequence' || type?.kind === 'optional' ? isOpen(type.elem) : true;
}
