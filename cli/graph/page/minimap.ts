// The whole picture in a corner, with what is in view; a click or drag goes there.

import type { Box, Camera } from './camera.ts';
import type { PageGraph } from './data.ts';
import type { Drawing } from './drawing.ts';
import type { Scene } from './scene.ts';

const WIDTH = 150;
const HEIGHT = 170;

export class MiniMap {
  readonly #canvas: HTMLCanvasElement;
  readonly #drawing: Drawing;
  readonly #camera: Camera;
  #graph: PageGraph | undefined;
  #scene: Scene | undefined;
  #picture: HTMLCanvasElement = document.createElement('canvas');
  #bounds: Box = { x: 0, y: 0, width: 1, height: 1 };
  #scale = 1;

  constructor(canvas: HTMLCanvasElement, drawing: Drawing, camera: Camera) {
    this.#canvas = canvas;
    this.#drawing = drawing;
    this.#camera = camera;
    const go = (event: PointerEvent): void => {
      if (event.buttons === 0) return;
      const bounds = canvas.getBoundingClientRect();
      const x = (event.clientX - bounds.x) / this.#scale + this.#bounds.x;
      const y = (event.clientY - bounds.y) / this.#scale + this.#bounds.y;
      const { width, height } = camera.view();
      camera.pan(
        (camera.view().x + width / 2 - x) * camera.scale,
        (camera.view().y + height / 2 - y) * camera.scale,
      );
    };
    canvas.addEventListener('pointerdown', (event) => {
      canvas.setPointerCapture(event.pointerId);
      go(event);
    });
    canvas.addEventListener('pointermove', go);
    const redraw = (): void => {
      if (this.#graph !== undefined && this.#scene !== undefined) this.draw(this.#graph, this.#scene);
      this.update();
    };
    document.addEventListener('themechange', redraw);
    matchMedia('(prefers-color-scheme: dark)').addEventListener('change', redraw);
  }

  /** Paints the picture once; `update` only adds the view. */
  draw(graph: PageGraph, scene: Scene): void {
    [this.#graph, this.#scene] = [graph, scene];
    this.#bounds = this.#drawing.bounds();
    const { width, height } = this.#bounds;
    this.#scale = Math.min(WIDTH / width, HEIGHT / height);
    const ratio = devicePixelRatio;
    const size = { width: Math.max(12, width * this.#scale), height: Math.max(12, height * this.#scale) };
    for (const canvas of [this.#canvas, this.#picture]) {
      canvas.width = size.width * ratio;
      canvas.height = size.height * ratio;
    }
    this.#canvas.style.width = `${size.width}px`;
    this.#canvas.style.height = `${size.height}px`;
    const context = this.#picture.getContext('2d')!;
    const style = getComputedStyle(document.documentElement);
    const colour = (peer: number): string =>
      style.getPropertyValue(peer < 0 ? '--muted' : `--peer-${peer % 8}`).trim();
    for (const [item, meaning] of scene.meanings.entries()) {
      const isFrame = meaning.kind === 'group' && meaning.isOpen;
      const peer =
        meaning.kind === 'op'
          ? graph.ops[meaning.op]!.peer
          : meaning.kind === 'group'
            ? graph.groups[meaning.group]!.peer
            : graph.groups[graph.crossings[meaning.crossings[0]!]!.fromRegion]!.peer;
      const { x, y, width, height } = this.#drawing.boxOf(item);
      const scale = this.#scale * ratio;
      context.globalAlpha = isFrame ? 0.16 : 0.75;
      context.fillStyle = colour(peer);
      context.fillRect(
        (x - this.#bounds.x) * scale,
        (y - this.#bounds.y) * scale,
        Math.max(1, width * scale),
        Math.max(1, height * scale),
      );
    }
  }

  update(): void {
    if (this.#graph === undefined) return;
    const context = this.#canvas.getContext('2d')!;
    const view = this.#camera.view();
    const covers =
      view.x <= this.#bounds.x &&
      view.y <= this.#bounds.y &&
      view.x + view.width >= this.#bounds.x + this.#bounds.width &&
      view.y + view.height >= this.#bounds.y + this.#bounds.height;
    this.#canvas.hidden = covers;
    if (covers) return;
    const scale = this.#scale * devicePixelRatio;
    context.clearRect(0, 0, this.#canvas.width, this.#canvas.height);
    context.drawImage(this.#picture, 0, 0);
    context.strokeStyle = getComputedStyle(document.documentElement).getPropertyValue('--accent').trim();
    context.lineWidth = 1.5 * devicePixelRatio;
    context.strokeRect(
      (view.x - this.#bounds.x) * scale,
      (view.y - this.#bounds.y) * scale,
      view.width * scale,
      view.height * scale,
    );
  }
}
