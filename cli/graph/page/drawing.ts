// Draws a scene that has been laid out, as SVG: only what is in view is in the document.

import type { Box, Camera } from './camera.ts';
import type { PageGraph } from './data.ts';
import { shortened, svg } from './dom.ts';
import type { LayerRoute } from './layout/layered.ts';
import type { Picture } from './layout/nested.ts';
import { crossingText, type Meaning, opText, type Scene } from './scene.ts';

/** Ops, groups and edges of a flow that are at work, and those that are done. */
export interface Activity {
  readonly regions: ReadonlySet<number>;
  readonly doneRegions: ReadonlySet<number>;
  readonly crossings: ReadonlySet<number>;
  readonly doneCrossings: ReadonlySet<number>;
}

interface DrawnRoute {
  readonly key: number;
  readonly box: Box;
  readonly line: string;
  readonly heads: string;
  /** Value of a crossing: drawn in its peer's colour. */
  readonly crossing: number | undefined;
}

export class Drawing {
  readonly #root: SVGSVGElement;
  readonly #world: SVGGElement;
  readonly #frames: SVGGElement;
  readonly #lines: SVGGElement;
  readonly #boxes: SVGGElement;
  readonly #shown = new Map<number, SVGGElement>();
  readonly #shownRoutes = new Map<number, SVGGElement>();
  #graph: PageGraph | undefined;
  #scene: Scene | undefined;
  #picture: Picture | undefined;
  #routes: readonly DrawnRoute[] = [];
  #selected = -1;
  #lit: ReadonlySet<number> = new Set();
  #activity: Activity | undefined;

