// JSON with positions: JSON.parse says neither where a value stands nor that a key came twice, and a
// configuration file's reader is owed both.

import { LimitError } from '../ir/index.ts';

/** Offsets are in UTF-16 units of the text, `end` exclusive. */
interface Span {
  readonly start: number;
  readonly end: number;
}
export interface JsonObject extends Span {
  readonly kind: 'object';
  readonly members: readonly JsonMember[];
}
export interface JsonMember {
  readonly key: string;
  /** Of the key, quotes included. */
  readonly keySpan: Span;
  readonly value: JsonNode;
}
export type JsonNode =
  | JsonObject
  | (Span & { readonly kind: 'array'; readonly items: readonly JsonNode[] })
  | (Span & { readonly kind: 'string'; readonly value: string })
  | (Span & { readonly kind: 'number'; readonly value: number })
  | (Span & { readonly kind: 'boolean'; readonly value: boolean })
  | (Span & { readonly kind: 'null' });

/** What is wrong with a text, and where. */
export class JsonError extends Error {
  readonly offset: number;
  constructor(message: string, offset: number) {
    super(message);
    this.offset = offset;
  }
}

/** Nothing we read nests deeper; beyond it a hostile file would overflow the stack. */
const MAX_DEPTH = 100;
const escapes: Readonly<Record<string, string>> = {
  '"': '"',
  '\\': '\\',
  '/': '/',
  b: '\b',
  f: '\f',
  n: '\n',
  r: '\r',
  t: '\t',
};

/** The tree of a JSON text (RFC 8259). Throws JsonError or LimitError at the first problem. */
export function parseJson(text: string): JsonNode {
  return new Reader(text).document();
}

class Reader {
  readonly #text: string;
  #at = 0;

  constructor(text: string) {
    this.#text = text;
    if (text.startsWith('\ufeff')) this.#at = 1;
  }

  document(): JsonNode {
    const value = this.#value(0);
    this.#space();
    if (this.#at < this.#text.length) this.#fail(`unexpected ${this.#found()} after the end of the document`);
    return value;
  }

  #fail(message: string, offset = this.#at): never {
    throw new JsonError(message, offset);
  }

  #found(): string {
    const code = this.#text.codePointAt(this.#at);
    return code === undefined ? 'end of file' : JSON.stringify(String.fromCodePoint(code));
  }

  #space(): void {
    while (' \t\n\r'.includes(this.#text[this.#at] ?? 'x')) this.#at++;
  }

  #value(depth: number): JsonNode {
    if (depth > MAX_DEPTH) throw new LimitError('levels of objects and lists', MAX_DEPTH, this.#at);
    this.#space();
    const start = this.#at;
    switch (this.#text[start]) {
      case '{':
        return this.#object(depth);
      case '[':
        return this.#array(depth);
      case '"':
        return { kind: 'string', value: this.#string(), start, end: this.#at };
      default:
        return this.#scalar();
    }
  }

  #scalar(): JsonNode {
    const start = this.#at;
    const word = /^[-+.\w]*/.exec(this.#text.slice(start, start + 400))![0];
    const end = start + word.length;
    const span = { start, end };
    this.#at = end;
    if (word === 'true' || word === 'false') return { kind: 'boolean', value: word === 'true', ...span };
    if (word === 'null') return { kind: 'null', ...span };
    if (/^-?(0|[1-9]\d*)(\.\d+)?([eE][-+]?\d+)?$/.test(word)) {
      return { kind: 'number', value: Number(word), ...span };
    }
    this.#at = start;
    return this.#fail(`expected a value, found ${word === '' ? this.#found() : word}`);
  }

  #object(depth: number): JsonObject {
    const start = this.#at++;
    const members: JsonMember[] = [];
    const seen = new Set<string>();
    this.#space();
    if (this.#text[this.#at] === '}') this.#at++;
    else {
      do {
        this.#space();
        const keyStart = this.#at;
        if (this.#text[keyStart] !== '"') this.#fail(`expected a name in quotes, found ${this.#found()}`);
        const key = this.#string();
        const keySpan = { start: keyStart, end: this.#at };
        if (seen.has(key)) this.#fail(`"${key}" is here twice`, keyStart);
        seen.add(key);
        this.#space();
        if (this.#text[this.#at] !== ':') this.#fail(`expected ":", found ${this.#found()}`);
        this.#at++;
        members.push({ key, keySpan, value: this.#value(depth + 1) });
      } while (this.#more('}'));
    }
    return { kind: 'object', members, start, end: this.#at };
  }

  #array(depth: number): JsonNode {
    const start = this.#at++;
    const items: JsonNode[] = [];
    this.#space();
    if (this.#text[this.#at] === ']') this.#at++;
    else {
      do items.push(this.#value(depth + 1));
      while (this.#more(']'));
    }
    return { kind: 'array', items, start, end: this.#at };
  }

  /** Steps over "," (true) or the closing bracket (false). */
  #more(close: string): boolean {
    this.#space();
    const found = this.#text[this.#at];
    if (found !== ',' && found !== close) this.#fail(`expected "," or "${close}", found ${this.#found()}`);
    this.#at++;
    return found === ',';
  }

  #string(): string {
    const start = this.#at++;
    let value = '';
    for (;;) {
      const char = this.#text[this.#at];
      if (char === undefined) this.#fail('a string without its closing quote', start);
      if (char < ' ') this.#fail('a line break or control character inside a string');
      this.#at++;
      if (char === '"') return value;
      value += char === '\\' ? this.#escape() : char;
    }
  }

  #escape(): string {
    const char = this.#text[this.#at] ?? '';
    const plain = escapes[char];
    if (plain !== undefined) {
      this.#at++;
      return plain;
    }
    const digits = this.#text.slice(this.#at + 1, this.#at + 5);
    if (char !== 'u' || !/^[0-9a-fA-F]{4}$/.test(digits))
      this.#fail(`unknown escape \\${char}`, this.#at - 1);
    this.#at += 5;
    return String.fromCharCode(Number.parseInt(digits, 16));
  }
}

/** Offset in the text of character `index` of the string whose opening quote is at `start`: escapes are longer. */
export function offsetInString(text: string, start: number, index: number): number {
  let at = start + 1;
  for (let seen = 0; seen < index && at < text.length && text[at] !== '"'; seen++) {
    at += text[at] !== '\\' ? 1 : text[at + 1] === 'u' ? 6 : 2;
  }
  return at;
}
