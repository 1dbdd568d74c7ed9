// A graph of boxes in frames in frames: every frame is laid out on its own, then stands as one box in the frame
// around it. A value that enters or leaves a frame does so at a point of its border.

import { emptyRoute, type LayerLink, type LayerNode, type LayerRoute, layoutLayer } from './layered.ts';

export interface Item {
  /** Index of the frame around it; -1: the picture itself. A frame stands before what is in it. */
  readonly parent: number;
  /** Of a frame: the least width. */
  readonly width: number;
  readonly height: number;
  /** Frames only: room above the content. */
  readonly header?: number;
}

export interface Wire {
  readonly from: number;
  readonly to: number;
  readonly key: number;
}

export interface Picture {
  readonly x: Float64Array;
  readonly y: Float64Array;
  readonly width: Float64Array;
  readonly height: Float64Array;
  /** In the coordinates of the whole picture. */
  readonly routes: readonly LayerRoute[];
}

const PADDING = 14;
/** Between lines that turn beside each other. */
const LANE = 9;

/** Points on a frame's border by value, from the middle of the side: where it enters and leaves. */
interface Inside {
  readonly width: number;
  readonly height: number;
  readonly enters: ReadonlyMap<number, number>;
  readonly leaves: ReadonlyMap<number, number>;
  readonly routes: readonly LayerRoute[];
}

interface InnerLink {
  readonly from: number | 'above';
  readonly to: number | 'below';
  readonly key: number;
}

/** `sideways`: the outermost items stand side by side, and values go from left to right between them. */
export function layoutNested(items: readonly Item[], wires: readonly Wire[], sideways = false): Picture {
  const children = new Map<number, number[]>([[-1, []]]);
  for (const [index, { parent, header }] of items.entries()) {
    if (header !== undefined) children.set(index, []);
    children.get(parent)!.push(index);
  }
  const links = linksByFrame(items, wires);
  const x = new Float64Array(items.length);
  const y = new Float64Array(items.length);
  const inside = new Map<number, Inside>();
  // Children stand after their frame, so backwards is from the inside out.
  const frames = [...children.keys()].sort((a, b) => b - a);
  for (const frame of frames) {
    const inner = { items, children: children.get(frame)!, links: links.get(frame) ?? [], inside, x, y };
    const turned = sideways && frame >= 0 && items[frame]!.parent < 0;
    inside.set(frame, frame < 0 ? layoutRoot(inner, sideways) : layoutFrame(items[frame]!, inner, turned));
  }
  const routes: LayerRoute[] = [];
  for (const frame of frames.toReversed()) {
    const [dx, dy] = frame < 0 ? [0, 0] : [x[frame]!, y[frame]!];
    for (const child of children.get(frame)!) {
      x[child]! += dx;
      y[child]! += dy;
    }
    for (const route of inside.get(frame)!.routes) routes.push(moved(route, dx, dy));
  }
  return {
    x,
    y,
    width: Float64Array.from(items, (item, index) => inside.get(index)?.width ?? item.width),
    height: Float64Array.from(items, (item, index) => inside.get(index)?.height ?? item.height),
    routes,
  };
}

/** Cuts every wire at the borders it crosses. */
function linksByFrame(items: readonly Item[], wires: readonly Wire[]): Map<number, InnerLink[]> {
  const found = new Map<number, Map<string, InnerLink>>();
  const add = (frame: number, link: InnerLink): void => {
    let list = found.get(frame);
    if (list === undefined) {
      list = new Map();
      found.set(frame, list);
    }
    list.set(`${link.from} ${link.to} ${link.key}`, link);
  };
  const around = (index: number): number[] => {
    const path = [index];
    for (let at = items[index]!.parent; at >= 0; at = items[at]!.parent) path.push(at);
    return path;
  };
  for (const { from, to, key } of wires) {
    const [out, into] = [around(from), around(to)];
    while (out.length > 1 && into.length > 1 && out.at(-1) === into.at(-1)) {
      out.pop();
      into.pop();
    }
    for (let at = 0; at + 1 < out.length; at++) add(out[at + 1]!, { from: out[at]!, to: 'below', key });
    for (let at = 0; at + 1 < into.length; at++) add(into[at + 1]!, { from: 'above', to: into[at]!, key });
    if (out.at(-1) !== into.at(-1)) {
      add(items[out.at(-1)!]!.parent, { from: out.at(-1)!, to: into.at(-1)!, key });
    }
  }
  return new Map([...found].map(([frame, list]) => [frame, [...list.values()]]));
}

/** What a frame holds; positions of its children are set relative to it. */
interface Inner {
  readonly items: readonly Item[];
  readonly children: readonly number[];
  readonly links: readonly InnerLink[];
  readonly inside: ReadonlyMap<number, Inside>;
  readonly x: Float64Array;
  readonly y: Float64Array;
}

