import { bitsOf, type Edge } from '../../../ir/index.ts';
import { rule } from '../rule.ts';
import { bytesText } from '../text.ts';
import { atEdge, edgeText, valuesByName } from '../wire.ts';

const model = (dtype: string, size: number): string => `
import { ${dtype}, input, module, on, output, peer } from 'bytesandbrains';
const phone = peer('phone');
const server = peer('server');
export default module('upload', () => {
  const x = input('x', ${dtype}, [${size}, 256], { at: phone });
  const h = on(phone, () => x.abs());
  output('y', on(server, () => h.reduceMean()));
});`;
const topology = '{ "version": 1, "classes": { "phone": {}, "server": {} } }';

/** Share of the plan's bytes from which one edge dominates them. */
const DOMINANT = 0.5;
/** Below these an edge is no burden, whatever its share: of float64, and of anything wider than 8 bits. */
const WIDE_BYTES = 64 * 1024;
const RAW_BYTES = 4 * 1024 * 1024;

export const dominantEdge = rule('dominant-edge', {
  level: 'warning',
  needs: 'bound',
  summary: 'one float64 or uncompressed edge is most of what the plan sends',
  rationale:
    'Half of it or more: float64 from 64 KiB on, other numbers wider than eight bits from 4 MiB on. Making this edge smaller makes the whole plan cheaper; float32 is half of float64, float16 a quarter, uint8 an eighth.',
  *run({ edges, graph }) {
    const values = valuesByName(graph);
    const total = edges.reduce((sum, { bytes }) => sum + (bytes ?? 0), 0);
    for (const edge of edges) {
      const { bytes, dtype } = edge;
      if (bytes === null || dtype === null || bytes < DOMINANT * total || !isHeavy(edge, bytes)) continue;
      const percent = Math.round((100 * bytes) / total);
      const wide = bitsOf(dtype) === 64;
      yield {
        message: `${edgeText(edge)} carries ${bytesText(bytes)} of ${dtype}: ${percent} % of what one flow sends`,
        hint: wide
          ? 'cast to float32 or a smaller dtype before it crosses, and back'
          : 'quantise it or cast to float16 before it crosses, send less of it, or cut where less crosses',
        ...atEdge(graph, edge, values),
      };
    }
  },
  examples: {
    bad: { model: model('float64', 64), topology },
    good: { model: model('float32', 64), topology },
  },
});

function isHeavy({ dtype }: Edge, bytes: number): boolean {
  const bits = dtype === null ? 0 : bitsOf(dtype);
  return bytes >= (dtype === 'float64' ? WIDE_BYTES : bits > 8 ? RAW_BYTES : Number.POSITIVE_INFINITY);
}
