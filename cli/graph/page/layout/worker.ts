// Runs in a Web Worker: takes boxes and wires, gives where they lie.

import { type Item, layoutNested, type Picture, type Wire } from './nested.ts';

export interface LayoutRequest {
  readonly id: number;
  readonly items: readonly Item[];
  readonly wires: readonly Wire[];
  readonly sideways: boolean;
}
export interface LayoutAnswer {
  readonly id: number;
  readonly picture: Picture;
}

// The library that describes workers cannot be loaded beside the one that describes pages.
const scope = globalThis as unknown as {
  onmessage: (event: MessageEvent<LayoutRequest>) => void;
  postMessage: (answer: LayoutAnswer) => void;
};
scope.onmessage = ({ data: { id, items, wires, sideways } }) => {
  scope.postMessage({ id, picture: layoutNested(items, wires, sideways) });
};
