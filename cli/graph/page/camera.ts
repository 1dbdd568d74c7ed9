// Where one looks from: pan and zoom of an element, by mouse, touch, wheel and keys.

const LEAST_SCALE = 0.02;
/** What the zoom buttons take at the bottom. */
const TOOLS_HEIGHT = 68;
const MOST_SCALE = 3;

export interface Box {
  readonly x: number;
  readonly y: number;
  readonly width: number;
  readonly height: number;
}

export class Camera {
  x = 0;
  y = 0;
  scale = 1;
  /** Whether the last press became a drag: what follows is no click then. */
  hasDragged = false;
  readonly #element: HTMLElement;
  readonly #onChange: () => void;
  readonly #pointers = new Map<number, PointerEvent>();

  constructor(element: HTMLElement, onChange: () => void) {
    this.#element = element;
    this.#onChange = onChange;
    element.addEventListener('wheel', (event) => this.#wheel(event), { passive: false });
    element.addEventListener('pointerdown', (event) => {
      this.#pointers.set(event.pointerId, event);
      this.hasDragged = false;
    });
    window.addEventListener('pointermove', (event) => this.#move(event));
    for (const name of ['pointerup', 'pointercancel'] as const) {
      window.addEventListener(name, (event) => {
        this.#pointers.delete(event.pointerId);
        element.classList.remove('dragging');
      });
    }
  }

  get width(): number {
    return this.#element.clientWidth;
  }
  get height(): number {
    return this.#element.clientHeight;
  }

  /** The part of the picture that is in view. */
  view(): Box {
    const { scale } = this;
    return { x: -this.x / scale, y: -this.y / scale, width: this.width / scale, height: this.height / scale };
  }

  pan(dx: number, dy: number): void {
    this.x += dx;
    this.y += dy;
    this.#onChange();
  }

  /** Zooms around a point of the element, by default its middle. */
  zoom(factor: number, x = this.width / 2, y = this.height / 2): void {
    const scale = Math.min(MOST_SCALE, Math.max(LEAST_SCALE, this.scale * factor));
    this.x = x - ((x - this.x) * scale) / this.scale;
    this.y = y - ((y - this.y) * scale) / this.scale;
    this.scale = scale;
    this.#onChange();
  }

  /** Shows a box as a whole, no larger than life, but not smaller than `least` either: then its beginning. */
  fit(box: Box, least = LEAST_SCALE, most = 1): void {
    const margin = 28;
    const room = { width: this.width - 2 * margin, height: this.height - margin - TOOLS_HEIGHT };
    const wanted = Math.min(most, room.width / Math.max(1, box.width), room.height / Math.max(1, box.height));
    this.scale = Math.max(least, Math.max(LEAST_SCALE, wanted));
    this.x = margin + (room.width - box.width * this.scale) / 2 - box.x * this.scale;
    const y = margin + (room.height - box.height * this.scale) / 2;
    this.y = Math.max(margin, y) - box.y * this.scale;
    this.#onChange();
  }

  /** Moves so that the box's middle is in the middle, and near enough to read it. */
  centre(box: Box): void {
    this.scale = Math.max(this.scale, 0.85);
    this.x = this.width / 2 - (box.x + box.width / 2) * this.scale;
    const middle = Math.min(box.height / 2, this.height / this.scale / 3);
    this.y = this.height / 2 - (box.y + middle) * this.scale;
    this.#onChange();
  }

  /** Moves so that the box is at the top, in the middle. */
  showTop(box: Box): void {
    this.x = this.width / 2 - (box.x + box.width / 2) * this.scale;
    this.y = 70 - box.y * this.scale;
    this.#onChange();
  }

  /** Whether a box's top is comfortably in view. */
  sees({ x, y, width, height }: Box): boolean {
    const view = this.view();
    const margin = 24 / this.scale;
    return (
      x >= view.x + margin &&
      x + Math.min(width, view.width / 2) <= view.x + view.width - margin &&
      y >= view.y + margin &&
      y + Math.min(height, view.height / 2) <= view.y + view.height - margin
    );
  }

  #wheel(event: WheelEvent): void {
    event.preventDefault();
    const unit = event.deltaMode === 1 ? 16 : 1;
    if (event.ctrlKey || event.metaKey) {
      const bounds = this.#element.getBoundingClientRect();
      const strength = event.ctrlKey && Math.abs(event.deltaY) < 40 ? 0.01 : 0.002;
      this.zoom(
        Math.exp(-event.deltaY * unit * strength),
        event.clientX - bounds.x,
        event.clientY - bounds.y,
      );
    } else if (event.shiftKey) this.pan(-event.deltaY * unit, 0);
    else this.pan(-event.deltaX * unit, -event.deltaY * unit);
  }

  #move(event: PointerEvent): void {
    const last = this.#pointers.get(event.pointerId);
    if (last === undefined) return;
    const others = [...this.#pointers.values()].filter(({ pointerId }) => pointerId !== event.pointerId);
    const other = others[0];
    if (other === undefined) {
      const moved = Math.hypot(event.clientX - last.clientX, event.clientY - last.clientY);
      // A click that trembles is no drag.
      if (!this.hasDragged && moved < 4) return;
      this.hasDragged = true;
      this.#element.classList.add('dragging');
      this.pan(event.clientX - last.clientX, event.clientY - last.clientY);
    } else {
      const distance = (one: PointerEvent): number =>
        Math.max(1, Math.hypot(one.clientX - other.clientX, one.clientY - other.clientY));
      const bounds = this.#element.getBoundingClientRect();
      const [x, y] = [(event.clientX + other.clientX) / 2, (event.clientY + other.clientY) / 2];
      this.zoom(distance(event) / distance(last), x - bounds.x, y - bounds.y);
    }
    this.#pointers.set(event.pointerId, event);
  }
}