function layoutRoot({ items, children, links, inside, x, y }: Inner, sideways: boolean): Inside {
  const numberOf = new Map(children.map((child, index) => [child, index]));
  const nodes = children.map((child): LayerNode => {
    const { width, height } = inside.get(child) ?? items[child]!;
    const size = sideways ? { width: height, height: width } : { width, height };
    return { ...size, hasArrows: !inside.has(child) };
  });
  // Nothing comes from outside of the whole picture.
  const inner = links.filter((link): link is InnerLink & { from: number; to: number } => {
    return link.from !== 'above' && link.to !== 'below';
  });
  const layered = layoutLayer(
    nodes,
    inner.map(({ from, to, key }) => ({
      from: numberOf.get(from)!,
      to: numberOf.get(to)!,
      fromX: inside.get(from)?.leaves.get(key) ?? 0,
      toX: inside.get(to)?.enters.get(key) ?? 0,
      key,
      spreads: !inside.has(to),
    })),
  );
  for (const [index, child] of children.entries()) {
    x[child] = sideways ? layered.y[index]! : layered.x[index]!;
    y[child] = sideways ? layered.x[index]! : layered.y[index]!;
  }
  const routes = sideways ? layered.routes.map(turned) : layered.routes;
  return { width: 0, height: 0, enters: new Map(), leaves: new Map(), routes };
}

const turned = ({ key, down, tips }: LayerRoute): LayerRoute => {
  const swapped = (list: readonly number[]): number[] =>
    list.map((_, at) => list[at % 2 === 0 ? at + 1 : at - 1]!);
  return { ...emptyRoute(key), across: swapped(down), sideTips: swapped(tips) };
};

/** `turned`: values enter on the left and leave on the right, not above and below. */
function layoutFrame(frame: Item, { items, children, links, inside, x, y }: Inner, turned: boolean): Inside {
  const nodes: LayerNode[] = children.map((child) => {
    const { width, height } = inside.get(child) ?? items[child]!;
    // At a frame the line goes on inside.
    return { width, height, hasArrows: !inside.has(child) };
  });
  const numberOf = new Map(children.map((child, index) => [child, index]));
  const border = (side: 'top' | 'bottom', points: Map<number, number>, key: number): number => {
    let node = points.get(key);
    if (node === undefined) {
      node = nodes.push({ width: 2, height: 0, border: side, hasArrows: false }) - 1;
      points.set(key, node);
    }
    return node;
  };
  const [above, below] = [new Map<number, number>(), new Map<number, number>()];
  const layerLinks = links.map(
    ({ from, to, key }): LayerLink => ({
      from: from === 'above' ? border('top', above, key) : numberOf.get(from)!,
      to: to === 'below' ? border('bottom', below, key) : numberOf.get(to)!,
      fromX: from === 'above' ? 0 : (inside.get(from)?.leaves.get(key) ?? 0),
      toX: to === 'below' ? 0 : (inside.get(to)?.enters.get(key) ?? 0),
      key,
      spreads: to !== 'below' && !inside.has(to),
    }),
  );
  const layered = layoutLayer(nodes, layerLinks);
  const width = Math.max(frame.width, layered.width + 2 * PADDING);
  const lanes = (points: ReadonlyMap<number, number>): number => (turned ? points.size * LANE : 0);
  const [dx, dy] = [(width - layered.width) / 2, (frame.header ?? 0) + PADDING + lanes(above)];
  const bottom = dy + layered.height;
  const height = bottom + lanes(below) + PADDING;
  for (const [index, child] of children.entries()) {
    x[child] = layered.x[index]! + dx;
    y[child] = layered.y[index]! + dy;
  }
  const routes = new Map(layered.routes.map((route) => [route.key, moved(route, dx, dy)]));
  // From the border to the content. The line that goes furthest to the right turns in the uppermost lane: so none
  // crosses another.
  const [enters, leaves] = [new Map<number, number>(), new Map<number, number>()];
  for (const [points, ends, top] of [
    [above, enters, true],
    [below, leaves, false],
  ] as const) {
    const sorted = [...points].map(([key, node]) => ({ key, at: layered.x[node]! + 1 + dx }));
    sorted.sort((a, b) => b.at - a.at);
    for (const [lane, { key, at }] of sorted.entries()) {
      const route = routes.get(key)!;
      if (!turned) {
        route.down.push(...(top ? [at, 0, at, dy] : [at, bottom, at, height]));
        ends.set(key, at - width / 2);
        continue;
      }
      const laneY = (top ? dy - lanes(above) : bottom) + (lane + 0.5) * LANE;
      if (top) route.inwards.push(0, laneY, at, dy);
      else route.outwards.push(at, bottom, width, laneY);
      ends.set(key, laneY - height / 2);
    }
  }
  return { width, height, enters, leaves, routes: [...routes.values()] };
}

function moved(route: LayerRoute, dx: number, dy: number): LayerRoute {
  const by = (list: readonly number[]): number[] => list.map((value, at) => value + (at % 2 === 0 ? dx : dy));
  return {
    key: route.key,
    down: by(route.down),
    across: by(route.across),
    inwards: by(route.inwards),
    outwards: by(route.outwards),
    tips: by(route.tips),
    sideTips: by(route.sideTips),
  };
}
