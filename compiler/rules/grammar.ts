// The language of placement rules:
//
//   rule    = all ("or" all)*
//   all     = one ("and" one)*
//   one     = "not" one | "(" rule ")" | field pattern
//   field   = "scope:" | "op:" | "name:" | "value:"
//   pattern = characters other than space, quote and parenthesis | '…' | "…"   with * and ? as in globs

import { createToken, EmbeddedActionsParser, type ILexingError, type IToken, Lexer } from 'chevrotain';
import { nearestName } from '../../ir/excerpt.ts';
import { LimitError } from '../../ir/index.ts';

export type Condition =
  | { readonly kind: 'and' | 'or'; readonly terms: readonly Condition[] }
  | { readonly kind: 'not'; readonly term: Condition }
  | { readonly kind: Field; readonly glob: string };

type Field = (typeof fields)[number];
const fields = ['scope', 'op', 'name', 'value'] as const;

/** Offsets into the rule's text; at its end for what is missing. */
export interface RuleError {
  readonly message: string;
  /** Nothing is wrong but that there is more than is read. */
  readonly over?: LimitError;
  readonly start: number;
  readonly end: number;
}

const Space = createToken({ name: 'space', pattern: /\s+/, group: Lexer.SKIPPED });
const FieldName = createToken({ name: 'field', pattern: /[A-Za-z_]\w*:/, push_mode: 'pattern' });
const And = createToken({ name: 'and', pattern: /and(?![\w:])/ });
const Or = createToken({ name: 'or', pattern: /or(?![\w:])/ });
const Not = createToken({ name: 'not', pattern: /not(?![\w:])/ });
const Open = createToken({ name: 'open', pattern: /\(/ });
const Close = createToken({ name: 'close', pattern: /\)/ });
const Word = createToken({ name: 'word', pattern: /[^\s()]+/ });
const Quoted = createToken({
  name: 'quoted',
  pattern: /"(?:[^"\\]|\\.)*"|'(?:[^'\\]|\\.)*'/,
  pop_mode: true,
});
const Bare = createToken({ name: 'bare', pattern: /[^\s()"']+/, pop_mode: true });

const lexer = new Lexer({
  defaultMode: 'rule',
  modes: { rule: [Space, FieldName, And, Or, Not, Open, Close, Word], pattern: [Quoted, Bare] },
});

class RuleParser extends EmbeddedActionsParser {
  readonly rule = this.RULE('rule', (): Condition => {
    const terms: Condition[] = [];
    this.AT_LEAST_ONE_SEP({ SEP: Or, DEF: () => terms.push(this.SUBRULE(this.#all)) });
    return terms.length === 1 ? terms[0]! : { kind: 'or', terms };
  });

  readonly #all = this.RULE('all', (): Condition => {
    const terms: Condition[] = [];
    this.AT_LEAST_ONE_SEP({ SEP: And, DEF: () => terms.push(this.SUBRULE(this.#one)) });
    return terms.length === 1 ? terms[0]! : { kind: 'and', terms };
  });

  readonly #one = this.RULE(
    'one',
    (): Condition =>
      this.OR([
        {
          ALT: (): Condition => {
            this.CONSUME(Not);
            return { kind: 'not', term: this.SUBRULE(this.#one) };
          },
        },
        {
          ALT: (): Condition => {
            this.CONSUME(Open);
            const inner = this.SUBRULE(this.rule);
            this.CONSUME(Close);
            return inner;
          },
        },
        { ALT: (): Condition => this.SUBRULE(this.#term) },
      ]),
  );

  readonly #term = this.RULE('term', (): Condition => {
    const field = this.CONSUME(FieldName);
    const pattern = this.OR([{ ALT: () => this.CONSUME(Quoted) }, { ALT: () => this.CONSUME(Bare) }]);
    return this.ACTION(() => ({ kind: field.image.slice(0, -1) as Field, glob: patternText(pattern) }));
  });

  constructor() {
    super([Space, FieldName, And, Or, Not, Open, Close, Word, Quoted, Bare]);
    this.performSelfAnalysis();
  }
}

const patternText = (token: IToken): string =>
  token.tokenType === Quoted ? token.image.slice(1, -1).replace(/\\(.)/g, '$1') : token.image;

let parser: RuleParser | undefined;

/** A longer rule is no rule that somebody wrote. */
const MAX_CHARACTERS = 10_000;
/** Parentheses and `not`s within one another: the parser follows them on the stack. */
const MAX_DEPTH = 100;

/** The condition a rule's text stands for, or the first thing wrong with it. */
export function parseCondition(text: string): { condition?: Condition; error?: RuleError } {
  if (text.length > MAX_CHARACTERS) {
    return { error: overLimit('characters in a rule', MAX_CHARACTERS, MAX_CHARACTERS, MAX_CHARACTERS + 1) };
  }
  const { tokens, errors } = lexer.tokenize(text);
  const deep = tooDeep(tokens);
  if (deep !== undefined) {
    const [start, end] = [deep.startOffset, deep.startOffset + deep.image.length];
    return { error: overLimit('conditions within one another', MAX_DEPTH, start, end) };
  }
  if (errors.length > 0) return { error: lexicalError(errors[0]!, text) };
  const strange = tokens.find((token) => token.tokenType === FieldName && !isField(token.image.slice(0, -1)));
  if (strange !== undefined) return { error: fieldError(strange) };
  parser ??= new RuleParser();
  parser.input = tokens;
  const condition = parser.rule();
  const error = parser.errors[0];
  if (error === undefined) return { condition };
  const { token } = error;
  const atEnd = Number.isNaN(token.startOffset) || token.image === '';
  const start = atEnd ? text.length : token.startOffset;
  return {
    error: {
      message: `${expectation(error.context.ruleStack, token, tokens)}, found ${atEnd ? 'the end' : token.image}`,
      start,
      end: atEnd ? start : start + token.image.length,
    },
  };
}

function overLimit(what: string, limit: number, start: number, end: number): RuleError {
  const over = new LimitError(what, limit, start);
  return { message: over.message, over, start, end };
}

/** The first token beyond the depth that is parsed. */
function tooDeep(tokens: readonly IToken[]): IToken | undefined {
  /** How many `not`s stand before each parenthesis that is open. */
  const open: number[] = [];
  let [depth, nots] = [0, 0];
  for (const token of tokens) {
    if (token.tokenType === Not) nots++;
    else if (token.tokenType === Open) {
      open.push(nots);
      depth += 1 + nots;
      nots = 0;
    } else if (token.tokenType === Close) {
      depth -= 1 + (open.pop() ?? -1);
      nots = 0;
    } else if (token.tokenType === And || token.tokenType === Or) nots = 0;
    if (depth + nots > MAX_DEPTH) return token;
  }
  return undefined;
}

const isField = (name: string): boolean => fields.some((field) => field === name);

function fieldError(token: IToken): RuleError {
  const name = token.image.slice(0, -1);
  const nearest = nearestName(name, fields);
  const advice = nearest === undefined ? `the fields are ${fields.join(', ')}` : `did you mean "${nearest}"?`;
  const start = token.startOffset;
  return { message: `unknown field "${name}"; ${advice}`, start, end: start + token.image.length };
}

/** Only a pattern has characters that no token starts with: the quote of a string that does not end. */
function lexicalError(error: ILexingError, text: string): RuleError {
  const quote = text[error.offset];
  const message =
    quote === '"' || quote === "'" ? 'a quote that does not end' : `expected a pattern right after the ":"`;
  return { message, start: error.offset, end: error.offset + 1 };
}

function expectation(stack: readonly string[], token: IToken, tokens: readonly IToken[]): string {
  if (stack.at(-1) === 'term') return 'expected a pattern right after the ":"';
  // What stands after a finished condition; everywhere else a condition should begin.
  const previous = tokens[tokens.indexOf(token) - 1] ?? (tokens.includes(token) ? undefined : tokens.at(-1));
  const finished = previous !== undefined && [Quoted, Bare, Close].includes(previous.tokenType);
  return finished ? 'expected "and", "or", ")" or the end' : 'expected a condition such as op:Softmax';
}
