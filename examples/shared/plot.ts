// Curves of a run as a page of its own: no script, one SVG drawing for each curve.

const [WIDTH, HEIGHT, MARGIN] = [720, 240, 48];

/** A curve: a name, and its points in order. */
export interface Curve {
  readonly name: string;
  readonly points: readonly (readonly [x: number, y: number])[];
}

/** A page with a drawing of each curve, one below the other. */
export const pageOf = (title: string, curves: readonly Curve[]): string => `<!doctype html>
<meta charset="utf-8">
<title>${title}</title>
<style>body { font: 14px sans-serif; margin: 2em } path { fill: none; stroke: #06c; stroke-width: 1.5 } text { font-size: 12px }</style>
<h1>${title}</h1>
${curves.map(drawing).join('\n')}
`;

function drawing({ name, points }: Curve): string {
  const [xs, ys] = [points.map(([x]) => x), points.map(([, y]) => y)];
  const [left, right] = [Math.min(...xs), Math.max(...xs)];
  const [low, high] = [Math.min(...ys), Math.max(...ys)];
  const place = (value: number, from: number, to: number, length: number): number =>
    to === from ? length / 2 : ((value - from) / (to - from)) * length;
  const path = points
    .map(([x, y]) => {
      const across = MARGIN + place(x, left, right, WIDTH - 2 * MARGIN);
      const down = HEIGHT - MARGIN - place(y, low, high, HEIGHT - 2 * MARGIN);
      return `${across.toFixed(1)} ${down.toFixed(1)}`;
    })
    .join(' L ');
  const text = (x: number, y: number, words: string): string => `<text x="${x}" y="${y}">${words}</text>`;
  return `<h2>${name}</h2>
<svg viewBox="0 0 ${WIDTH} ${HEIGHT}" width="${WIDTH}" height="${HEIGHT}" role="img" aria-label="${name}">
<path d="M ${path}"/>
${text(4, MARGIN, high.toPrecision(4))}
${text(4, HEIGHT - MARGIN, low.toPrecision(4))}
${text(MARGIN, HEIGHT - 20, `${left}`)}
${text(WIDTH - MARGIN, HEIGHT - 20, `${right}`)}
</svg>`;
}
