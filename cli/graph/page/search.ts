// Finds ops and values by parts of their names and types, and goes to what is chosen. A combobox in the sense of
// the ARIA authoring practices.

import { html } from './dom.ts';
import type { GraphFacts } from './facts.ts';
import type { Selection } from './panel.ts';

interface Entry {
  readonly text: string;
  readonly kind: string;
  readonly about: string;
  readonly selection: Selection;
  /** Lower case, all that is searched. */
  readonly haystack: string;
  readonly title: string;
}

const MOST_RESULTS = 40;

export class Search {
  readonly #input: HTMLInputElement;
  readonly #list: HTMLElement;
  readonly #choose: (selection: Selection) => void;
  #entries: readonly Entry[] = [];
  #found: readonly Entry[] = [];
  #active = 0;

  constructor(input: HTMLInputElement, list: HTMLElement, choose: (selection: Selection) => void) {
    this.#input = input;
    this.#list = list;
    this.#choose = choose;
    input.addEventListener('input', () => this.#search());
    input.addEventListener('focus', () => this.#search());
    input.addEventListener('blur', () => this.#close());
    input.addEventListener('keydown', (event) => this.#key(event));
  }

  setGraph(facts: GraphFacts): void {
    this.#entries = entriesOf(facts);
  }

  #search(): void {
    const words = this.#input.value.toLowerCase().split(/\s+/).filter(Boolean);
    if (words.length === 0) return this.#close();
    const scored: { entry: Entry; score: number }[] = [];
    for (const entry of this.#entries) {
      if (!words.every((word) => entry.haystack.includes(word))) continue;
      const [first] = words;
      const score =
        entry.title === first ? 0 : entry.title.startsWith(first!) ? 1 : entry.title.includes(first!) ? 2 : 3;
      scored.push({ entry, score });
    }
    scored.sort((a, b) => a.score - b.score);
    this.#found = scored.slice(0, MOST_RESULTS).map(({ entry }) => entry);
    this.#active = 0;
    const rows = this.#found.map((entry, index) => {
      const row = html(
        'li',
        { role: 'option', id: `found-${index}`, 'aria-selected': String(index === 0) },
        html('span', { class: 'kind' }, entry.kind),
        html('span', { class: 'text' }, entry.text),
        html('span', { class: 'about' }, entry.about),
      );
      // Before the input loses the focus, which closes the list.
      row.addEventListener('pointerdown', (event) => {
        event.preventDefault();
        this.#take(index);
      });
      return row;
    });
    const more = scored.length - rows.length;
    if (rows.length === 0) rows.push(html('li', { class: 'nothing' }, 'nothing found'));
    if (more > 0) rows.push(html('li', { class: 'nothing' }, `and ${more} more`));
    this.#list.replaceChildren(...rows);
    this.#list.hidden = false;
    this.#input.setAttribute('aria-expanded', 'true');
    this.#mark();
  }

  #key(event: KeyboardEvent): void {
    if (event.key === 'Escape') {
      if (this.#input.value === '') this.#input.blur();
      this.#input.value = '';
      this.#close();
    } else if (event.key === 'Enter') this.#take(this.#active);
    else if (event.key === 'ArrowDown' || event.key === 'ArrowUp') {
      const count = Math.max(1, this.#found.length);
      this.#active = (this.#active + (event.key === 'ArrowDown' ? 1 : count - 1)) % count;
      this.#mark();
    } else return;
    event.preventDefault();
    event.stopPropagation();
  }

  #mark(): void {
    for (const [index, row] of [...this.#list.children].entries()) {
      row.setAttribute('aria-selected', String(index === this.#active));
      if (index === this.#active) row.scrollIntoView({ block: 'nearest' });
    }
    this.#input.setAttribute('aria-activedescendant', `found-${this.#active}`);
  }

  #take(index: number): void {
    const entry = this.#found[index];
    if (entry === undefined || this.#list.hidden) return;
    this.#close();
    this.#input.blur();
    this.#choose(entry.selection);
  }

  #close(): void {
    this.#list.hidden = true;
    this.#input.setAttribute('aria-expanded', 'false');
  }
}

function entriesOf(facts: GraphFacts): Entry[] {
  const { graph } = facts;
  const entries: Entry[] = [];
  const add = (kind: string, text: string, about: string, selection: Selection, more = ''): void => {
    entries.push({
      kind,
      text,
      about,
      selection,
      title: text.toLowerCase(),
      haystack: `${text} ${kind} ${about} ${more}`.toLowerCase(),
    });
  };
  for (const [op, { kind, type, name, brief, scope }] of graph.ops.entries()) {
    if (kind === 'op')
      add(
        'op',
        name === '' ? type : name,
        [type, brief].filter(Boolean).join(' '),
        { kind: 'op', op },
        scope,
      );
    else if (kind !== 'trigger') add(kind, name, brief, { kind: 'op', op });
  }
  for (const [group, { kind, title, detail }] of graph.groups.entries()) {
    if (kind !== 'block') add(kind === 'region' ? 'peer' : 'scope', title, detail, { kind: 'group', group });
  }
  for (const [crossing, { edge, value, route }] of graph.crossings.entries()) {
    add('edge', `edge ${edge}`, `${value} ${route}`, { kind: 'crossing', crossing });
  }
  for (const [value, { name, type }] of graph.values.entries()) {
    if (name === '') continue;
    const op = facts.maker(value) ?? facts.readers(value)[0];
    if (op !== undefined && graph.ops[op]!.kind === 'op') add('value', name, type, { kind: 'op', op });
  }
  return entries;
}
