// Identifiers from the names that models give their values.
//
//   /encoder/layer.0/MatMul_output_0   matMul, or layer0MatMul if another value has that
//   batch_norm_0.tmp_2                 batchNorm0Tmp2
//   model/conv2d_6/Conv2D:0            conv2D
//   417                                add417, after its op

const RESERVED = new Set(
  `abstract any as async await boolean break case catch class const constructor continue debugger declare default
   delete do else enum export extends false finally for from function get if implements import in infer instanceof
   interface is keyof let module namespace never new null number object of package private protected public readonly
   require return set static string super switch symbol this throw true try type typeof undefined unique unknown var
   void while with yield arguments eval globalThis NaN Infinity`.split(/\s+/),
);

const MAX_LENGTH = 40;

/** Gives each name once. */
export class Names {
  readonly #own: ReadonlySet<string>;
  readonly #taken = new Set<string>();
  readonly #next = new Map<string, number>();

  /** `taken` are names that the file needs for something else. */
  constructor(taken: ReadonlySet<string> = new Set()) {
    this.#own = taken;
  }

  #has(name: string): boolean {
    return this.#taken.has(name) || this.#own.has(name);
  }

  /** The best free identifier for a value of this name; `kind` is what makes it, for names that say nothing. */
  take(name: string, kind: string): string {
    const wanted = identifiers(name, kind);
    const free = wanted.find((one) => !this.#has(one) && !RESERVED.has(one));
    const chosen = free ?? this.#numbered(wanted[0]!, RESERVED.has(wanted[0]!) || this.#own.has(wanted[0]!));
    this.#taken.add(chosen);
    return chosen;
  }

  /** With a number; a word that the file needs for something else becomes another word first. */
  #numbered(name: string, reserved: boolean): string {
    const base = reserved ? `${name}Value` : name;
    if (reserved && !this.#has(base)) return base;
    const stem = /\d$/.test(base) ? `${base}_` : base;
    for (let next = this.#next.get(stem) ?? 2; ; next++) {
      const free = `${stem}${next}`;
      if (this.#has(free)) continue;
      this.#next.set(stem, next + 1);
      return free;
    }
  }
}

/** Identifiers from short to long, each saying more of the path. */
function identifiers(name: string, kind: string): string[] {
  const path = name
    .replace(/:0$/, '')
    .replace(/_output_0$/, '')
    .split(/[/]|::/)
    .map((part) => camel(part))
    .filter((part) => part !== '');
  const found: string[] = [];
  let text = '';
  for (const part of path.reverse()) {
    text = text === '' ? part : part + text[0]!.toUpperCase() + text.slice(1);
    if (text.length > MAX_LENGTH) break;
    found.push(text);
  }
  const own = found.filter((one) => !/^\d/.test(one));
  const base = camel(kind) || 'value';
  const number = /^\d+/.exec(path[0] ?? '')?.[0];
  return own.length > 0 ? own : [number === undefined ? base : `${base}${number}`];
}

/** Words by case, digits and whatever is no letter: `Conv2D_bias.0` → `conv2DBias0`. Other scripts' letters are dropped. */
function camel(text: string): string {
  const words = text.split(/[^A-Za-z0-9]+/).filter((word) => word !== '');
  return words
    .map((word, index) => {
      const rest = word === word.toUpperCase() && word.length > 1 ? word.toLowerCase() : word;
      return index === 0 ? rest[0]!.toLowerCase() + rest.slice(1) : rest[0]!.toUpperCase() + rest.slice(1);
    })
    .join('');
}
