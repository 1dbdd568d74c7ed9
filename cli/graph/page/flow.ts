// The strip along the bottom: one flow through the peers, step by step. A lane per peer, a bar per fragment, and
// the edges between them. Lengths are not times: they show what comes after what.

import type { PageData, PageGraph } from './data.ts';
import { byId, html, svg } from './dom.ts';
import type { Activity } from './drawing.ts';

const LANE = 26;
const NAMES = 112;
/** One fragment computes, then its values travel: two phases of this length. */
const PHASE_MS = 1400;

export class FlowStrip {
  readonly #data: PageData;
  readonly #graph: PageGraph;
  readonly #onChange: (activity: Activity | undefined) => void;
  readonly #phases: number;
  readonly #picture = byId('strip-picture');
  readonly #range = byId('strip-time') as HTMLInputElement;
  readonly #play = byId('strip-play');
  readonly #caption = byId('strip-caption');
  readonly #lanes: readonly number[];
  #bars = new Map<number, SVGElement>();
  #arrows = new Map<number, { readonly path: SVGPathElement; readonly dot: SVGElement }>();
  #head: SVGElement | undefined;
  #time = 0;
  #isOn = false;
  #frame = 0;
  #said = '';

  constructor(data: PageData, graph: PageGraph, onChange: (activity: Activity | undefined) => void) {
    this.#data = data;
    this.#graph = graph;
    this.#onChange = onChange;
    const regions = graph.groups.filter(({ kind }) => kind === 'region');
    this.#phases = 2 * Math.max(1, ...regions.map(({ step }) => step + 1)) - 1;
    this.#lanes = [...new Set(regions.map(({ peer }) => peer))].sort((a, b) => a - b);
    this.#range.max = String(this.#phases);
    this.#range.addEventListener('input', () => {
      this.stop();
      this.#seek(Number(this.#range.value));
    });
    this.#play.addEventListener('click', () => this.toggle());
    byId('strip-end').addEventListener('click', () => this.leave());
    new ResizeObserver(() => this.#draw()).observe(this.#picture);
    this.#say('');
  }

  toggle(): void {
    if (this.#frame !== 0) return this.stop();
    if (!this.#isOn || this.#time >= this.#phases) this.#time = 0;
    let last = performance.now();
    const tick = (now: number): void => {
      this.#seek(Math.min(this.#phases, this.#time + Math.max(0, now - last) / PHASE_MS));
      last = now;
      this.#frame = this.#time < this.#phases ? requestAnimationFrame(tick) : 0;
      if (this.#frame === 0) this.stop();
    };
    this.#frame = requestAnimationFrame(tick);
    this.#play.textContent = '❚❚';
    this.#play.setAttribute('aria-label', 'pause');
    this.#seek(this.#time);
  }

  stop(): void {
    cancelAnimationFrame(this.#frame);
    this.#frame = 0;
    this.#play.textContent = '▶';
    this.#play.setAttribute('aria-label', 'play');
  }

  /** Ends the animation; the graph looks as always. */
  leave(): void {
    this.stop();
    this.#time = 0;
    this.#range.value = '0';
    this.#isOn = false;
    byId('strip-end').hidden = true;
    this.#onChange(undefined);
    this.#draw();
    this.#say('');
  }

  #seek(time: number): void {
    this.#isOn = true;
    byId('strip-end').hidden = false;
    this.#time = time;
    this.#range.value = String(time);
    this.#update();
    this.#onChange(this.#activity());
  }

  /** Which half of which step: even phases compute, odd ones transfer. */
  #phase(): { readonly step: number; readonly travels: boolean; readonly part: number } {
    const whole = Math.min(this.#phases - 1, Math.floor(this.#time));
    return { step: whole >> 1, travels: whole % 2 === 1, part: Math.min(1, this.#time - whole) };
  }

  #activity(): Activity {
    const { step, travels } = this.#phase();
    const { groups, crossings } = this.#graph;
    const regions = new Set<number>();
    const doneRegions = new Set<number>();
    for (const [index, group] of groups.entries()) {
      if (group.kind !== 'region') continue;
      if (group.step === step && !travels) regions.add(index);
      else if (group.step <= step) doneRegions.add(index);
    }
    const active = new Set<number>();
    const done = new Set<number>();
    for (const [index, { fromRegion }] of crossings.entries()) {
      const sent = groups[fromRegion]!.step;
      if (sent === step && travels) active.add(index);
      else if (sent < step) done.add(index);
    }
    return { regions, doneRegions, crossings: active, doneCrossings: done };
  }

  #x(time: number): number {
    const width = this.#picture.clientWidth - NAMES - 12;
    return NAMES + (time / this.#phases) * width;
  }

  #draw(): void {
    const { groups, crossings } = this.#graph;
    const width = this.#picture.clientWidth;
    const height = this.#lanes.length * LANE + 4;
    const root = svg('svg', { width, height, 'aria-hidden': 'true' });
    const laneOf = (peer: number): number => this.#lanes.indexOf(peer) * LANE + 2;
    for (const peer of this.#lanes) {
      const { name } = this.#data.peers[peer]!;
      const y = laneOf(peer);
      root.append(
        svg('line', { class: 'lane', x1: NAMES, x2: width - 12, y1: y + LANE / 2, y2: y + LANE / 2 }),
        svg(
          'text',
          { class: `lane-name peer-${peer % 8}`, x: 14, y: y + LANE / 2 + 4 },
          name.length > 14 ? `${name.slice(0, 13)}…` : name,
        ),
      );
    }
    this.#bars = new Map();
    this.#arrows = new Map();
    for (const [index, { fromRegion, toRegion }] of crossings.entries()) {
      const [from, to] = [groups[fromRegion]!, groups[toRegion]!];
      const [x1, x2] = [this.#x(2 * from.step + 1), this.#x(2 * to.step)];
      const [y1, y2] = [laneOf(from.peer) + LANE / 2, laneOf(to.peer) + LANE / 2];
      const middle = (x1 + x2) / 2;
      const path = svg('path', {
        class: `edge peer-${from.peer % 8}`,
        d: `M${x1} ${y1}C${middle} ${y1} ${middle} ${y2} ${x2} ${y2}`,
      });
      const dot = svg('circle', { class: `dot peer-${from.peer % 8}`, r: 4, visibility: 'hidden' });
      root.append(path, dot);
      this.#arrows.set(index, { path, dot });
    }
    for (const [index, group] of groups.entries()) {
      if (group.kind !== 'region') continue;
      const [x, end] = [this.#x(2 * group.step), this.#x(2 * group.step + 1)];
      const bar = svg(
        'g',
        { class: `bar peer-${group.peer % 8}`, transform: `translate(${x} ${laneOf(group.peer) + 3})` },
        svg('rect', { width: Math.max(4, end - x), height: LANE - 6, rx: 5 }),
      );
      if (end - x > 50)
        bar.append(svg('text', { x: (end - x) / 2, y: 14, 'text-anchor': 'middle' }, group.detail));
      root.append(bar);
      this.#bars.set(index, bar);
    }
    this.#head = svg('line', { class: 'head', y1: 0, y2: height });
    root.append(this.#head);
    this.#picture.replaceChildren(root);
    this.#update();
  }

  #update(): void {
    const { step, travels, part } = this.#phase();
    const activity = this.#isOn ? this.#activity() : undefined;
    for (const [index, bar] of this.#bars) {
      bar.classList.toggle('active', activity?.regions.has(index) === true);
      bar.classList.toggle(
        'waiting',
        activity !== undefined && !activity.regions.has(index) && !activity.doneRegions.has(index),
      );
    }
    for (const [index, { path, dot }] of this.#arrows) {
      const isActive = activity?.crossings.has(index) === true;
      path.classList.toggle('active', isActive);
      dot.setAttribute('visibility', isActive ? 'visible' : 'hidden');
      if (!isActive) continue;
      const point = path.getPointAtLength(path.getTotalLength() * part);
      dot.setAttribute('cx', String(point.x));
      dot.setAttribute('cy', String(point.y));
    }
    const x = this.#x(this.#time);
    this.#head?.setAttribute('x1', String(x));
    this.#head?.setAttribute('x2', String(x));
    this.#head?.setAttribute('visibility', this.#isOn ? 'visible' : 'hidden');
    if (activity !== undefined) this.#say(this.#sentence(activity, step, travels));
  }

  #sentence(activity: Activity, step: number, travels: boolean): string {
    const { groups, crossings } = this.#graph;
    const steps = (this.#phases + 1) / 2;
    const head = `step ${step + 1} of ${steps}`;
    if (!travels) {
      const names = [...activity.regions].map(
        (region) => `${groups[region]!.title} computes ${groups[region]!.detail}`,
      );
      return `${head}: ${names.join('; ')}`;
    }
    const routes = new Map<string, string[]>();
    for (const crossing of activity.crossings) {
      const { route, bytes, value } = crossings[crossing]!;
      routes.set(route, [...(routes.get(route) ?? []), `${value}${bytes === '' ? '' : ` (${bytes})`}`]);
    }
    const parts = [...routes].map(([route, values]) =>
      values.length > 2 ? `${route} ${values.length} values` : `${route} ${values.join(', ')}`,
    );
    return `${head}: ${parts.join('; ')}`;
  }

  #say(text: string): void {
    const shown = text === '' ? 'One flow through the peers: order of work, not time' : text;
    if (shown === this.#said) return;
    this.#said = shown;
    this.#caption.replaceChildren(html('span', {}, shown));
  }
}
