// Sizes that are not numbers: polynomials with whole coefficients over names, in one canonical text.
//
//   N+1    2*N    N*M-3    floor((W+1)/2)+1
//
// Two sizes that are equal by arithmetic have the same text, so that types compare by `===`. Names stand for
// sizes, which are never negative. A name from a file that is no such text ("batch size") takes part in no
// arithmetic. What would grow without bound is not known rather than long.

export type Size = number | string | null;

/** Sum of products: from the product's factors, sorted and joined by `*`, to its coefficient; '' is the constant. */
type Terms = ReadonlyMap<string, number>;

const MAX_TERMS = 12;
const MAX_TEXT = 160;
/** Parsed texts kept; a graph has few different sizes, and they come again and again. */
const MAX_CACHED = 4096;
const cache = new Map<string, Terms | undefined>();

const constant = (value: number): Terms => (value === 0 ? new Map() : new Map([['', value]]));

/** The polynomial of a size; undefined if it is not known or its text is none. */
function termsOf(size: Size): Terms | undefined {
  if (typeof size !== 'string' && typeof size !== 'number') return undefined;
  if (typeof size === 'number') return Number.isSafeInteger(size) ? constant(size) : undefined;
  if (cache.has(size)) return cache.get(size);
  const terms = new Parser(size).parse();
  if (cache.size >= MAX_CACHED) cache.clear();
  cache.set(size, terms);
  return terms;
}

/** The size of a polynomial; null for one that is too long or has too large coefficients. */
function sizeOf(terms: Terms | undefined): number | string | null {
  if (terms === undefined || terms.size > MAX_TERMS) return null;
  const products = [...terms.keys()].filter((product) => product !== '').sort(byText);
  let text = '';
  for (const product of products) {
    const factor = terms.get(product)!;
    if (!Number.isSafeInteger(factor)) return null;
    const size = Math.abs(factor);
    text += (factor < 0 ? '-' : text === '' ? '' : '+') + (size === 1 ? product : `${size}*${product}`);
  }
  const rest = terms.get('') ?? 0;
  if (!Number.isSafeInteger(rest)) return null;
  if (products.length === 0) return rest;
  if (rest !== 0) text += rest < 0 ? `${rest}` : `+${rest}`;
  return text.length > MAX_TEXT ? null : text;
}

const byText = (a: string, b: string): number => (a < b ? -1 : a > b ? 1 : 0);

function plus(a: Terms, b: Terms, factor = 1): Terms {
  const sum = new Map(a);
  for (const [product, value] of b) {
    const total = (sum.get(product) ?? 0) + factor * value;
    if (total === 0) sum.delete(product);
    else sum.set(product, total);
  }
  return sum;
}

function times(a: Terms, b: Terms): Terms | undefined {
  if (a.size * b.size > MAX_TERMS) return undefined;
  let result: Terms = new Map();
  for (const [left, x] of a) {
    for (const [right, y] of b) {
      const factors = [...factorsOf(left), ...factorsOf(right)].sort(byText);
      result = plus(result, new Map([[factors.join('*'), x * y]]));
    }
  }
  return result;
}

/** The factors of a product; those in parentheses of a floor hold `*` of their own. */
function factorsOf(product: string): string[] {
  const factors: string[] = [];
  let [depth, start] = [0, 0];
  for (let at = 0; at <= product.length; at++) {
    const char = product[at];
    if (char === '(') depth++;
    else if (char === ')') depth--;
    if ((char === '*' && depth === 0) || at === product.length) {
      if (at > start) factors.push(product.slice(start, at));
      start = at + 1;
    }
  }
  return factors;
}

const FLOOR = /^floor\((.*)\/(\d+)\)$/;
const LONE_NAME = /^[\w.:]+$/;

/** `floor(terms / divisor)`, with what divides evenly taken out of it. */
function floorOf(terms: Terms, divisor: number): Terms | undefined {
  const whole = new Map<string, number>();
  const rest = new Map<string, number>();
  for (const [product, value] of terms) {
    const quotient = Math.floor(value / divisor);
    const remainder = value - quotient * divisor;
    if (quotient !== 0) whole.set(product, quotient);
    if (remainder !== 0) rest.set(product, remainder);
  }
  if (rest.size === 0 || (rest.size === 1 && rest.has(''))) return whole;
  // floor((floor(a/b)+c)/d) = floor((a+b*c)/(b*d))
  const names = [...rest.keys()].filter((product) => product !== '');
  const inner = names.length === 1 && rest.get(names[0]!) === 1 ? FLOOR.exec(names[0]!) : null;
  if (inner !== null) {
    const [numerator, by] = [termsOf(inner[1]!), Number(inner[2])];
    if (numerator === undefined || !Number.isSafeInteger(by * divisor)) return undefined;
    const nested = floorOf(plus(numerator, constant((rest.get('') ?? 0) * by)), by * divisor);
    return nested && plus(whole, nested);
  }
  const text = sizeOf(rest);
  return text === null
    ? undefined
    : plus(whole, new Map([[`floor(${LONE_NAME.test(`${text}`) ? text : `(${text})`}/${divisor})`, 1]]));
}

/** The least value that a polynomial can have, given that no name is negative; -Infinity if there is none. */
function lowest(terms: Terms): number {
  let sum = 0;
  for (const [product, factor] of terms) {
    if (product === '') {
      sum += factor;
      continue;
    }
    const least = factorsOf(product).map(lowestOfFactor);
    if (factor < 0 || least.some((one) => one < 0)) {
      if (factor < 0 || least.length > 1) return Number.NEGATIVE_INFINITY;
    }
    sum += factor * least.reduce((a, b) => a * b, 1);
  }
  return sum;
}

