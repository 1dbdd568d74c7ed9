// Elements. Text goes in as text only: names in a model are not ours, and must not become markup.

type Attributes = Readonly<Record<string, string | number | undefined>>;

function fill(element: Element, attributes: Attributes, children: readonly (Node | string)[]): void {
  for (const [name, value] of Object.entries(attributes)) {
    if (value !== undefined) element.setAttribute(name, String(value));
  }
  element.append(...children);
}

export function html<Tag extends keyof HTMLElementTagNameMap>(
  tag: Tag,
  attributes: Attributes = {},
  ...children: readonly (Node | string)[]
): HTMLElementTagNameMap[Tag] {
  const element = document.createElement(tag);
  fill(element, attributes, children);
  return element;
}

export function svg<Tag extends keyof SVGElementTagNameMap>(
  tag: Tag,
  attributes: Attributes = {},
  ...children: readonly (Node | string)[]
): SVGElementTagNameMap[Tag] {
  const element = document.createElementNS('http://www.w3.org/2000/svg', tag);
  fill(element, attributes, children);
  return element;
}

export const byId = (id: string): HTMLElement => document.getElementById(id)!;

export function button(
  label: string,
  title: string,
  onClick: () => void,
  attributes: Attributes = {},
): HTMLButtonElement {
  const element = html('button', { type: 'button', title, ...attributes }, label);
  element.addEventListener('click', onClick);
  return element;
}

const SANS =
  'ui-sans-serif, system-ui, "Segoe UI", Roboto, "Helvetica Neue", Arial, "Liberation Sans", "DejaVu Sans", sans-serif';
const MONO = 'ui-monospace, "SF Mono", Menlo, Consolas, "Liberation Mono", "DejaVu Sans Mono", monospace';

/** Fonts as the style sheet has them: what is measured must be what is shown. */
export const fonts = {
  type: `600 12px ${SANS}`,
  brief: `400 10.5px ${MONO}`,
  title: `600 12.5px ${SANS}`,
  detail: `400 11px ${SANS}`,
} as const;

const context = document.createElement('canvas').getContext('2d')!;
const widths = new Map<string, number>();

export function textWidth(text: string, font: keyof typeof fonts): number {
  const key = `${font} ${text}`;
  let width = widths.get(key);
  if (width === undefined) {
    context.font = fonts[font];
    width = context.measureText(text).width;
    widths.set(key, width);
  }
  return width;
}

/** Keeps both ends: names differ at their ends. */
export function shortened(text: string, length: number): string {
  const characters = [...text];
  if (characters.length <= length) return text;
  const head = Math.ceil((length - 1) * 0.6);
  return `${characters.slice(0, head).join('')}…${characters.slice(head + 1 - length).join('')}`;
}
