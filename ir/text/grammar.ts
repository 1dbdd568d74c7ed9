// The textual syntax of ONNX, as onnx.parser reads it (onnx/defs/parser.h, ONNX 1.22), as a chevrotain grammar.
//
//   <ir_version: 10, opset_import: ["" : 21]>
//   mlp (float[N, 784] x) => (float[N, 10] y)
//   <float[784, 10] w = {0.1, …}, float[N, 10] h>
//   {
//      [first] h = MatMul (x, w)
//      y = Softmax <axis: int = -1> (h)
//   }
//
// `float` is a scalar, `float[]` of unknown rank, `?` an unknown dimension; names that are no identifiers stand in
// quotes; `#` begins a comment. Beyond that parser: lists of tensors, graphs and types, and sparse tensors.

import { createToken, EmbeddedActionsParser, type IToken, Lexer, type TokenType } from 'chevrotain';
import { dtypeOfOnnxName } from '../types.ts';

// --- what the text says, before it becomes messages ------------------------------------------------------

export type TypeNode =
  | {
      readonly kind: 'tensor' | 'sparse';
      readonly elem: string;
      readonly dims: readonly IToken[] | undefined;
    }
  | { readonly kind: 'seq' | 'optional'; readonly elem: TypeNode }
  | { readonly kind: 'map'; readonly key: IToken; readonly value: TypeNode };

export type DataNode =
  | { readonly kind: 'values'; readonly values: readonly IToken[] }
  | { readonly kind: 'external'; readonly entries: readonly Pair[] };
export type Pair = readonly [key: IToken, value: IToken];

export interface TensorNode {
  readonly at: IToken;
  readonly type: TypeNode;
  readonly name: IToken | undefined;
  readonly data: DataNode | undefined;
}
export interface SparseNode {
  readonly type: TypeNode;
  readonly values: TensorNode;
  readonly indices: TensorNode;
}
export type SingleNode =
  | { readonly kind: 'literal' | 'reference'; readonly token: IToken }
  | { readonly kind: 'tensor'; readonly tensor: TensorNode }
  | { readonly kind: 'sparse'; readonly sparse: SparseNode }
  | { readonly kind: 'type'; readonly type: TypeNode }
  | { readonly kind: 'graph'; readonly graph: GraphNode };
export interface AttributeNode {
  readonly name: IToken;
  readonly type: IToken | undefined;
  readonly value: SingleNode | readonly SingleNode[];
}
export interface OpNode {
  readonly at: IToken;
  readonly label: IToken | undefined;
  readonly outputs: readonly (IToken | undefined)[];
  readonly op: readonly IToken[];
  readonly overload: IToken | undefined;
  readonly attributes: readonly AttributeNode[];
  readonly inputs: readonly (IToken | undefined)[];
}
/** A value with its type, or an initializer. */
export interface ValueNode {
  readonly at: IToken;
  readonly type: TypeNode | undefined;
  readonly name: IToken;
  readonly data: DataNode | undefined;
}
export interface GraphNode {
  readonly name: IToken;
  readonly inputs: readonly ValueNode[];
  readonly outputs: readonly ValueNode[];
  readonly values: readonly ValueNode[];
  readonly ops: readonly OpNode[];
}
export interface FieldNode {
  readonly key: IToken;
  readonly value: IToken | readonly Pair[];
}
export interface FunctionNode extends GraphNode {
  readonly fields: readonly FieldNode[];
  readonly attributes: readonly (IToken | AttributeNode)[];
}
export interface ModelNode {
  readonly fields: readonly FieldNode[];
  readonly graph: GraphNode;
  readonly functions: readonly FunctionNode[];
}

// --- tokens ----------------------------------------------------------------------------------------------

