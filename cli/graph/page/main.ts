// The page: holds what is open, selected and shown, and joins the parts.

import { type Box, Camera } from './camera.ts';
import type { PageData, PageGraph } from './data.ts';
import { byId, html, svg } from './dom.ts';
import { Drawing } from './drawing.ts';
import { GraphFacts } from './facts.ts';
import { FlowStrip } from './flow.ts';
import { keyboard } from './keyboard.ts';
import type { LayoutAnswer, LayoutRequest } from './layout/worker.ts';
import { MiniMap } from './minimap.ts';
import { Panel, type Selection } from './panel.ts';
import { buildScene, groupsAround, openAtStart, type Scene } from './scene.ts';
import { Search } from './search.ts';

const data = JSON.parse(byId('data').textContent ?? '') as PageData;

type ViewName = 'recorded' | 'partitioned';
interface View {
  readonly name: ViewName;
  readonly graph: PageGraph;
  readonly facts: GraphFacts;
  readonly open: Set<number>;
}

function viewOf(name: ViewName, graph: PageGraph): View {
  return { name, graph, facts: new GraphFacts(graph), open: openAtStart(graph, data.maxBoxes) };
}

class Page {
  readonly #views: readonly View[] = [
    ...(data.partitioned === undefined ? [] : [viewOf('partitioned', data.partitioned)]),
    viewOf('recorded', data.recorded),
  ];
  readonly #canvas = byId('canvas');
  readonly #drawing: Drawing;
  readonly #camera: Camera;
  readonly #map: MiniMap;
  readonly #panel: Panel;
  readonly #search: Search;
  readonly #strip: FlowStrip | undefined;
  readonly #worker: Worker;
  #view: View = this.#views[0]!;
  #scene: Scene | undefined;
  #selected: Selection | undefined;
  #request = 0;
  #whenLaidOut: (() => void)[] = [];
  #isUpdating = false;

  constructor() {
    const root = svg('svg', { class: 'graph' });
    this.#canvas.append(root, ...overlays());
    this.#drawing = new Drawing(root);
    this.#camera = new Camera(this.#canvas, () => this.#update());
    this.#map = new MiniMap(byId('map') as HTMLCanvasElement, this.#drawing, this.#camera);
    this.#panel = new Panel(byId('panel'), data, {
      select: (selection) => this.go(selection),
      toggle: (group) => this.toggle(group),
      isOpen: (group) => this.#view.open.has(group),
      close: () => this.select(undefined),
    });
    this.#search = new Search(byId('search') as HTMLInputElement, byId('found'), (selection) =>
      this.go(selection),
    );
    const source = byId('worker').textContent ?? '';
    this.#worker = new Worker(URL.createObjectURL(new Blob([source], { type: 'text/javascript' })));
    this.#worker.addEventListener('message', ({ data: answer }: MessageEvent<LayoutAnswer>) =>
      this.#laidOut(answer),
    );
    if (data.partitioned !== undefined) {
      this.#strip = new FlowStrip(data, data.partitioned, (activity) => {
        if (activity !== undefined && this.#view.name !== 'partitioned') this.show('partitioned');
        this.#drawing.setActivity(activity);
      });
    }
    this.#canvas.addEventListener('click', (event) => this.#click(event));
    this.#canvas.addEventListener('dblclick', (event) => {
      const target = this.#targetOf(event);
      if (target?.kind === 'group') this.toggle(target.group);
    });
    new ResizeObserver(() => this.#update()).observe(this.#canvas);
  }

  start(): void {
    this.#search.setGraph(this.#view.facts);
    this.layout(() => this.fit(true));
  }

  get hasSelection(): boolean {
    return this.#selected !== undefined;
  }

  /** Shows one of the two graphs; what is selected stays selected if the other graph has it. */
  show(name: ViewName): void {
    const view = this.#views.find((one) => one.name === name);
    if (view === undefined || view === this.#view) return;
    const before = this.#selected?.kind === 'op' ? this.#view.facts.keyOf(this.#selected.op) : undefined;
    this.#view = view;
    const op = before === undefined ? undefined : view.facts.byKey(before);
    if (name === 'recorded') this.#strip?.leave();
    this.#search.setGraph(view.facts);
    document.documentElement.dataset.view = name;
    for (const one of ['recorded', 'partitioned'] as const) {
      byId(`view-${one}`).setAttribute('aria-pressed', String(one === name));
    }
    byId('notes').textContent = view.graph.notes.join(' ');
    this.#selected = undefined;
    this.layout(() => {
      if (op === undefined) this.fit(true);
      else this.go({ kind: 'op', op });
    });
    if (op === undefined) this.select(undefined);
  }

  toggleView(): void {
    this.show(this.#view.name === 'recorded' ? 'partitioned' : 'recorded');
  }

  /** Lays the scene out in the worker, and draws it when it is there. */
  layout(after: () => void): void {
    this.#scene = undefined;
    const scene = buildScene(this.#view.graph, this.#view.open);
    const id = ++this.#request;
    this.#whenLaidOut = [() => this.#accept(scene), after];
    // Peers stand side by side, as in the strip; a whole graph runs from top to bottom.
    const sideways = this.#view.name === 'partitioned';
    const request: LayoutRequest = { id, items: scene.items, wires: scene.wires, sideways };
    this.#canvas.setAttribute('aria-busy', 'true');
    this.#worker.postMessage(request);
  }

  #pending: LayoutAnswer['picture'] | undefined;

  #laidOut({ id, picture }: LayoutAnswer): void {
    // An answer to a question that is no longer asked.
    if (id !== this.#request) return;
    this.#pending = picture;
    for (const step of this.#whenLaidOut) step();
    this.#canvas.removeAttribute('aria-busy');
    document.documentElement.dataset.ready = String(id);
  }

  #accept(scene: Scene): void {
    this.#scene = scene;
    this.#drawing.show(this.#view.graph, scene, this.#pending!);
    this.#map.draw(this.#view.graph, scene);
    this.#mark();
    this.#update();
  }

  /** Opens or closes a group, keeping it where it is on the screen. */
  toggle(group: number): void {
    const { open } = this.#view;
    if (!open.delete(group)) open.add(group);
    this.#relayoutAround(group);
  }

  setAll(isOpen: boolean): void {
    const { open, graph } = this.#view;
    open.clear();
    for (const [index, { kind }] of graph.groups.entries()) if (isOpen || kind === 'region') open.add(index);
    this.layout(() => this.fit(true));
  }

  #relayoutAround(group: number): void {
    const before = this.#itemBox(this.#scene?.itemOfGroup.get(group));
    this.layout(() => {
      const after = this.#itemBox(this.#scene?.itemOfGroup.get(group));
      if (before === undefined || after === undefined) return;
      const { scale } = this.#camera;
      this.#camera.pan(
        (before.x + before.width / 2 - after.x - after.width / 2) * scale,
        (before.y - after.y) * scale,
      );
      if (this.#selected?.kind === 'group') this.#panel.show(this.#view.facts, this.#selected);
    });
  }

  /** Selects something and moves there, opening the groups around it. */
  go(selection: Selection): void {
    const { graph, open } = this.#view;
    const group =
      selection.kind === 'op'
        ? graph.ops[selection.op]!.group
        : selection.kind === 'group'
          ? graph.groups[selection.group]!.parent
          : -1;
    const closed = groupsAround(graph, group).filter((one) => !open.has(one));
    for (const one of closed) open.add(one);
    const arrive = (): void => {
      this.select(selection);
      const box = this.#itemBox(this.#itemOf(selection));
      if (box !== undefined && (closed.length > 0 || !this.#camera.sees(box) || this.#camera.scale < 0.5))
        this.#camera.centre(box);
    };
    if (closed.length > 0 || this.#scene === undefined) this.layout(arrive);
    else arrive();
  }

  select(selection: Selection | undefined): void {
    this.#selected = selection;
    this.#panel.show(this.#view.facts, selection);
    document.documentElement.classList.toggle('with-panel', selection !== undefined);
    this.#mark();
    if (selection !== undefined) byId('said').textContent = this.#sentence(selection);
  }

  #sentence(selection: Selection): string {
    const { graph } = this.#view;
    if (selection.kind === 'group')
      return `${graph.groups[selection.group]!.title}, ${graph.groups[selection.group]!.detail}`;
    if (selection.kind === 'crossing') return `edge ${graph.crossings[selection.crossing]!.edge}`;
    const { type, name } = graph.ops[selection.op]!;
    return `${type} ${name}`;
  }

  /** From the selected op along its values: to what it reads, to who reads it, or to its neighbour. */
  step(direction: 'up' | 'down' | 'left' | 'right'): void {
    const next = this.#neighbour(direction);
    if (next !== undefined) this.go(next);
  }

  #neighbour(direction: 'up' | 'down' | 'left' | 'right'): Selection | undefined {
    const { facts, graph } = this.#view;
    const selected = this.#selected;
    if (selected === undefined) return { kind: 'op', op: 0 };
    if (selected.kind === 'crossing') {
      const { from, to } = graph.crossings[selected.crossing]!;
      const op = direction === 'up' ? facts.maker(from) : facts.readers(to)[0];
      return op === undefined ? undefined : { kind: 'op', op };
    }
    const item = this.#itemOf(selected);
    const box = this.#itemBox(item);
    if (box === undefined || this.#scene === undefined) return undefined;
    if (direction === 'left' || direction === 'right') return this.#beside(item!, box, direction);
    const [end, other] = direction === 'down' ? (['from', 'to'] as const) : (['to', 'from'] as const);
    const found = this.#scene.wires.filter((wire) => wire[end] === item).map((wire) => wire[other]);
    // The main line goes on straight: nearest across.
    const middle = box.x + box.width / 2;
    const across = (one: number): number => {
      const { x, width } = this.#drawing.boxOf(one);
      return Math.abs(x + width / 2 - middle);
    };
    const nearest = found.sort((a, b) => across(a) - across(b))[0];
    return nearest === undefined ? undefined : this.#selectionOf(nearest);
  }

  #beside(item: number, box: Box, direction: 'left' | 'right'): Selection | undefined {
    let best: number | undefined;
    let least = Number.POSITIVE_INFINITY;
    for (let other = 0; other < this.#scene!.items.length; other++) {
      if (other === item || this.#scene!.items[other]!.header !== undefined) continue;
      const { x, y, width, height } = this.#drawing.boxOf(other);
      const aside = direction === 'right' ? x - box.x - box.width : box.x - x - width;
      if (aside < 0 || y > box.y + box.height || y + height < box.y) continue;
      if (aside < least) [best, least] = [other, aside];
    }
    return best === undefined ? undefined : this.#selectionOf(best);
  }

  activate(): void {
    if (this.#selected?.kind === 'group') this.toggle(this.#selected.group);
  }

  zoom(factor: number): void {
    this.#camera.zoom(factor);
  }

  pan(dx: number, dy: number): void {
    this.#camera.pan(dx, dy);
  }

  /** Shows all; `readable`: rather its beginning, if all would be too small to read. */
  fit(readable = false): void {
    const least = this.#view.name === 'partitioned' ? 0.4 : 0.6;
    this.#camera.fit(this.#drawing.bounds(), readable ? least : undefined);
    const first = this.#drawing.first();
    if (readable && first !== undefined && !this.#camera.sees(first)) this.#camera.showTop(first);
  }

  play(): void {
    this.#strip?.toggle();
  }

  #itemOf(selection: Selection): number | undefined {
    if (this.#scene === undefined) return undefined;
    if (selection.kind === 'op') return this.#scene.itemOfOp[selection.op];
    if (selection.kind === 'group') return this.#scene.itemOfGroup.get(selection.group);
    return this.#scene.itemOfCrossing.get(selection.crossing);
  }

  #itemBox(item: number | undefined): Box | undefined {
    return item === undefined ? undefined : this.#drawing.boxOf(item);
  }

  #selectionOf(item: number): Selection {
    const meaning = this.#scene!.meanings[item]!;
    if (meaning.kind === 'op') return { kind: 'op', op: meaning.op };
    if (meaning.kind === 'group') return { kind: 'group', group: meaning.group };
    return { kind: 'crossing', crossing: meaning.crossings[0]! };
  }

  #mark(): void {
    if (this.#scene === undefined) return;
    const item = this.#selected === undefined ? -1 : (this.#itemOf(this.#selected) ?? -1);
    const values = new Set(
      this.#scene.wires.filter(({ from, to }) => from === item || to === item).map(({ key }) => key),
    );
    this.#drawing.mark(item, values);
    this.#canvas.setAttribute('aria-activedescendant', item < 0 ? '' : `item-${item}`);
  }

  #targetOf(event: Event): Selection | undefined {
    const element = event.target instanceof Element ? event.target.closest('[data-item]') : null;
    return element === null ? undefined : this.#selectionOf(Number(element.getAttribute('data-item')));
  }

  #click(event: Event): void {
    if (this.#camera.hasDragged) return;
    if (event.target instanceof Element && event.target.hasAttribute('data-toggle')) {
      this.toggle(Number(event.target.getAttribute('data-toggle')));
      return;
    }
    const target = this.#targetOf(event);
    this.select(target);
  }

  /** At most once per frame, however many events there are. */
  #update(): void {
    if (this.#isUpdating) return;
    this.#isUpdating = true;
    requestAnimationFrame(() => {
      this.#isUpdating = false;
      this.#drawing.update(this.#camera);
      this.#map.update();
      byId('zoom').textContent = `${Math.round(this.#camera.scale * 100)} %`;
    });
  }
}

/** What floats over the graph; pressing there moves nothing below. */
function overlays(): Node[] {
  const tool = (id: string, label: string, title: string): Node =>
    html('button', { type: 'button', id, title, 'aria-label': title }, label);
  const map = html('canvas', { id: 'map', 'aria-hidden': 'true' });
  const cards = [
    html('div', { id: 'legend', class: 'card', 'aria-label': 'peers' }, html('div', { id: 'legend-rows' })),
    html(
      'div',
      { class: 'card tools' },
      tool('zoom-out', '−', 'zoom out (-)'),
      html('span', { id: 'zoom' }, '100 %'),
      tool('zoom-in', '+', 'zoom in (+)'),
      tool('fit', 'Fit', 'show all (0)'),
    ),
  ];
  for (const card of [...cards, map]) {
    for (const name of ['pointerdown', 'click', 'dblclick'])
      card.addEventListener(name, (event) => event.stopPropagation());
  }
  return [...cards, html('div', { class: 'corner' }, map, html('div', { id: 'notes' }))];
}

function showHead(): void {
  document.title = `${data.title} · bytesandbrains`;
  byId('title').textContent = data.title;
  byId('facts').textContent = data.facts.join(' · ');
  const hasCut = data.partitioned !== undefined;
  byId('views').hidden = !hasCut;
  byId('strip').hidden = !hasCut;
  document.documentElement.dataset.view = hasCut ? 'partitioned' : 'recorded';
  byId('view-partitioned').setAttribute('aria-pressed', String(hasCut));
  byId('view-recorded').setAttribute('aria-pressed', String(!hasCut));
  byId('notes').textContent = (data.partitioned ?? data.recorded).notes.join(' ');
  byId('legend').hidden = data.peers.length === 0;
}

function showLegend(page: Page): void {
  const rows = data.peers.map(({ name, facts }, peer) => {
    const row = html(
      'button',
      { type: 'button', title: 'show this peer' },
      html('span', { class: `swatch peer-${peer % 8}` }),
      html('span', { class: 'name' }, name),
      html('span', { class: 'about' }, facts.join(' · ')),
    );
    row.addEventListener('click', () => {
      const group =
        data.partitioned?.groups.findIndex((one) => one.kind === 'region' && one.peer === peer) ?? -1;
      if (group < 0) return;
      page.show('partitioned');
      page.go({ kind: 'group', group });
    });
    return row;
  });
  byId('legend-rows').replaceChildren(...rows);
}

const page = new Page();
showHead();
showLegend(page);
keyboard(page);
page.start();
