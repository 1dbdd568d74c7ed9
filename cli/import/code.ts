// A small tree of TypeScript and its layout: two spaces, single quotes, lines of at most 110 columns, broken as the
// formatter of this project would break them.

/** An expression. Text stands for itself: a name, a literal. */
export type Code = string | Call | ObjectCode | ArrayCode | Arrow;

/** `of.method(args)`, or `of(args)`. */
export interface Call {
  readonly kind: 'call';
  readonly of: Code;
  readonly method?: string;
  readonly args: readonly Code[];
}
export interface ObjectCode {
  readonly kind: 'object';
  readonly entries: readonly (readonly [key: string, value: Code])[];
}
export interface ArrayCode {
  readonly kind: 'array';
  readonly items: readonly Code[];
}
/** `(parameters) => { statements }` */
export interface Arrow {
  readonly kind: 'arrow';
  readonly parameters: string;
  readonly body: readonly Statement[];
}

/** `before code after`, such as `const x = … ;`, or a loop: `before code) { … }`. */
export type Statement =
  | { readonly kind: 'line'; readonly before: string; readonly code: Code; readonly after: string }
  | {
      readonly kind: 'block';
      readonly before: string;
      readonly code: Code;
      readonly body: readonly Statement[];
    };

export const WIDTH = 110;

export const call = (of: Code, args: readonly Code[]): Call => ({ kind: 'call', of, args });
export const method = (of: Code, name: string, args: readonly Code[]): Call => ({
  kind: 'call',
  of,
  method: name,
  args,
});
export const object = (entries: ObjectCode['entries']): ObjectCode => ({ kind: 'object', entries });
export const array = (items: readonly Code[]): ArrayCode => ({ kind: 'array', items });
export const arrow = (parameters: string, body: readonly Statement[]): Arrow => ({
  kind: 'arrow',
  parameters,
  body,
});
export const declare = (pattern: string, code: Code): Statement => line(`const ${pattern} = `, code);
export const line = (before: string, code: Code, after = ';'): Statement => ({
  kind: 'line',
  before,
  code,
  after,
});

/** A text in single quotes. */
export function quoted(text: string): string {
  const json = JSON.stringify(text)
    .slice(1, -1)
    .replaceAll('\\"', '"')
    .replace(/[\u2028\u2029]/g, escaped);
  // As the formatter has it: the kind of quotes that needs fewer escapes.
  if (json.includes("'") && !json.includes('"')) return `"${json}"`;
  return `'${json.replaceAll("'", "\\'")}'`;
}
const escaped = (char: string): string => `\\u${char.charCodeAt(0).toString(16).padStart(4, '0')}`;

export const isName = (text: string): boolean => /^[A-Za-z_$][\w$]*$/.test(text);
const key = (text: string): string => (isName(text) ? text : quoted(text));

/** On one line; undefined if it holds statements. */
export function flat(code: Code): string | undefined {
  if (typeof code === 'string') return code;
  switch (code.kind) {
    case 'call': {
      // Two callbacks are read better below each other.
      if (code.args.filter(isArrow).length > 1) return undefined;
      const of = flat(code.of);
      const args = flatAll(code.args);
      return of === undefined || args === undefined ? undefined : `${of}${dot(code)}(${args.join(', ')})`;
    }
    case 'array': {
      const items = flatAll(code.items);
      return items && `[${items.join(', ')}]`;
    }
    case 'object': {
      const values = flatAll(code.entries.map(([, value]) => value));
      const entries = values && code.entries.map(([name], index) => entry(name, values[index]!));
      return entries && (entries.length === 0 ? '{}' : `{ ${entries.join(', ')} }`);
    }
    case 'arrow': {
      const value = returned(code);
      return value === undefined ? undefined : `(${code.parameters}) => ${value}`;
    }
  }
}

/** What a function gives that does nothing else, on one line. */
function returned({ body }: Arrow): string | undefined {
  const [only, ...more] = body;
  if (more.length > 0 || only?.kind !== 'line' || only.before !== 'return ') return undefined;
  const value = flat(only.code);
  return typeof only.code !== 'string' && only.code.kind === 'object' ? value && `(${value})` : value;
}

const isArrow = (code: Code): boolean => typeof code !== 'string' && code.kind === 'arrow';

const dot = ({ method }: Call): string => (method === undefined ? '' : `.${method}`);
const entry = (name: string, value: string): string => (name === value ? name : `${key(name)}: ${value}`);

function flatAll(list: readonly Code[]): string[] | undefined {
  const texts: string[] = [];
  for (const one of list) {
    const text = flat(one);
    if (text === undefined) return undefined;
    texts.push(text);
  }
  return texts;
}

/** The text of statements, each line indented by `indent` spaces. */
export const render = (statements: readonly Statement[], indent = 0): string =>
  statements.map((one) => `${' '.repeat(indent)}${statement(one, indent)}\n`).join('');