const token = (name: string, pattern: RegExp): TokenType => createToken({ name, pattern });
const Skipped = createToken({
  name: 'blank',
  pattern: /(?:\s+|#[^\n]*)+/,
  group: Lexer.SKIPPED,
  line_breaks: true,
});
export const Quoted = createToken({
  name: 'a quoted string',
  pattern: /"(?:[^"\\]|\\[\s\S])*"/,
  line_breaks: true,
});
export const Word = token('a name', /[A-Za-z_][A-Za-z0-9_]*/);
export const Numeral = token(
  'a number',
  /-?(?:\d+(?:\.\d*)?(?:[eE][+-]?\d*)?|(?:inf(?:inity)?|nan)(?![A-Za-z0-9_]))/i,
);
const Arrow = token('=>', /=>/);
const [Equals, Comma, Colon, Dot, At, Question] = [
  token('=', /=/),
  token(',', /,/),
  token(':', /:/),
  token('.', /\./),
  token('@', /@/),
  token('?', /\?/),
];
const [Open, Close, OpenSquare, CloseSquare, OpenCurly, CloseCurly, OpenAngle, CloseAngle] = [
  token('(', /\(/),
  token(')', /\)/),
  token('[', /\[/),
  token(']', /\]/),
  token('{', /\{/),
  token('}', /\}/),
  token('<', /</),
  token('>', />/),
];

const tokens = [
  Skipped,
  Quoted,
  Word,
  Numeral,
  Arrow,
  Equals,
  Comma,
  Colon,
  Dot,
  At,
  Question,
  Open,
  Close,
  OpenSquare,
  CloseSquare,
  OpenCurly,
  CloseCurly,
  OpenAngle,
  CloseAngle,
];
export const lexer = new Lexer(tokens, { positionTracking: 'onlyOffset' });

const containers = new Set(['seq', 'map', 'optional', 'sparse_tensor']);
const isTypeName = (word: string): boolean => containers.has(word) || dtypeOfOnnxName(word) !== undefined;
/** Whether a name stands without quotes: it is no type, and no literal. */
export const isPlainName = (text: string): boolean =>
  /^[A-Za-z_][A-Za-z0-9_]*$/.test(text) && !isTypeName(text) && !isSpecialFloat(text);
/** Words that are literals where a literal can stand. */
const isSpecialFloat = (word: string): boolean => /^(?:inf|infinity|nan)$/i.test(word);

// --- grammar ---------------------------------------------------------------------------------------------

export class TextParser extends EmbeddedActionsParser {
  constructor() {
    super(tokens, { recoveryEnabled: true, maxLookahead: 2, nodeLocationTracking: 'none' });
    this.performSelfAnalysis();
  }