function lowestOfFactor(factor: string): number {
  const inner = FLOOR.exec(factor);
  if (inner === null) return 0;
  const numerator = termsOf(inner[1]!);
  return numerator === undefined
    ? Number.NEGATIVE_INFINITY
    : Math.floor(lowest(numerator) / Number(inner[2]));
}

const combine =
  (operation: (a: Terms, b: Terms) => Terms | undefined) =>
  (a: Size, b: Size): Size => {
    const [left, right] = [termsOf(a), termsOf(b)];
    return left === undefined || right === undefined ? null : sizeOf(operation(left, right));
  };

/** Sums, differences and products of sizes; null where not known. */
export const addSizes = combine((a, b) => plus(a, b));
export const subtractSizes = combine((a, b) => plus(a, b, -1));
export const multiplySizes = combine(times);

/** `floor(size / divisor)` for a divisor of at least 1. */
export function floorDivideSize(size: Size, divisor: number): Size {
  if (divisor === 1) return size;
  const terms = termsOf(size);
  return terms === undefined || !(Number.isSafeInteger(divisor) && divisor > 0)
    ? null
    : sizeOf(floorOf(terms, divisor));
}

/** `size / divisor` if every coefficient divides; null otherwise. */
export function divideSizeExactly(size: Size, divisor: number): Size {
  const terms = termsOf(size);
  if (terms === undefined || [...terms.values()].some((value) => value % divisor !== 0)) return null;
  return sizeOf(new Map([...terms].map(([product, value]) => [product, value / divisor])));
}

/** The least value that a size can have: names are sizes, so at least 0. -Infinity if nothing bounds it. */
export function leastSize(size: Size): number {
  const terms = termsOf(size);
  return terms === undefined ? Number.NEGATIVE_INFINITY : lowest(terms);
}

/** The value of a size for given names; undefined if one of them is not given. */
export function evaluateSize(
  size: number | string,
  given: (name: string) => number | undefined,
): number | undefined {
  const own = typeof size === 'string' ? given(size) : undefined;
  if (own !== undefined) return own;
  const terms = termsOf(size);
  if (terms === undefined) return undefined;
  let sum = 0;
  for (const [product, factor] of terms) {
    let value = factor;
    for (const one of factorsOf(product)) {
      const inner = FLOOR.exec(one);
      const numerator = inner === null ? undefined : evaluateSize(inner[1]!, given);
      const size =
        inner === null
          ? given(one)
          : numerator === undefined
            ? undefined
            : Math.floor(numerator / Number(inner[2]));
      if (size === undefined) return undefined;
      value *= size;
    }
    sum += value;
  }
  return sum;
}

const NAME = /[A-Za-z_][\w.:]*/y;
const NUMBER = /\d{1,15}/y;
/** Parentheses nested deeper than this are nobody's size. */
const MAX_DEPTH = 16;

/** Reads sums, products, differences, parentheses, `floor(a/b)` and `a//b`; blanks do not matter. */
class Parser {
  readonly #text: string;
  #at = 0;
  #depth = 0;

  constructor(text: string) {
    this.#text = text;
  }

  parse(): Terms | undefined {
    if (this.#text.length > 2 * MAX_TEXT) return undefined;
    const terms = this.#sum();
    this.#blank();
    return this.#at === this.#text.length ? terms : undefined;
  }

  #sum(): Terms | undefined {
    if (++this.#depth > MAX_DEPTH) return undefined;
    let result = this.#take('-') ? negative(this.#product()) : this.#product();
    while (result !== undefined) {
      const sign = this.#take('+') ? 1 : this.#take('-') ? -1 : 0;
      if (sign === 0) break;
      const next = this.#product();
      result = next && plus(result, next, sign);
    }
    this.#depth--;
    return result;
  }

  #product(): Terms | undefined {
    let result = this.#factor();
    while (result !== undefined) {
      if (this.#take('*')) {
        const next = this.#factor();
        result = next && times(result, next);
      } else if (this.#text.startsWith('//', this.#at)) {
        this.#at += 2;
        result = this.#divided(result);
      } else break;
    }
    return result;
  }

  #divided(terms: Terms): Terms | undefined {
    const divisor = this.#number();
    return divisor === undefined || divisor === 0 ? undefined : floorOf(terms, divisor);
  }

  #factor(): Terms | undefined {
    this.#blank();
    if (this.#text.startsWith('floor(', this.#at)) {
      this.#at += 'floor('.length;
      const inner = this.#factor();
      const floored = inner !== undefined && this.#take('/') ? this.#divided(inner) : undefined;
      return this.#take(')') ? floored : undefined;
    }
    if (this.#take('(')) {
      const inner = this.#sum();
      return this.#take(')') ? inner : undefined;
    }
    const number = this.#number();
    if (number !== undefined) return constant(number);
    const name = this.#match(NAME);
    return name === undefined ? undefined : new Map([[name, 1]]);
  }

  #number(): number | undefined {
    this.#blank();
    const digits = this.#match(NUMBER);
    return digits === undefined ? undefined : Number(digits);
  }

  #match(pattern: RegExp): string | undefined {
    pattern.lastIndex = this.#at;
    const found = pattern.exec(this.#text)?.[0];
    if (found !== undefined) this.#at += found.length;
    return found;
  }

  #take(char: string): boolean {
    this.#blank();
    if (this.#text[this.#at] !== char) return false;
    this.#at++;
    return true;
  }

  #blank(): void {
    while (this.#text[this.#at] === ' ') this.#at++;
  }
}

const negative = (terms: Terms | undefined): Terms | undefined => terms && plus(new Map(), terms, -1);