  constructor(root: SVGSVGElement) {
    this.#root = root;
    this.#frames = svg('g');
    this.#lines = svg('g', { 'aria-hidden': 'true' });
    this.#boxes = svg('g');
    this.#world = svg('g', {}, this.#frames, this.#lines, this.#boxes);
    root.append(this.#world);
  }

  show(graph: PageGraph, scene: Scene, picture: Picture): void {
    this.#graph = graph;
    this.#scene = scene;
    this.#picture = picture;
    this.#routes = routesOf(graph, picture);
    for (const layer of [this.#frames, this.#lines, this.#boxes]) layer.replaceChildren();
    this.#shown.clear();
    this.#shownRoutes.clear();
  }

  /** The box of an item in the picture. */
  boxOf(item: number): Box {
    const { x, y, width, height } = this.#picture!;
    return { x: x[item]!, y: y[item]!, width: width[item]!, height: height[item]! };
  }

  /** The uppermost box that is no frame. */
  first(): Box | undefined {
    let best: Box | undefined;
    for (const [item, { header }] of (this.#scene?.items ?? []).entries()) {
      const box = this.boxOf(item);
      if (header === undefined && (best === undefined || box.y < best.y)) best = box;
    }
    return best;
  }

  /** What the whole picture covers. */
  bounds(): Box {
    const count = this.#scene?.items.length ?? 0;
    let [left, top, right, bottom] = [0, 0, 1, 1];
    for (let item = 0; item < count; item++) {
      const { x, y, width, height } = this.boxOf(item);
      [left, top] = [Math.min(left, x), Math.min(top, y)];
      [right, bottom] = [Math.max(right, x + width), Math.max(bottom, y + height)];
    }
    return { x: left, y: top, width: right - left, height: bottom - top };
  }

  /** Marks an item (-1: none) and the lines of some values. */
  mark(item: number, values: ReadonlySet<number>): void {
    this.#selected = item;
    this.#lit = values;
    this.#restyle();
  }

  setActivity(activity: Activity | undefined): void {
    this.#activity = activity;
    this.#root.classList.toggle('flowing', activity !== undefined);
    this.#restyle();
  }

  /** Brings the document up to what the camera sees. */
  update(camera: Camera): void {
    if (this.#scene === undefined) return;
    this.#world.setAttribute('transform', `translate(${camera.x} ${camera.y}) scale(${camera.scale})`);
    this.#root.classList.toggle('far', camera.scale < 0.4);
    this.#root.classList.toggle('farther', camera.scale < 0.16);
    const view = grown(camera.view(), 200 / camera.scale);
    for (let item = 0; item < this.#scene.items.length; item++) {
      const isVisible = meet(this.boxOf(item), view);
      const element = this.#shown.get(item);
      if (isVisible && element === undefined) this.#mount(item);
      else if (!isVisible && element !== undefined) {
        element.remove();
        this.#shown.delete(item);
      }
    }
    for (const [index, route] of this.#routes.entries()) {
      const isVisible = meet(route.box, view);
      const element = this.#shownRoutes.get(index);
      if (isVisible && element === undefined) this.#mountRoute(index, route);
      else if (!isVisible && element !== undefined) {
        element.remove();
        this.#shownRoutes.delete(index);
      }
    }
  }

  #mount(item: number): void {
    const meaning = this.#scene!.meanings[item]!;
    const { x, y, width, height } = this.boxOf(item);
    const element = svg('g', { transform: `translate(${x} ${y})`, 'data-item': item, id: `item-${item}` });
    const isFrame = meaning.kind === 'group' && meaning.isOpen;
    if (meaning.kind === 'op') drawOp(element, this.#graph!, meaning.op, width, height);
    else if (meaning.kind === 'crossing')
      drawCrossing(element, this.#graph!, meaning.crossings, width, height);
    else drawGroup(element, this.#graph!, meaning, width, height);
    this.#shown.set(item, element);
    this.#style(item, element);
    (isFrame ? this.#frames : this.#boxes).append(element);
    // A frame around another must not cover it.
    if (isFrame) this.#sortFrames();
  }

  #sortFrames(): void {
    const frames = [...this.#shown].filter(([, element]) => element.parentNode === this.#frames);
    frames.sort(([a], [b]) => a - b);
    this.#frames.append(...frames.map(([, element]) => element));
  }

  #mountRoute(index: number, { line, heads, crossing }: DrawnRoute): void {
    const peer = crossing === undefined ? '' : ` crossing peer-${this.#peerOfCrossing(crossing)}`;
    const element = svg(
      'g',
      { class: `route${peer}` },
      svg('path', { class: 'line', d: line }),
      svg('path', { class: 'head', d: heads }),
    );
    this.#shownRoutes.set(index, element);
    this.#styleRoute(index, element);
    this.#lines.append(element);
  }

  #peerOfCrossing(crossing: number): number {
    const { groups, crossings } = this.#graph!;
    return (groups[crossings[crossing]!.fromRegion]?.peer ?? 0) % 8;
  }

  #restyle(): void {
    for (const [item, element] of this.#shown) this.#style(item, element);
    for (const [index, element] of this.#shownRoutes) this.#styleRoute(index, element);
  }

  #style(item: number, element: SVGGElement): void {
    element.classList.toggle('selected', item === this.#selected);
    const activity = this.#activity;
    const meaning = this.#scene!.meanings[item]!;
    let [isActive, isDone, takesPart] = [false, false, false];
    if (meaning.kind === 'group' && this.#graph!.groups[meaning.group]!.kind === 'region') {
      takesPart = true;
      isActive = activity?.regions.has(meaning.group) === true;
      isDone = activity?.doneRegions.has(meaning.group) === true;
    } else if (meaning.kind === 'crossing') {
      takesPart = true;
      isActive = meaning.crossings.some((one) => activity?.crossings.has(one) === true);
      isDone = meaning.crossings.some((one) => activity?.doneCrossings.has(one) === true);
    }
    element.classList.toggle('active', isActive);
    element.classList.toggle('waiting', activity !== undefined && takesPart && !isActive && !isDone);
  }

  #styleRoute(index: number, element: SVGGElement): void {
    const { key, crossing } = this.#routes[index]!;
    element.classList.toggle('lit', this.#lit.has(key));
    element.classList.toggle(
      'active',
      crossing !== undefined && this.#activity?.crossings.has(crossing) === true,
    );
  }
}

function drawOp(into: SVGGElement, graph: PageGraph, index: number, width: number, height: number): void {
  const op = graph.ops[index]!;
  const [type, brief] = opText(op);
  const label = [op.kind === 'op' ? op.type : `${op.kind} ${op.name}`, op.name, op.brief]
    .filter(Boolean)
    .join(', ');
  into.setAttribute('class', `box ${op.kind}${op.peer >= 0 ? ` peer-${op.peer % 8}` : ''}`);
  into.setAttribute('role', 'button');
  into.setAttribute('aria-label', label);
  into.dataset.op = String(index);
  const radius = op.kind === 'op' ? 5 : height / 2;
  into.append(svg('rect', { class: 'body', width, height, rx: radius }));
  if (op.kind === 'op') {
    if (op.peer >= 0)
      into.append(svg('rect', { class: 'stripe', x: 0, y: 5, width: 3, height: height - 10, rx: 1.5 }));
    into.append(svg('text', { class: 'type', x: 11, y: height / 2 + 4 }, type));
    if (brief !== '')
      into.append(
        svg('text', { class: 'brief', x: width - 11, y: height / 2 + 4, 'text-anchor': 'end' }, brief),
      );
    return;
  }
  const middle = { x: width / 2, 'text-anchor': 'middle' };
  into.append(
    svg('text', { class: 'type', y: 16, ...middle }, type),
    svg('text', { class: 'brief', y: 29, ...middle }, brief),
  );
}

function drawCrossing(
  into: SVGGElement,
  graph: PageGraph,
  crossings: readonly number[],
  width: number,
  height: number,
): void {
  const [first, second] = crossingText(graph, crossings);
  const one = graph.crossings[crossings[0]!]!;
  const peer = graph.groups[one.fromRegion]?.peer ?? 0;
  into.setAttribute('class', `box pill ${one.kind} peer-${peer % 8}`);
  into.setAttribute('role', 'button');
  into.setAttribute('aria-label', `edge ${one.edge}, ${one.route}: ${first}, ${second}`);
  into.dataset.crossing = String(crossings[0]);
  const middle = { x: width / 2, 'text-anchor': 'middle' };
  into.append(
    svg('rect', { class: 'body', width, height, rx: 8 }),
    svg('text', { class: 'type', y: 17, ...middle }, first),
    svg('text', { class: 'brief', y: 31, ...middle }, second),
  );
}

function drawGroup(
  into: SVGGElement,
  graph: PageGraph,
  { group: index, isOpen }: Extract<Meaning, { kind: 'group' }>,
  width: number,
  height: number,
): void {
  const group = graph.groups[index]!;
  into.setAttribute(
    'class',
    `${isOpen ? 'frame' : 'box group'} ${group.kind}${group.peer >= 0 ? ` peer-${group.peer % 8}` : ''}`,
  );
  into.setAttribute('role', 'button');
  into.setAttribute('aria-expanded', String(isOpen));
  into.setAttribute('aria-label', `${group.title}, ${group.detail}`);
  into.dataset.group = String(index);
  if (!isOpen) into.append(svg('rect', { class: 'sheet', x: 4, y: 4, width, height, rx: 7 }));
  into.append(svg('rect', { class: 'body', width, height, rx: isOpen ? 10 : 7 }));
  const y = isOpen ? 18 : 19;
  const chevron = isOpen ? `M12 ${y - 6}l4 4l4 -4` : `M14 ${y - 8}l4 4l-4 4`;
  into.append(
    svg('rect', { class: 'toggle', x: 4, y: 3, width: 24, height: 22, rx: 4, 'data-toggle': index }),
    svg('path', { class: 'chevron', d: chevron }),
    svg('text', { class: 'title', x: 30, y }, group.title),
  );
  if (!isOpen) into.append(svg('text', { class: 'detail', x: 30, y: 35 }, shortened(group.detail, 44)));
  else {
    const detail = svg('text', { class: 'detail', x: width - 12, y, 'text-anchor': 'end' }, group.detail);
    if (width > 180) into.append(detail);
  }
}

function routesOf(graph: PageGraph, picture: Picture): DrawnRoute[] {
  const crossingOf = new Map<number, number>();
  const leaving = new Map<number, number>();
  for (const [index, { from, to }] of graph.crossings.entries()) {
    crossingOf.set(from < 0 ? -2 - index : to, index);
    crossingOf.set(to, index);
    leaving.set(from, index);
  }
  return picture.routes.map((route) => {
    const heads = [
      ...pairs(route.tips).map(([x, y]) => `M${x} ${y}l-3.4 -6.4h6.8z`),
      ...pairs(route.sideTips).map(([x, y]) => `M${x} ${y}l-6.4 -3.4v6.8z`),
    ].join('');
    const leaves = route.across.length + route.outwards.length > 0 ? leaving.get(route.key) : undefined;
    const crossing = crossingOf.get(route.key) ?? leaves;
    return { key: route.key, box: boxAround(route), line: lineOf(route), heads, crossing };
  });
}

/** Radius of the turns of a line. */
const TURN = 7;

function lineOf({ down, across, inwards, outwards }: LayerRoute): string {
  let line = '';
  let [lastX, lastY] = [Number.NaN, Number.NaN];
  const each = (
    list: readonly number[],
    draw: (x1: number, y1: number, x2: number, y2: number) => string,
  ): void => {
    for (let at = 0; at < list.length; at += 4) {
      const [x1, y1] = [rounded(list[at]!), rounded(list[at + 1]!)];
      const [x2, y2] = [rounded(list[at + 2]!), rounded(list[at + 3]!)];
      if (x1 !== lastX || y1 !== lastY) line += `M${x1} ${y1}`;
      line += draw(x1, y1, x2, y2);
      [lastX, lastY] = [x2, y2];
    }
  };
  each(down, (x1, y1, x2, y2) => {
    const half = rounded((y1 + y2) / 2);
    return x1 === x2 ? `V${y2}` : `C${x1} ${half} ${x2} ${half} ${x2} ${y2}`;
  });
  each(across, (x1, y1, x2, y2) => {
    const half = rounded((x1 + x2) / 2);
    return y1 === y2 ? `H${x2}` : `C${half} ${y1} ${half} ${y2} ${x2} ${y2}`;
  });
  each(inwards, (_, y1, x2, y2) => {
    const turn = Math.min(TURN, y2 - y1);
    return `H${rounded(x2 - turn)}Q${x2} ${y1} ${x2} ${rounded(y1 + turn)}V${y2}`;
  });
  each(outwards, (x1, _, x2, y2) => {
    const turn = Math.min(TURN, x2 - x1);
    return `V${rounded(y2 - turn)}Q${x1} ${y2} ${rounded(x1 + turn)} ${y2}H${x2}`;
  });
  return line;
}

function boxAround({ down, across, inwards, outwards }: LayerRoute): Box {
  let [left, top, right, bottom] = [Infinity, Infinity, -Infinity, -Infinity];
  for (const list of [down, across, inwards, outwards]) {
    for (let at = 0; at < list.length; at += 2) {
      [left, right] = [Math.min(left, list[at]!), Math.max(right, list[at]!)];
      [top, bottom] = [Math.min(top, list[at + 1]!), Math.max(bottom, list[at + 1]!)];
    }
  }
  return { x: left, y: top, width: right - left, height: bottom - top };
}

const pairs = (list: readonly number[]): [number, number][] =>
  Array.from({ length: list.length / 2 }, (_, at) => [rounded(list[2 * at]!), rounded(list[2 * at + 1]!)]);

const rounded = (value: number): number => Math.round(value * 10) / 10;

const grown = ({ x, y, width, height }: Box, by: number): Box => ({
  x: x - by,
  y: y - by,
  width: width + 2 * by,
  height: height + 2 * by,
});

const meet = (a: Box, b: Box): boolean =>
  a.x <= b.x + b.width && b.x <= a.x + a.width && a.y <= b.y + b.height && b.y <= a.y + a.height;
