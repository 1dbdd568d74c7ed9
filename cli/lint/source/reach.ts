// Which of the author's code runs while a module is recorded: the top level of every file that is evaluated, and
// every function that such code names. A function that nobody names does not run, nor does the body of a module
// that is neither the default export nor called.

import { ts } from '@ts-morph/common';
import { symbolOf, withoutWrapping } from './origin.ts';

export interface ReachOptions {
  readonly checker: ts.TypeChecker;
  readonly entry: ts.SourceFile;
  /** The author's files; no others are looked into. */
  readonly files: readonly ts.SourceFile[];
  /** Whether a call declares a module, whose body runs only when the module is used. */
  readonly declaresModule: (call: ts.CallExpression) => boolean;
  /** Called for everything that may run, once each; says whether to look inside. Arguments are looked at anyway. */
  readonly visit: (node: ts.Node) => boolean;
}

/** Walks all that may run while recording. Gives, by function (or other sleeping node), where it was named first. */
export function walkRecorded(options: ReachOptions): ReadonlyMap<ts.Node, ts.Node> {
  const reach = new Reach(options);
  reach.run();
  return reach.causes;
}

class Reach {
  readonly causes = new Map<ts.Node, ts.Node>();
  readonly #options: ReachOptions;
  readonly #files: ReadonlySet<ts.SourceFile>;
  readonly #queue: ts.Node[] = [];
  readonly #seen = new Set<ts.Node>();
  /** What runs once a declaration is named. */
  readonly #sleeping = new Map<ts.Node, readonly ts.Node[]>();
  /** By declaration: what named it first. */
  readonly #named = new Map<ts.Node, ts.Node>();
  /** Functions in classes and in constant objects: they run once a property of their name is read. */
  readonly #members = new Map<string, ts.Node[]>();
  readonly #read = new Map<string, ts.Node>();

  constructor(options: ReachOptions) {
    this.#options = options;
    this.#files = new Set(options.files);
  }

  run(): void {
    const { checker, entry } = this.#options;
    this.#wake(entry);
    const file = checker.getSymbolAtLocation(entry);
    const exported = file && checker.getExportsOfModule(file).find((one) => one.name === 'default');
    if (exported !== undefined) this.#nameSymbol(exported, entry);
    for (let next = this.#queue.pop(); next !== undefined; next = this.#queue.pop()) {
      ts.forEachChild(next, (child) => this.#walk(child));
    }
  }

  #wake(node: ts.Node, cause?: ts.Node): void {
    if (this.#seen.has(node)) return;
    this.#seen.add(node);
    if (cause !== undefined) this.causes.set(node, cause);
    this.#queue.push(node);
  }

  #walk(node: ts.Node): void {
    if (ts.isTypeNode(node) || ts.isInterfaceDeclaration(node) || ts.isTypeAliasDeclaration(node)) return;
    if (isNameOnly(node)) return;
    if (ts.isImportDeclaration(node) || ts.isExportDeclaration(node)) this.#enterFile(node);
    else if (ts.isFunctionDeclaration(node)) this.#sleep(node, [node]);
    else if (ts.isClassLike(node)) this.#enterClass(node);
    else if (ts.isVariableDeclaration(node)) this.#enterVariable(node);
    else this.#enterExpression(node);
  }

  #enterExpression(node: ts.Node): void {
    if (!this.#options.visit(node)) {
      if (ts.isCallExpression(node) || ts.isNewExpression(node)) {
        node.arguments?.forEach((argument) => {
          this.#walk(argument);
        });
      }
      return;
    }
    if (ts.isIdentifier(node)) this.#nameIdentifier(node);
    else if (ts.isPropertyAccessExpression(node)) {
      this.#readMember(node.name.text, node);
      // `lib.noise` of `import * as lib`.
      if (ts.isIdentifier(node.name)) this.#nameIdentifier(node.name);
    } else if (ts.isElementAccessExpression(node) && ts.isStringLiteralLike(node.argumentExpression)) {
      this.#readMember(node.argumentExpression.text, node);
    } else if (ts.isBindingElement(node)) {
      const key = node.propertyName ?? node.name;
      if (ts.isIdentifier(key)) this.#readMember(key.text, node);
    }
    ts.forEachChild(node, (child) => this.#walk(child));
  }