  readonly model = this.RULE('a model', (): ModelNode => {
    const fields = this.OPTION(() => this.SUBRULE(this.#fields)) ?? [];
    const graph = this.SUBRULE(this.#graph);
    const functions: FunctionNode[] = [];
    this.MANY(() => functions.push(this.SUBRULE(this.#function)));
    return { fields, graph, functions };
  });

  readonly #fields = this.RULE('header fields', (): FieldNode[] => {
    const fields: FieldNode[] = [];
    this.CONSUME(OpenAngle);
    this.MANY_SEP({
      SEP: Comma,
      DEF: () => {
        const key = this.CONSUME(Word);
        this.CONSUME(Colon);
        const value = this.OR<IToken | Pair[]>([
          { ALT: () => this.CONSUME(Numeral) },
          { ALT: () => this.CONSUME(Quoted) },
          { ALT: () => this.SUBRULE(this.#pairs) },
        ]);
        fields.push({ key, value });
      },
    });
    this.CONSUME(CloseAngle);
    return fields;
  });

  readonly #pairs = this.RULE('a list of pairs', (): Pair[] => {
    const pairs: Pair[] = [];
    this.CONSUME(OpenSquare);
    this.MANY_SEP({
      SEP: Comma,
      DEF: () => {
        const key = this.CONSUME(Quoted);
        this.CONSUME(Colon);
        const value = this.OR([{ ALT: () => this.CONSUME2(Quoted) }, { ALT: () => this.CONSUME(Numeral) }]);
        pairs.push([key, value]);
      },
    });
    this.CONSUME(CloseSquare);
    return pairs;
  });

  readonly #graph = this.RULE('a graph', (): GraphNode => {
    const name = this.SUBRULE(this.#name);
    const inputs = this.OPTION(() => this.SUBRULE(this.#signature)) ?? [];
    this.CONSUME(Arrow);
    const outputs = this.SUBRULE2(this.#signature);
    const values = this.OPTION2(() => this.SUBRULE(this.#values)) ?? [];
    const ops = this.SUBRULE(this.#body);
    return { name, inputs, outputs, values, ops };
  });

  readonly #function = this.RULE('a function', (): FunctionNode => {
    const fields = this.OPTION(() => this.SUBRULE(this.#fields)) ?? [];
    const name = this.SUBRULE(this.#name);
    const attributes: (IToken | AttributeNode)[] = [];
    this.OPTION2(() => {
      this.CONSUME(OpenAngle);
      this.MANY_SEP({ SEP: Comma, DEF: () => attributes.push(this.SUBRULE(this.#parameter)) });
      this.CONSUME(CloseAngle);
    });
    const inputs = this.SUBRULE(this.#signature);
    this.CONSUME(Arrow);
    const outputs = this.SUBRULE2(this.#signature);
    const values = this.OPTION3(() => this.SUBRULE(this.#values)) ?? [];
    const ops = this.SUBRULE(this.#body);
    return { fields, name, attributes, inputs, outputs, values, ops };
  });

  /** A function's attribute: its name, or with a default. */
  readonly #parameter = this.RULE('an attribute of a function', (): IToken | AttributeNode => {
    const name = this.SUBRULE(this.#name);
    const value = this.OPTION(() => this.SUBRULE(this.#assigned));
    return value === undefined ? name : { name, ...value };
  });

  readonly #signature = this.RULE('a list of values', (): ValueNode[] => {
    const values: ValueNode[] = [];
    this.CONSUME(Open);
    this.MANY_SEP({ SEP: Comma, DEF: () => values.push(this.SUBRULE(this.#value)) });
    this.CONSUME(Close);
    return values;
  });

  readonly #values = this.RULE('a list of initializers and values', (): ValueNode[] => {
    const values: ValueNode[] = [];
    this.CONSUME(OpenAngle);
    this.MANY_SEP({ SEP: Comma, DEF: () => values.push(this.SUBRULE(this.#value)) });
    this.CONSUME(CloseAngle);
    return values;
  });

  readonly #value = this.RULE('a value', (): ValueNode => {
    const at = this.LA(1);
    const type = this.OPTION({
      GATE: () => this.#startsType(),
      DEF: () => this.SUBRULE(this.#type),
    });
    const name = this.SUBRULE(this.#name);
    const data = this.OPTION2(() => {
      this.CONSUME(Equals);
      return this.SUBRULE(this.#data);
    });
    // onnx.printer leaves out the sign before external data.
    const bare = this.OPTION3(() => this.SUBRULE2(this.#data));
    return { at, type, name, data: data ?? bare };
  });

  /** A word before a name, or before dimensions, is a type; the builder says if there is none of that name. */
  #startsType(): boolean {
    if (isTypeName(this.LA(1).image)) return true;
    const [first, second, third] = [1, 2, 3].map((ahead) => this.LA(ahead).tokenType);
    const named = second === Word || second === Quoted;
    return first === Word && (named || (second === OpenSquare && third !== Quoted));
  }

  readonly #data = this.RULE(
    'tensor data',
    (): DataNode =>
      this.OR<DataNode>([
        {
          ALT: () => {
            const values: IToken[] = [];
            this.CONSUME(OpenCurly);
            this.MANY_SEP({ SEP: Comma, DEF: () => values.push(this.SUBRULE(this.#literal)) });
            this.CONSUME(CloseCurly);
            return { kind: 'values', values };
          },
        },
        { ALT: () => ({ kind: 'external', entries: this.SUBRULE(this.#pairs) }) },
      ]),
  );

  readonly #literal = this.RULE(
    'a literal',
    (): IToken =>
      this.OR([
        { ALT: () => this.CONSUME(Numeral) },
        { ALT: () => this.CONSUME(Quoted) },
        { GATE: () => isSpecialFloat(this.LA(1).image), ALT: () => this.CONSUME(Word) },
      ]),
  );

  readonly #type: (idx?: number) => TypeNode = this.RULE('a type', (): TypeNode => {
    const word = this.CONSUME(Word);
    return this.OR<TypeNode>([
      {
        GATE: () => word.image === 'map',
        ALT: () => {
          this.CONSUME(Open);
          const key = this.CONSUME2(Word);
          this.CONSUME(Comma);
          const value = this.SUBRULE(this.#type);
          this.CONSUME(Close);
          return { kind: 'map', key, value };
        },
      },
      {
        GATE: () => word.image !== 'map' && containers.has(word.image),
        ALT: () => {
          this.CONSUME2(Open);
          const elem = this.SUBRULE2(this.#type);
          this.CONSUME2(Close);
          return this.ACTION((): TypeNode => {
            if (word.image !== 'sparse_tensor') return { kind: word.image as 'seq' | 'optional', elem };
            return elem.kind === 'tensor' ? { ...elem, kind: 'sparse' } : elem;
          });
        },
      },
      {
        ALT: () => {
          const dims = this.OPTION(() => this.SUBRULE(this.#dims));
          return { kind: 'tensor', elem: word.image, dims: dims === undefined ? [] : dims.known };
        },
      },
    ]);
  });

  readonly #dims = this.RULE('dimensions', (): { readonly known: readonly IToken[] | undefined } => {
    const dims: IToken[] = [];
    this.CONSUME(OpenSquare);
    this.MANY_SEP({
      SEP: Comma,
      DEF: () =>
        dims.push(
          this.OR([
            { ALT: () => this.CONSUME(Numeral) },
            { ALT: () => this.CONSUME(Question) },
            { ALT: () => this.CONSUME(Word) },
            { ALT: () => this.CONSUME(Quoted) },
          ]),
        ),
    });
    this.CONSUME(CloseSquare);
    return { known: dims.length === 0 ? undefined : dims };
  });

  readonly #body = this.RULE('a body', (): OpNode[] => {
    const ops: OpNode[] = [];
    this.CONSUME(OpenCurly);
    this.MANY(() => ops.push(this.SUBRULE(this.#op)));
    this.CONSUME(CloseCurly);
    return ops;
  });

  readonly #op: (idx?: number) => OpNode = this.RULE('an op', (): OpNode => {
    const at = this.LA(1);
    const label = this.OPTION(() => {
      this.CONSUME(OpenSquare);
      const name = this.OPTION2(() => this.SUBRULE(this.#name));
      this.CONSUME(CloseSquare);
      return name;
    });
    const outputs = this.SUBRULE(this.#names);
    this.CONSUME(Equals);
    const op: IToken[] = [];
    this.AT_LEAST_ONE_SEP({ SEP: Dot, DEF: () => op.push(this.CONSUME(Word)) });
    const overload = this.OPTION3(() => {
      this.CONSUME(Colon);
      return this.CONSUME2(Word);
    });
    const before = this.OPTION4(() => this.SUBRULE(this.#attributes));
    this.CONSUME(Open);
    const inputs = this.SUBRULE2(this.#names);
    this.CONSUME(Close);
    const after = this.OPTION5(() => this.SUBRULE2(this.#attributes));
    // While the grammar records itself, optional parts give what is no list.
    const attributes = [before, after].flatMap((list) => (Array.isArray(list) ? list : []));
    return { at, label, outputs, op, overload, attributes, inputs };
  });

  /** Names and commas: a missing name before or between commas is an omitted one, a comma at the end nothing. */
  readonly #names = this.RULE('names', (): (IToken | undefined)[] => {
    const parts: (IToken | undefined)[] = [];
    this.MANY({
      GATE: () => parts.at(-1) === undefined || this.LA(1).tokenType === Comma,
      DEF: () => {
        this.OR([
          { ALT: () => void (this.CONSUME(Comma) && parts.push(undefined)) },
          { ALT: () => void parts.push(this.SUBRULE(this.#name)) },
        ]);
      },
    });
    return this.ACTION(() => omitted(parts));
  });

  readonly #name = this.RULE(
    'a name or a string',
    (): IToken => this.OR([{ ALT: () => this.CONSUME(Word) }, { ALT: () => this.CONSUME(Quoted) }]),
  );

  readonly #attributes = this.RULE('attributes', (): AttributeNode[] => {
    const attributes: AttributeNode[] = [];
    this.CONSUME(OpenAngle);
    this.MANY_SEP({
      SEP: Comma,
      DEF: () => {
        const name = this.SUBRULE(this.#name);
        attributes.push({ name, ...this.SUBRULE(this.#assigned) });
      },
    });
    this.CONSUME(CloseAngle);
    return attributes;
  });

  readonly #assigned: (idx?: number) => Omit<AttributeNode, 'name'> = this.RULE(
    'the value of an attribute',
    (): Omit<AttributeNode, 'name'> => {
      const type = this.OPTION(() => {
        this.CONSUME(Colon);
        return this.CONSUME(Word);
      });
      this.CONSUME(Equals);
      const value = this.OR<SingleNode | SingleNode[]>([
        {
          ALT: () => {
            const list: SingleNode[] = [];
            this.CONSUME(OpenSquare);
            this.MANY_SEP({ SEP: Comma, DEF: () => list.push(this.SUBRULE(this.#single)) });
            this.CONSUME(CloseSquare);
            return list;
          },
        },
        { ALT: () => this.SUBRULE2(this.#single) },
      ]);
      return { type, value };
    },
  );

  readonly #single: (idx?: number) => SingleNode = this.RULE(
    'a single value',
    (): SingleNode =>
      this.OR<SingleNode>([
        {
          ALT: () => {
            this.CONSUME(At);
            return { kind: 'reference', token: this.SUBRULE(this.#name) };
          },
        },
        {
          GATE: () => isSpecialFloat(this.LA(1).image) || this.LA(1).tokenType === Numeral,
          ALT: () => ({ kind: 'literal', token: this.SUBRULE(this.#literal) }),
        },
        {
          GATE: () => this.LA(1).tokenType === Quoted && !this.#startsGraph(),
          ALT: () => ({ kind: 'literal', token: this.CONSUME(Quoted) }),
        },
        { GATE: () => isTypeName(this.LA(1).image), ALT: () => this.SUBRULE(this.#typed) },
        { ALT: () => ({ kind: 'graph', graph: this.SUBRULE(this.#graph) }) },
      ]),
  );

  /** A string before a signature is the name of a graph. */
  #startsGraph(): boolean {
    const { tokenType } = this.LA(2);
    return tokenType === Open || tokenType === Arrow;
  }

  /** A type, a tensor or a sparse tensor: what begins with a type. */
  readonly #typed = this.RULE('a type or a tensor', (): SingleNode => {
    const at = this.LA(1);
    const type = this.SUBRULE(this.#type);
    return this.OR<SingleNode>([
      {
        ALT: () => {
          this.CONSUME(Open);
          const values = this.SUBRULE(this.#tensor);
          this.CONSUME(Comma);
          const indices = this.SUBRULE2(this.#tensor);
          this.CONSUME(Close);
          return { kind: 'sparse', sparse: { type, values, indices } };
        },
      },
      {
        ALT: () => {
          const name = this.OPTION(() => this.SUBRULE(this.#name));
          const equals = this.OPTION2(() => this.CONSUME(Equals));
          const data = this.OPTION3(() => this.SUBRULE(this.#data));
          return this.ACTION(
            (): SingleNode =>
              name === undefined && equals === undefined && data === undefined
                ? { kind: 'type', type }
                : { kind: 'tensor', tensor: { at, type, name, data } },
          );
        },
      },
    ]);
  });

  readonly #tensor = this.RULE('a tensor', (): TensorNode => {
    const at = this.LA(1);
    const type = this.SUBRULE(this.#type);
    const name = this.OPTION(() => this.SUBRULE(this.#name));
    this.OPTION2(() => this.CONSUME(Equals));
    const data = this.OPTION3(() => this.SUBRULE(this.#data));
    return { at, type, name, data };
  });
}

/** From names and commas (undefined) to the list that they stand for; undefined is an omitted name. */
function omitted(parts: readonly (IToken | undefined)[]): (IToken | undefined)[] {
  const list: (IToken | undefined)[] = [];
  if (parts.length === 0) return list;
  list.push(parts[0]);
  let at = parts[0] === undefined ? 0 : 1;
  while (at < parts.length) {
    at++;
    const next = parts[at];
    if (next !== undefined) {
      list.push(next);
      at++;
    } else if (at < parts.length) list.push(undefined);
  }
  return list;
}
