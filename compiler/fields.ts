// Reads checked fields out of positioned JSON, reporting every problem with a caret under it.

import { excerptAt, nearestName, positionAt } from '../ir/excerpt.ts';
import {
  type Diagnostic,
  type DiagnosticContext,
  diagnostic,
  LimitError,
  type Position,
} from '../ir/index.ts';
import { JsonError, type JsonMember, type JsonNode, type JsonObject, parseJson } from './json.ts';
import { parseQuantity, type Quantity } from './units.ts';

/** Which fields an object may have; those with an example must be there. */
export type FieldNames = Readonly<Record<string, { readonly required?: string }>>;

/** Of one file. */
const MAX_PROBLEMS = 200;
/** A topology of this size has tens of thousands of peers and links. */
const MAX_CHARACTERS = 8 * 2 ** 20;

export class FieldReader {
  readonly file: string;
  readonly text: string;
  readonly diagnostics: Diagnostic[] = [];

  constructor(file: string, text: string) {
    this.file = file;
    this.text = text;
  }

  /** What the file holds; undefined, with a diagnostic, if it is not JSON. */
  document(): JsonNode | undefined {
    try {
      if (this.text.length > MAX_CHARACTERS) throw new LimitError('characters', MAX_CHARACTERS, 0);
      return parseJson(this.text);
    } catch (error) {
      if (!(error instanceof JsonError || error instanceof LimitError)) throw error;
      const start = error.offset ?? 0;
      const context = this.context({ start, end: start + 1 });
      this.report(
        error instanceof LimitError
          ? diagnostic('BB110', error, context)
          : diagnostic('BB401', { reason: error.message }, context),
      );
      return undefined;
    }
  }

  /** Keeps a problem, unless so many are kept that nobody will read one more. */
  report(problem: Diagnostic): void {
    if (!this.full) this.diagnostics.push(problem);
  }

  get full(): boolean {
    return this.diagnostics.length >= MAX_PROBLEMS;
  }

  /** Everything reported so far, from the top of the file down. */
  inFileOrder(): readonly Diagnostic[] {
    const line = (one: Diagnostic): number => one.at?.line ?? 0;
    const column = (one: Diagnostic): number => one.at?.column ?? 0;
    return this.diagnostics.toSorted((a, b) => line(a) - line(b) || column(a) - column(b));
  }

  position(offset: number): Position {
    return positionAt(this.file, this.text, offset);
  }

  /** Where and what a diagnostic about a stretch of the text shows. */
  context(span: { readonly start: number; readonly end: number }): DiagnosticContext {
    return {
      at: this.position(span.start),
      excerpt: excerptAt(this.text, span.start, span.end - span.start),
    };
  }

  /** The members of an object by name; unknown and lacking ones are reported. */
  object(node: JsonNode, where: string, names: FieldNames): Readonly<Record<string, JsonMember | undefined>> {
    const object = this.members(node, where);
    const known = Object.keys(names);
    const fields: Record<string, JsonMember | undefined> = Object.create(null);
    for (const member of object?.members ?? []) {
      if (known.includes(member.key)) fields[member.key] = member;
      else if (!this.full) {
        const args = { field: member.key, where, nearest: nearestName(member.key, known), known };
        this.report(diagnostic('BB402', args, this.context(member.keySpan)));
      }
    }
    if (object === undefined) return fields;
    for (const [field, { required }] of Object.entries(names)) {
      if (required === undefined || fields[field] !== undefined) continue;
      const opening = { start: node.start, end: node.start + 1 };
      this.report(diagnostic('BB404', { where, field, example: required }, this.context(opening)));
    }
    return fields;
  }

  members(node: JsonNode, where: string): JsonObject | undefined {
    if (node.kind === 'object') return node;
    this.unexpected(node, where, 'an object');
    return undefined;
  }

  items(node: JsonNode | undefined, where: string): readonly JsonNode[] {
    if (node === undefined) return [];
    if (node.kind === 'array') return node.items;
    this.unexpected(node, where, 'a list');
    return [];
  }

  string(node: JsonNode | undefined, where: string, expected = 'a string'): string | undefined {
    if (node === undefined) return undefined;
    if (node.kind === 'string' && node.value !== '') return node.value;
    this.unexpected(node, where, node.kind === 'string' ? 'a string that is not empty' : expected);
    return undefined;
  }

  number(
    node: JsonNode | undefined,
    where: string,
    expected: string,
    valid: (value: number) => boolean,
  ): number | undefined {
    if (node === undefined) return undefined;
    if (node.kind === 'number' && valid(node.value)) return node.value;
    this.unexpected(node, where, expected);
    return undefined;
  }

  quantity(node: JsonNode | undefined, where: string, quantity: Quantity): number | undefined {
    if (node === undefined) return undefined;
    const value = node.kind === 'string' ? parseQuantity(node.value, quantity) : undefined;
    if (value === undefined) {
      const hint = `the units are: ${Object.keys(quantity.scale).join(', ')}`;
      this.unexpected(node, where, `${quantity.what} such as "${quantity.example}"`, hint);
    }
    return value;
  }

  unexpected(node: JsonNode, where: string, expected: string, hint?: string): void {
    if (this.full) return;
    const shown = this.text.slice(node.start, node.end);
    const found =
      node.kind === 'object' || node.kind === 'array' || shown.length > 60
        ? `${node.kind === 'null' ? '' : /^[aeiou]/.test(node.kind) ? 'an ' : 'a '}${node.kind}`
        : shown;
    this.report(diagnostic('BB403', { where, expected, found, hint }, this.context(node)));
  }

  /** Reports a name that is not among those known. */
  unknown(node: JsonNode, what: string, name: string, known: readonly string[]): void {
    if (this.full) return;
    const args = { name, what, nearest: nearestName(name, known), known: known.slice(0, 20) };
    this.report(diagnostic('BB405', args, this.context(node)));
  }

  duplicate(span: { readonly start: number; readonly end: number }, what: string): void {
    this.report(diagnostic('BB406', { what }, this.context(span)));
  }
}