  /** A variable's initializer runs, but not the function that it may be. */
  #enterVariable(node: ts.VariableDeclaration): void {
    const { initializer } = node;
    if (!ts.isIdentifier(node.name)) this.#walk(node.name);
    if (initializer === undefined) return;
    const value = withoutWrapping(initializer);
    if (ts.isArrowFunction(value) || ts.isFunctionExpression(value)) this.#sleep(node, [value]);
    else if (ts.isObjectLiteralExpression(value) && ts.isIdentifier(node.name)) {
      this.#enterObject(node, value);
    } else if (ts.isCallExpression(value) && this.#options.declaresModule(value)) {
      this.#sleep(node, value.arguments);
    } else this.#walk(initializer);
  }

  /** The functions in an object run once a property of their name is read, or the object is handed on. */
  #enterObject(node: ts.VariableDeclaration, value: ts.ObjectLiteralExpression): void {
    const functions: ts.Node[] = [];
    for (const property of value.properties) {
      const body = ts.isPropertyAssignment(property) ? withoutWrapping(property.initializer) : property;
      const name = property.name && plainName(property.name);
      if (name !== undefined && ts.isFunctionLike(body)) {
        functions.push(body);
        this.#addMember(name, body);
      } else this.#walk(property);
    }
    this.#sleep(node, functions);
  }

  /** A class that is named may be made; its methods run once a property of their name is read. */
  #enterClass(node: ts.ClassLikeDeclaration): void {
    const always: ts.Node[] = [];
    for (const member of node.members) {
      const name = member.name && plainName(member.name);
      if (
        ts.isClassStaticBlockDeclaration(member) ||
        (ts.isPropertyDeclaration(member) && isStatic(member))
      ) {
        this.#wake(member);
      } else if (ts.isPropertyDeclaration(member) || name === undefined || implicit.has(name)) {
        always.push(member);
      } else this.#addMember(name, member);
    }
    for (const { types } of node.heritageClauses ?? []) {
      for (const type of types) this.#walk(type.expression);
    }
    this.#sleep(node, always);
    // An expression has no name to wait for.
    if (ts.isClassExpression(node)) this.#nameDeclaration(node, node);
  }

  #addMember(name: string, node: ts.Node): void {
    const cause = this.#read.get(name);
    if (cause !== undefined) this.#wake(node, cause);
    const members = this.#members.get(name);
    if (members === undefined) this.#members.set(name, [node]);
    else members.push(node);
  }

  #readMember(name: string, cause: ts.Node): void {
    if (this.#read.has(name)) return;
    this.#read.set(name, cause);
    for (const node of this.#members.get(name) ?? []) this.#wake(node, cause);
  }

  #sleep(declaration: ts.Node, nodes: readonly ts.Node[]): void {
    this.#sleeping.set(declaration, nodes);
    const cause = this.#named.get(declaration);
    if (cause !== undefined) for (const node of nodes) this.#wake(node, cause);
  }

  #nameDeclaration(declaration: ts.Node, cause: ts.Node): void {
    if (this.#named.has(declaration)) return;
    this.#named.set(declaration, cause);
    for (const node of this.#sleeping.get(declaration) ?? []) this.#wake(node, cause);
  }

  #nameIdentifier(node: ts.Identifier): void {
    const symbol = symbolOf(this.#options.checker, node);
    if (symbol !== undefined) this.#nameSymbol(symbol, node);
  }

  #nameSymbol(symbol: ts.Symbol, cause: ts.Node): void {
    const { checker } = this.#options;
    const target = symbol.flags & ts.SymbolFlags.Alias ? checker.getAliasedSymbol(symbol) : symbol;
    // `tools.now()` runs `now`, and nothing else of the object.
    const { parent } = cause;
    const isBase =
      !ts.isSourceFile(cause) && ts.isPropertyAccessExpression(parent) && parent.expression === cause;
    for (const declaration of target.declarations ?? []) {
      if (!(isBase && holdsObject(declaration))) this.#nameDeclaration(declaration, cause);
    }
  }

  /** The file behind an import that is there at run time; types alone leave nothing. */
  #enterFile(node: ts.ImportDeclaration | ts.ExportDeclaration): void {
    if (node.moduleSpecifier === undefined || (ts.isExportDeclaration(node) && node.isTypeOnly)) return;
    const { checker } = this.#options;
    const file = checker.getSymbolAtLocation(node.moduleSpecifier)?.declarations?.find(ts.isSourceFile);
    if (file === undefined || !this.#files.has(file)) return;
    if (ts.isExportDeclaration(node) || takesValues(checker, node)) this.#wake(file);
  }
}

/** Methods that JavaScript calls by itself. */
const implicit = new Set(['constructor', 'toString', 'valueOf', 'toJSON', 'then']);

const plainName = (name: ts.PropertyName): string | undefined =>
  ts.isIdentifier(name) || ts.isStringLiteral(name) || ts.isPrivateIdentifier(name) ? name.text : undefined;

const isStatic = (node: ts.PropertyDeclaration): boolean =>
  node.modifiers?.some((one) => one.kind === ts.SyntaxKind.StaticKeyword) === true;

/** The name of a declaration, of a property, or of a member that is read: nothing is evaluated there. */
function isNameOnly(node: ts.Node): boolean {
  if (!ts.isIdentifier(node)) return false;
  const { parent } = node;
  if (ts.isShorthandPropertyAssignment(parent)) return false;
  const named = parent as { readonly name?: ts.Node; readonly propertyName?: ts.Node };
  return named.name === node || named.propertyName === node;
}

const holdsObject = (node: ts.Node): boolean =>
  ts.isVariableDeclaration(node) &&
  node.initializer !== undefined &&
  ts.isObjectLiteralExpression(withoutWrapping(node.initializer));

function takesValues(checker: ts.TypeChecker, { importClause }: ts.ImportDeclaration): boolean {
  if (importClause === undefined) return true;
  if (importClause.isTypeOnly) return false;
  const { name, namedBindings } = importClause;
  if (name !== undefined || (namedBindings !== undefined && ts.isNamespaceImport(namedBindings))) return true;
  return (namedBindings?.elements ?? []).some((element) => {
    const symbol = element.isTypeOnly ? undefined : checker.getSymbolAtLocation(element.name);
    return symbol !== undefined && (checker.getAliasedSymbol(symbol).flags & ts.SymbolFlags.Value) !== 0;
  });
}
