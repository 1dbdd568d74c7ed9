// Keys and buttons of the page.

import { byId } from './dom.ts';

interface Commands {
  readonly hasSelection: boolean;
  select(selection: undefined): void;
  show(name: 'recorded' | 'partitioned'): void;
  toggleView(): void;
  setAll(isOpen: boolean): void;
  step(direction: 'up' | 'down' | 'left' | 'right'): void;
  activate(): void;
  zoom(factor: number): void;
  pan(dx: number, dy: number): void;
  fit(): void;
  play(): void;
}

const ZOOM = 1.25;
const PAN = 80;

export function keyboard(page: Commands): void {
  const help = byId('help') as HTMLDialogElement;
  const onClick = (id: string, run: () => void): void => byId(id).addEventListener('click', run);
  onClick('view-recorded', () => page.show('recorded'));
  onClick('view-partitioned', () => page.show('partitioned'));
  onClick('expand', () => page.setAll(true));
  onClick('collapse', () => page.setAll(false));
  onClick('zoom-in', () => page.zoom(ZOOM));
  onClick('zoom-out', () => page.zoom(1 / ZOOM));
  onClick('fit', () => page.fit());
  onClick('theme', nextTheme);
  onClick('help-open', () => help.showModal());
  onClick('help-close', () => help.close());

  const keys: Readonly<Record<string, () => void>> = {
    '/': () => byId('search').focus(),
    '+': () => page.zoom(ZOOM),
    '=': () => page.zoom(ZOOM),
    '-': () => page.zoom(1 / ZOOM),
    '0': () => page.fit(),
    p: () => page.toggleView(),
    e: () => page.setAll(true),
    c: () => page.setAll(false),
    t: nextTheme,
    '?': () => help.showModal(),
    Escape: () => page.select(undefined),
    Enter: () => page.activate(),
    ' ': () => page.play(),
    ArrowUp: () => (page.hasSelection ? page.step('up') : page.pan(0, PAN)),
    ArrowDown: () => (page.hasSelection ? page.step('down') : page.pan(0, -PAN)),
    ArrowLeft: () => (page.hasSelection ? page.step('left') : page.pan(PAN, 0)),
    ArrowRight: () => (page.hasSelection ? page.step('right') : page.pan(-PAN, 0)),
    n: () => page.step('down'),
  };
  window.addEventListener('keydown', (event) => {
    if (help.open || event.altKey) return;
    const isSearchKey = (event.ctrlKey || event.metaKey) && event.key === 'k';
    if (isSearchKey) byId('search').focus();
    else {
      if (event.ctrlKey || event.metaKey) return;
      const target = event.target instanceof HTMLElement ? event.target : document.body;
      if (target.matches('input')) return;
      // On a button these keys press it.
      if (target.matches('button') && (event.key === 'Enter' || event.key === ' ')) return;
      const run = keys[event.key];
      if (run === undefined) return;
      run();
    }
    event.preventDefault();
  });
}

/** Light and dark, starting from the one that the system does not ask for. */
function nextTheme(): void {
  const { dataset } = document.documentElement;
  const isDark =
    (dataset.theme ?? (matchMedia('(prefers-color-scheme: dark)').matches ? 'dark' : 'light')) === 'dark';
  dataset.theme = isDark ? 'light' : 'dark';
  document.dispatchEvent(new Event('themechange'));
}
