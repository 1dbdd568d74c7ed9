// What an expression in the author's source stands for outside of it: `Math.random`, `node:fs.readFileSync`.
//
//   const { random } = Math; random        Math.random
//   import { env as e } from 'process'; e  node:process.env
//   function f(Date) { Date.now }          nothing: a parameter

import { isBuiltin } from 'node:module';
import { ts } from '@ts-morph/common';

/** Globals that are also exports of Node's modules, under the module's name. */
const globals: Readonly<Record<string, string>> = {
  process: 'node:process',
  performance: 'node:perf_hooks.performance',
  crypto: 'node:crypto.webcrypto',
  globalThis: '',
  global: '',
};

/**
 * Finds origins. `ends` tells which of them are read where they are named: a variable that holds one is a value
 * of its own, without origin.
 */
export class Origins {
  readonly #checker: ts.TypeChecker;
  readonly #ends: (origin: string) => boolean;
  readonly #variables = new Map<ts.Declaration, string | undefined>();

  constructor(checker: ts.TypeChecker, ends: (origin: string) => boolean = () => false) {
    this.#checker = checker;
    this.#ends = ends;
  }

  /** The origin of an expression: a global or a package's name, then property names; undefined if it has none. */
  of(expression: ts.Expression): string | undefined {
    const node = withoutWrapping(expression);
    if (ts.isIdentifier(node)) return this.#ofIdentifier(node);
    if (ts.isPropertyAccessExpression(node)) return this.#member(node.expression, node.name.text);
    if (ts.isElementAccessExpression(node)) {
      const key = node.argumentExpression;
      return ts.isStringLiteralLike(key) ? this.#member(node.expression, key.text) : undefined;
    }
    if (ts.isCallExpression(node) && node.arguments.length === 1) {
      const [name] = node.arguments;
      if (ts.isStringLiteralLike(name!) && this.of(node.expression) === 'require')
        return moduleName(name.text);
    }
    return undefined;
  }

  /** The origin of what a destructuring takes out: of `env` in `const { env } = process`. */
  ofElement(element: ts.BindingElement): string | undefined {
    const key = element.propertyName ?? element.name;
    if (element.dotDotDotToken || !(ts.isIdentifier(key) || ts.isStringLiteral(key))) return undefined;
    const source = this.sourceOf(element);
    return source === undefined ? undefined : join(source, key.text);
  }

  /** The origin of what an element is taken out of. */
  sourceOf(element: ts.BindingElement): string | undefined {
    if (!ts.isObjectBindingPattern(element.parent)) return undefined;
    const holder = element.parent.parent;
    if (ts.isBindingElement(holder)) return this.ofElement(holder);
    return ts.isVariableDeclaration(holder) && holder.initializer !== undefined
      ? this.of(holder.initializer)
      : undefined;
  }

  #member(base: ts.Expression, name: string): string | undefined {
    const origin = this.of(base);
    return origin === undefined ? undefined : join(origin, name);
  }

  #ofIdentifier(node: ts.Identifier): string | undefined {
    const found = symbolOf(this.#checker, node);
    // What nothing declares can only be a global whose types the author does not have.
    if (found === undefined) return globalName(node.text);
    const declaration = found.declarations?.[0];
    if (declaration === undefined) return globalName(node.text);
    const imported = importedName(declaration);
    if (imported !== undefined && !imported.own) return imported.origin;
    const target =
      imported === undefined ? declaration : this.#checker.getAliasedSymbol(found).declarations?.[0];
    if (target === undefined) return undefined;
    if (target.getSourceFile().isDeclarationFile) return globalName(node.text);
    return this.#ofVariable(target);
  }

  /** What a constant of the author's holds. */
  #ofVariable(declaration: ts.Declaration): string | undefined {
    if (this.#variables.has(declaration)) return this.#variables.get(declaration);
    // Stands while the initializer is looked at, so that a variable made from itself ends here.
    this.#variables.set(declaration, undefined);
    let origin: string | undefined;
    if (ts.isBindingElement(declaration)) origin = this.ofElement(declaration);
    else if (ts.isVariableDeclaration(declaration) && declaration.initializer !== undefined) {
      const isConst = (ts.getCombinedNodeFlags(declaration) & ts.NodeFlags.Const) !== 0;
      if (isConst) origin = this.of(declaration.initializer);
    }
    if (origin !== undefined && this.#ends(origin)) origin = undefined;
    this.#variables.set(declaration, origin);
    return origin;
  }
}

/** An expression without parentheses and type assertions around it. */
export function withoutWrapping(expression: ts.Expression): ts.Expression {
  let inner = expression;
  while (
    ts.isParenthesizedExpression(inner) ||
    ts.isAsExpression(inner) ||
    ts.isSatisfiesExpression(inner) ||
    ts.isTypeAssertionExpression(inner) ||
    ts.isNonNullExpression(inner)
  ) {
    inner = inner.expression;
  }
  return inner;
}

/** The symbol an identifier refers to; for `{ name }` that of the variable, not of the new property. */
export function symbolOf(checker: ts.TypeChecker, node: ts.Identifier): ts.Symbol | undefined {
  return ts.isShorthandPropertyAssignment(node.parent)
    ? checker.getShorthandAssignmentValueSymbol(node.parent)
    : checker.getSymbolAtLocation(node);
}

const join = (base: string, name: string): string => (base === '' ? globalName(name) : `${base}.${name}`);
const globalName = (name: string): string => globals[name] ?? name;

function moduleName(name: string): string {
  return isBuiltin(name) && !name.startsWith('node:') ? `node:${name}` : name;
}

/** What an import stands for: `module.name`, for namespaces and defaults the module; `own` if that is the author's file. */
function importedName(declaration: ts.Declaration): { origin: string; own: boolean } | undefined {
  const clause = ts.findAncestor(declaration, ts.isImportDeclaration);
  if (clause === undefined || !ts.isStringLiteral(clause.moduleSpecifier)) return undefined;
  const { text } = clause.moduleSpecifier;
  const origin = moduleName(text);
  const own = /^[./#]/.test(text);
  if (!ts.isImportSpecifier(declaration)) return { origin, own };
  const name = (declaration.propertyName ?? declaration.name).text;
  return { origin: name === 'default' ? origin : `${origin}.${name}`, own };
}
