// A graph of boxes in frames in frames: every frame is laid out on its own, then stands as one box in the frame
// around it. A value that enters or leaves a frame does so at a point of its border.

import { type LayerLink, type LayerNode, type LayerRoute, layoutLayer } from './layered.ts';

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

/** A point on a frame's border by value: x from the frame's middle. */
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

export function layoutNested(items: readonly Item[], wires: readonly Wire[]): Picture {
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
    inside.set(frame, layoutFrame(frame, items, children.get(frame)!, links.get(frame) ?? [], inside, x, y));
  }
  const routes: LayerRoute[] = [];
  for (const frame of frames.toReversed()) {
    const [dx, dy] = frame < 0 ? [0, 0] : [x[frame]!, y[frame]!];
    for (const child of children.get(frame)!) {
      x[child]! += dx;
      y[child]! += dy;
    }
    for (const { key, pieces, tips } of inside.get(frame)!.routes) {
      const moved = (list: readonly number[]): number[] =>
        list.map((value, at) => value + (at % 2 === 0 ? dx : dy));
      routes.push({ key, pieces: moved(pieces), tips: moved(tips) });
    }
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

/** Lays a frame's content out; positions of its children are set relative to it. */
function layoutFrame(
  frame: number,
  items: readonly Item[],
  children: readonly number[],
  links: readonly InnerLink[],
  inside: ReadonlyMap<number, Inside>,
  x: Float64Array,
  y: Float64Array,
): Inside {
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
  const isRoot = frame < 0;
  const { header = 0, width: least } = isRoot ? { header: 0, width: 0 } : items[frame]!;
  const padding = isRoot ? 0 : PADDING;
  const width = Math.max(least, layered.width + 2 * padding);
  const [dx, dy] = [(width - layered.width) / 2, header + padding];
  const height = layered.height + header + 2 * padding;
  for (const [index, child] of children.entries()) {
    x[child] = layered.x[index]! + dx;
    y[child] = layered.y[index]! + dy;
  }
  const points = (nodesOf: ReadonlyMap<number, number>) =>
    new Map([...nodesOf].map(([key, node]) => [key, layered.x[node]! + 1 + dx - width / 2]));
  const [enters, leaves] = [points(above), points(below)];
  const routes = layered.routes.map(({ key, pieces, tips }) => {
    const moved = (list: readonly number[]): number[] =>
      list.map((value, at) => value + (at % 2 === 0 ? dx : dy));
    return { key, pieces: moved(pieces), tips: moved(tips) };
  });
  // From the border to the content.
  for (const route of routes) {
    const [top, bottom] = [enters.get(route.key), leaves.get(route.key)];
    if (top !== undefined) route.pieces.push(top + width / 2, 0, top + width / 2, dy);
    if (bottom !== undefined) {
      route.pieces.push(bottom + width / 2, dy + layered.height, bottom + width / 2, height);
    }
  }
  return { width, height, enters, leaves, routes };
}
