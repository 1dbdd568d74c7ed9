// The panel that tells all about one op, group or edge.

import type { PageData, PageOp } from './data.ts';
import { button, html } from './dom.ts';
import type { GraphFacts } from './facts.ts';

export type Selection =
  | { readonly kind: 'op'; readonly op: number }
  | { readonly kind: 'group'; readonly group: number }
  | { readonly kind: 'crossing'; readonly crossing: number };

export interface PanelActions {
  readonly select: (selection: Selection) => void;
  readonly toggle: (group: number) => void;
  readonly isOpen: (group: number) => boolean;
  readonly close: () => void;
}

export class Panel {
  readonly #element: HTMLElement;
  readonly #data: PageData;
  readonly #actions: PanelActions;

  constructor(element: HTMLElement, data: PageData, actions: PanelActions) {
    this.#element = element;
    this.#data = data;
    this.#actions = actions;
  }

  show(facts: GraphFacts, selection: Selection | undefined): void {
    this.#element.hidden = selection === undefined;
    if (selection === undefined) return this.#element.replaceChildren();
    const content =
      selection.kind === 'op'
        ? this.#op(facts, selection.op)
        : selection.kind === 'group'
          ? this.#group(facts, selection.group)
          : this.#crossing(facts, selection.crossing);
    const close = button('×', 'close (Esc)', this.#actions.close, { class: 'close', 'aria-label': 'close' });
    this.#element.replaceChildren(close, ...content);
    this.#element.scrollTop = 0;
  }

  #op(facts: GraphFacts, index: number): Node[] {
    const { graph } = facts;
    const op = graph.ops[index]!;
    const place: (readonly [string, Node | string])[] = [];
    if (op.peer >= 0) place.push(['peer', this.#peer(op.peer)]);
    if (op.schedule !== undefined) {
      const { index: at, of, fragment, segment } = op.schedule;
      place.push(['schedule', html('span', { 'data-field': 'schedule' }, `op ${at} of ${of}`)]);
      place.push(['fragment', [String(fragment), segment].filter(Boolean).join(', ')]);
    }
    if (op.scope !== '') place.push(['scope', op.scope]);
    if (op.at !== '') place.push(['source', html('span', { 'data-field': 'source' }, op.at)]);
    const inputs = op.inputs.flatMap((value) => (value < 0 ? [] : [this.#value(facts, value, 'from')]));
    const captures = op.captures
      .filter((value) => value >= 0 && !op.inputs.includes(value))
      .map((value) => this.#value(facts, value, 'from'));
    const outputs = op.outputs.flatMap((value) => (value < 0 ? [] : [this.#value(facts, value, 'to')]));
    return [
      heading(op.kind === 'op' ? 'op' : op.kind, op.type, op.kind === 'op' ? op.name : ''),
      ...table(place),
      ...(op.line === undefined ? [] : [html('pre', { class: 'source', 'data-field': 'line' }, op.line)]),
      ...section(op.inputs.length === 1 ? 'input' : 'inputs', inputs),
      ...section('read inside', captures),
      ...section(op.outputs.length === 1 ? 'output' : 'outputs', outputs),
      ...attributes(op),
    ];
  }

  #group(facts: GraphFacts, index: number): Node[] {
    const { graph } = facts;
    const group = graph.groups[index]!;
    const isOpen = this.#actions.isOpen(index);
    const rows: (readonly [string, Node | string])[] = [['holds', group.detail]];
    if (group.peer >= 0) rows.unshift(['peer', this.#peer(group.peer)]);
    if (group.kind === 'region')
      rows.push(['fragment', String(group.fragment)], ['step of the flow', String(group.step + 1)]);
    const crossings = [...graph.crossings.keys()];
    const edges = (side: 'fromRegion' | 'toRegion'): Node[] =>
      group.kind === 'region'
        ? crossings
            .filter((one) => graph.crossings[one]![side] === index)
            .map((one) => this.#edge(facts, one))
        : [];
    return [
      heading(group.kind === 'region' ? 'fragment' : group.kind, group.title, ''),
      button(isOpen ? 'Collapse' : 'Expand', 'Enter', () => this.#actions.toggle(index), { class: 'wide' }),
      ...table(rows),
      ...section('arrives', edges('toRegion')),
      ...section('leaves', edges('fromRegion')),
    ];
  }

  #crossing(facts: GraphFacts, index: number): Node[] {
    const { graph } = facts;
    const one = graph.crossings[index]!;
    const together = [...graph.crossings.keys()].filter(
      (other) => other !== index && graph.crossings[other]!.envelope === one.envelope,
    );
    const ends: Node[] = [];
    const maker = facts.maker(one.from);
    if (maker !== undefined) ends.push(this.#opLink(facts, maker, 'made by'));
    for (const reader of facts.readers(one.to)) ends.push(this.#opLink(facts, reader, 'read by'));
    return [
      heading(`edge ${one.edge}`, one.value, ''),
      ...table([
        ['route', one.route],
        ['kind', one.kind],
        ...(one.type === '' ? [] : [['type', html('code', { 'data-field': 'type' }, one.type)] as const]),
        ...(one.bytes === '' ? [] : [['bytes', html('span', { 'data-field': 'bytes' }, one.bytes)] as const]),
        ['deadline', html('span', { 'data-field': 'deadline' }, one.deadline)],
        ['envelope', String(one.envelope)],
      ]),
      ...section('ends', ends),
      ...section(
        'in the same envelope',
        together.map((other) => this.#edge(facts, other)),
      ),
    ];
  }

  #peer(peer: number): Node {
    const { name, members } = this.#data.peers[peer]!;
    const swatch = html('span', { class: `swatch peer-${peer % 8}` });
    return html('span', { 'data-field': 'peer' }, swatch, members === name ? name : `${name} (${members})`);
  }

  /** A value with its type; a click goes to where it comes from, or to who reads it. */
  #value(facts: GraphFacts, value: number, towards: 'from' | 'to'): Node {
    const { name, type, bytes, constant } = facts.graph.values[value]!;
    const about = [type, bytes].filter(Boolean).join(' · ');
    const rows: Node[] = [
      html('div', { class: 'name' }, name),
      html('code', { 'data-field': 'type' }, about),
    ];
    if (constant !== undefined) {
      rows.push(
        html('div', { class: 'note' }, constant === 'constant' ? 'constant' : `constant ${constant}`),
      );
      return html('div', { class: 'value' }, ...rows);
    }
    const links: Node[] = [];
    const [maker, arrival] = [facts.maker(value), facts.arrival(value)];
    if (towards === 'from' && maker !== undefined) links.push(this.#opLink(facts, maker, ''));
    if (towards === 'from' && arrival !== undefined) links.push(this.#edge(facts, arrival));
    if (towards === 'to') {
      const readers = facts.readers(value);
      for (const reader of readers.slice(0, 12)) links.push(this.#opLink(facts, reader, ''));
      if (readers.length > 12) links.push(html('div', { class: 'note' }, `and ${readers.length - 12} more`));
      for (const edge of facts.departures(value)) links.push(this.#edge(facts, edge));
    }
    return html('div', { class: 'value' }, ...rows, ...links);
  }

  #opLink(facts: GraphFacts, op: number, word: string): Node {
    const { type, name, kind } = facts.graph.ops[op]!;
    const text = [word, kind === 'op' ? type : `${kind} ${type}`, kind === 'op' ? name : '']
      .filter(Boolean)
      .join(' ');
    return button(text, 'go there', () => this.#actions.select({ kind: 'op', op }), { class: 'link' });
  }

  #edge(facts: GraphFacts, crossing: number): Node {
    const { edge, route, value, bytes } = facts.graph.crossings[crossing]!;
    const text = [`edge ${edge}: ${route}`, value, bytes].filter(Boolean).join(' · ');
    return button(text, 'go there', () => this.#actions.select({ kind: 'crossing', crossing }), {
      class: 'link',
    });
  }
}

function heading(kind: string, title: string, name: string): Node {
  const parts: Node[] = [html('div', { class: 'kind' }, kind), html('h2', {}, title)];
  if (name !== '') parts.push(html('div', { class: 'subtitle' }, name));
  return html('header', {}, ...parts);
}

function table(rows: readonly (readonly [string, Node | string])[]): Node[] {
  if (rows.length === 0) return [];
  return [html('dl', {}, ...rows.flatMap(([name, value]) => [html('dt', {}, name), html('dd', {}, value)]))];
}

const section = (title: string, rows: readonly Node[]): Node[] =>
  rows.length === 0 ? [] : [html('section', {}, html('h3', {}, title), ...rows)];

const attributes = (op: PageOp): Node[] =>
  op.attributes.length === 0
    ? []
    : [
        html(
          'section',
          {},
          html('h3', {}, 'attributes'),
          html(
            'dl',
            {},
            ...op.attributes.flatMap(([name, text]) => [
              html('dt', {}, name),
              html('dd', {}, html('code', {}, text)),
            ]),
          ),
        ),
      ];
