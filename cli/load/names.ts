// Which variable an author gave the result of a call, found by the call's position.
//
//   const h = x.matmul(w).add(b)     the call at `add`, the outermost one of the initializer, is `h`
//   const h = net(weights)(x)        the call of what a call gives
//   const { a, b } = split(x)        the call at `split` names its results: a → a, b → b
//   h = relu(h)                      an assignment names like a declaration
//   const h = on(phone, () => f(x))  what is done somewhere: the call that the body gives
//   const h = f(x).declassify('…')   a mark makes no value: the call that it is put on

import { ts } from '@ts-morph/common';

/** Lines and columns count from 1. */
export interface CallName {
  /** `const h = call()` */
  readonly name?: string;
  /** `const { key: name } = call()`, `const [name0, name1] = call()`: by property name or index. */
  readonly names?: ReadonlyMap<string, string>;
}

/** Every named call of a source text, by `line:column` of the called name. Linear in the text's length. */
export function namedCalls(file: string, text: string): ReadonlyMap<string, CallName> {
  const source = ts.createSourceFile(file, text, ts.ScriptTarget.ES2022, true);
  const found = new Map<string, CallName>();
  const visit = (node: ts.Node): void => {
    if (ts.isVariableDeclaration(node)) note(node.name, node.initializer);
    else if (ts.isBinaryExpression(node) && node.operatorToken.kind === ts.SyntaxKind.EqualsToken) {
      note(node.left, node.right);
    }
    ts.forEachChild(node, visit);
  };
  const note = (target: ts.Node, initializer: ts.Expression | undefined): void => {
    const call = outermostCall(initializer);
    const name = call && nameOf(target);
    if (!call || !name) return;
    const { line, character } = source.getLineAndCharacterOfPosition(calleePosition(call, source));
    found.set(`${line + 1}:${character + 1}`, name);
  };
  visit(source);
  return found;
}

const marks = new Set<string>(['declassify', 'declassifyGradient']);

function outermostCall(expression: ts.Expression | undefined): ts.CallExpression | undefined {
  let inner = expression;
  while (
    inner !== undefined &&
    (ts.isParenthesizedExpression(inner) ||
      ts.isAsExpression(inner) ||
      ts.isSatisfiesExpression(inner) ||
      ts.isNonNullExpression(inner) ||
      ts.isAwaitExpression(inner))
  ) {
    inner = inner.expression;
  }
  if (inner === undefined || !ts.isCallExpression(inner)) return undefined;
  const { expression: callee } = inner;
  if (ts.isPropertyAccessExpression(callee) && marks.has(callee.name.text))
    return outermostCall(callee.expression) ?? inner;
  const body = bodyOfOn(inner);
  return body === undefined ? inner : outermostCall(body);
}

/** What `on(place, () => expression)` or `on(place, () => { …; return expression })` gives. */
function bodyOfOn({ expression, arguments: given }: ts.CallExpression): ts.Expression | undefined {
  const body = given[1];
  if (!ts.isIdentifier(expression) || expression.text !== 'on' || !body || !ts.isArrowFunction(body)) {
    return undefined;
  }
  if (!ts.isBlock(body.body)) return body.body;
  const last = body.body.statements.at(-1);
  return last && ts.isReturnStatement(last) ? last.expression : undefined;
}

/**
 * Where V8 says a call is, through esbuild's source map: at the method's name, at the last character of a call whose result
 * is called, or at the start of the called expression.
 */
function calleePosition(call: ts.CallExpression, source: ts.SourceFile): number {
  const callee = call.expression;
  if (ts.isCallExpression(callee)) return callee.getEnd() - 1;
  return (ts.isPropertyAccessExpression(callee) ? callee.name : callee).getStart(source);
}

function nameOf(target: ts.Node): CallName | undefined {
  if (ts.isIdentifier(target)) return { name: target.text };
  if (ts.isObjectBindingPattern(target)) {
    const names = new Map<string, string>();
    for (const element of target.elements) {
      if (!ts.isIdentifier(element.name) || element.dotDotDotToken) continue;
      const key = element.propertyName ?? element.name;
      if (ts.isIdentifier(key) || ts.isStringLiteral(key)) names.set(key.text, element.name.text);
    }
    return { names };
  }
  if (ts.isArrayBindingPattern(target)) {
    const names = new Map<string, string>();
    target.elements.forEach((element, index) => {
      if (ts.isBindingElement(element) && ts.isIdentifier(element.name) && !element.dotDotDotToken) {
        names.set(String(index), element.name.text);
      }
    });
    return { names };
  }
  return undefined;
}