function statement(one: Statement, indent: number): string {
  if (one.kind === 'line') {
    if (one.code === '') return one.before + one.after;
    const length = flat(one.code)?.length ?? WIDTH;
    const fits = indent + one.before.length + length + one.after.length <= WIDTH;
    const pattern = fits ? undefined : brokenPattern(one.before, indent);
    if (pattern !== undefined)
      return `${pattern}${layout(one.code, indent, indent + 4, one.after.length)}${one.after}`;
    return `${one.before}${layout(one.code, indent, indent + one.before.length, one.after.length)}${one.after}`;
  }
  const head = `${one.before}${layout(one.code, indent, indent + one.before.length, 3)}`;
  return `${head}) {\n${render(one.body, indent + 2)}${' '.repeat(indent)}}`;
}

/** `const { a: b, c, d } = ` below each other: more than two names, one of them a new one. */
function brokenPattern(before: string, indent: number): string | undefined {
  const fields = /^const \{ (.*) \} = $/.exec(before)?.[1]?.split(', ');
  if (fields === undefined || fields.length < 3 || !before.includes(':')) return undefined;
  const inner = ' '.repeat(indent + 2);
  return `const {\n${fields.map((field) => `${inner}${field},\n`).join('')}${' '.repeat(indent)}} = `;
}

/** The text of an expression that begins at `column` of a line indented by `indent`, with `rest` columns after it. */
function layout(code: Code, indent: number, column: number, rest: number): string {
  const short = flat(code);
  if (typeof code === 'string') return code;
  if (short !== undefined && column + short.length + rest <= WIDTH) return short;
  switch (code.kind) {
    case 'call':
      return layoutCall(code, indent, column, rest);
    case 'object':
      return broken(
        '{',
        '}',
        code.entries.map(([name, value]) => (inner) => {
          const head = value === name ? '' : `${key(name)}: `;
          return head + layout(value, inner, inner + head.length, 1);
        }),
        indent,
      );
    case 'array':
      return layoutArray(code, indent);
    case 'arrow':
      return `(${code.parameters}) => {\n${render(code.body, indent + 2)}${' '.repeat(indent)}}`;
  }
}

/** Calls that follow each other, innermost first, and what they start from. */
function chainOf(code: Call): { readonly base: Code; readonly calls: readonly Call[] } {
  const calls: Call[] = [];
  let base: Code = code;
  while (typeof base !== 'string' && base.kind === 'call' && base.method !== undefined) {
    calls.unshift(base);
    base = base.of;
  }
  return { base, calls };
}

/** Each call of a chain on a line of its own. */
function layoutChain(base: Code, calls: readonly Call[], indent: number, column: number): string {
  const inner = indent + 2;
  const lines = calls.map((one) => {
    const text = layout({ ...one, of: '' }, inner, inner, 0);
    return `\n${' '.repeat(inner)}${text}`;
  });
  return layout(base, indent, column, 0) + lines.join('');
}

function layoutCall(code: Call, indent: number, column: number, rest: number): string {
  const { base, calls } = chainOf(code);
  if (calls.length > 1) return layoutChain(base, calls, indent, column);
  const of = layout(code.of, indent, column, 0);
  const head = `${of}${dot(code)}(`;
  const start = of.includes('\n') ? head.length - head.lastIndexOf('\n') - 1 : column + head.length;
  const { args } = code;
  const last = args.at(-1);
  const before = flatAll(args.slice(0, -1));
  const alone = code.args.filter(isArrow).length < 2;
  if (
    alone &&
    last !== undefined &&
    typeof last !== 'string' &&
    last.kind !== 'call' &&
    before !== undefined
  ) {
    const leading = before.map((one) => `${one}, `).join('');
    const opening = last.kind === 'arrow' ? `(${last.parameters}) => {`.length : 1;
    if (start + leading.length + opening <= WIDTH)
      return `${head}${leading}${layout(last, indent, start + leading.length, rest + 1)})`;
  }
  if (args.length === 0) return `${head})`;
  return broken(
    head,
    ')',
    args.map((one) => (inner) => layout(one, inner, inner, 1)),
    indent,
  );
}

const broken = (
  open: string,
  close: string,
  items: readonly ((indent: number) => string)[],
  indent: number,
): string => {
  const inner = ' '.repeat(indent + 2);
  return `${open}\n${items.map((item) => `${inner}${item(indent + 2)},\n`).join('')}${' '.repeat(indent)}${close}`;
};

/** Numbers fill lines; anything else has a line of its own. */
function layoutArray({ items }: ArrayCode, indent: number): string {
  const numbers = items.every((one) => typeof one === 'string' && /^-?[\d.]/.test(one));
  if (!numbers) {
    return broken(
      '[',
      ']',
      items.map((one) => (inner) => layout(one, inner, inner, 1)),
      indent,
    );
  }
  const inner = ' '.repeat(indent + 2);
  const lines: string[] = [];
  let text = '';
  for (const item of items as readonly string[]) {
    if (text !== '' && indent + 2 + text.length + 1 + item.length + 1 > WIDTH) {
      lines.push(text);
      text = '';
    }
    text += `${text === '' ? '' : ' '}${item},`;
  }
  return `[\n${[...lines, text].map((one) => `${inner}${one}\n`).join('')}${' '.repeat(indent)}]`;
}
