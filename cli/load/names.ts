// Which variable an author gave the result of a call, found by the call's position.
//
//   const h = x.matmul(w).add(b)     the call at `add`, the outermost one of the initializer, is `h`
//   h = relu(h)                      an assignment names like a declaration

import { ts } from 'ts-morph';

/** Variable names by `line:column` (from 1) of the called name. Linear in the text's length. */
export function namedCalls(file: string, text: string): ReadonlyMap<string, string> {
  const source = ts.createSourceFile(file, text, ts.ScriptTarget.ES2022, true);
  const found = new Map<string, string>();
  const visit = (node: ts.Node): void => {
    if (ts.isVariableDeclaration(node)) note(node.name, node.initializer);
    else if (ts.isBinaryExpression(node) && node.operatorToken.kind === ts.SyntaxKind.EqualsToken) {
      note(node.left, node.right);
    }
    ts.forEachChild(node, visit);
  };
  const note = (target: ts.Node, initializer: ts.Expression | undefined): void => {
    const call = outermostCall(initializer);
    if (call === undefined || !ts.isIdentifier(target)) return;
    const { line, character } = source.getLineAndCharacterOfPosition(calleePosition(call, source));
    found.set(`${line + 1}:${character + 1}`, target.text);
  };
  visit(source);
  return found;
}

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
  return inner !== undefined && ts.isCallExpression(inner) ? inner : undefined;
}

/** Where V8 says a call is: at the method's name, or at the start of the called expression. */
function calleePosition(call: ts.CallExpression, source: ts.SourceFile): number {
  const callee = call.expression;
  return (ts.isPropertyAccessExpression(callee) ? callee.name : callee).getStart(source);
}
