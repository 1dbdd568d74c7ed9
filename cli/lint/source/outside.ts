// What of the outside world the author's code touches while it records, for the rules that forbid it.

import { ts } from '@ts-morph/common';
import type { Problem } from '../../../compiler/index.ts';
import { Origins } from './origin.ts';
import { walkRecorded } from './reach.ts';
import type { OutsideUse, SourceRule } from './rule.ts';
import type { Sources } from './sources.ts';

interface Use extends OutsideUse {
  readonly node: ts.Node;
}

/** What differs from process to process and is read where it is named, not where it is called. */
const isReading = (origin: string): boolean =>
  /^node:process\.(env|argv|argv0|execArgv|execPath|pid|ppid|platform|arch|versions?|title|release|config)\b/.test(
    origin,
  );

/** What each rule finds in the sources, rule by rule. */
export function checkSources(
  sources: Sources,
  rules: readonly SourceRule[],
): readonly { readonly rule: SourceRule; readonly problems: readonly Problem[] }[] {
  const origins = new Origins(sources.checker, isReading);
  const uses: Use[] = [];
  const causes = walkRecorded({
    ...sources,
    declaresModule: (call) => origins.of(call.expression) === 'bytesandbrains.module',
    visit: (node) => {
      const use = useAt(origins, node);
      if (use === undefined) return true;
      if (!isAlias(use)) uses.push(use);
      return false;
    },
  });
  return rules.map((rule) => ({
    rule,
    problems: uses.filter(rule.matches).map((use) => problemOf(rule, use, sources, causes)),
  }));
}

function problemOf(
  rule: SourceRule,
  { origin, node }: Use,
  sources: Sources,
  causes: ReadonlyMap<ts.Node, ts.Node>,
): Problem {
  const related = chainOf(node, causes).map((cause) => ({
    message: `recorded through this use of ${cause.getText()}`,
    at: sources.position(cause),
  }));
  return {
    message: rule.message(origin.replace(/^node:(perf_hooks\.|crypto\.webcrypto(?=\.))?/, '')),
    hint: rule.hint,
    ...sources.point(node),
    ...(related.length > 0 && { related }),
  };
}

function useAt(origins: Origins, node: ts.Node): Use | undefined {
  if (ts.isCallExpression(node) || ts.isNewExpression(node)) {
    const origin = origins.of(node.expression);
    if (origin === undefined) return undefined;
    const made = node.arguments?.length ? 'made' : 'made without arguments';
    return { origin, how: ts.isNewExpression(node) ? made : 'called', node: node.expression };
  }
  if (ts.isBindingElement(node)) {
    const [source, origin] = [origins.sourceOf(node), origins.ofElement(node)];
    const first = origin !== undefined && isReading(origin) && !(source !== undefined && isReading(source));
    return first ? { origin, how: 'read', node } : undefined;
  }
  if (!ts.isIdentifier(node) && !ts.isPropertyAccessExpression(node) && !ts.isElementAccessExpression(node)) {
    return undefined;
  }
  const origin = origins.of(node);
  return origin === undefined ? undefined : { origin, how: 'read', node };
}

/** `const random = Math.random`: where `random` is used tells whether it matters. */
function isAlias({ node, how, origin }: Use): boolean {
  if (how !== 'read' || isReading(origin) || !ts.isVariableDeclaration(node.parent)) return false;
  return (ts.getCombinedNodeFlags(node.parent) & ts.NodeFlags.Const) !== 0;
}

/** The uses that made the function around a node run, innermost first. */
function chainOf(node: ts.Node, causes: ReadonlyMap<ts.Node, ts.Node>): readonly ts.Node[] {
  const chain: ts.Node[] = [];
  for (let at: ts.Node | undefined = node; at !== undefined; at = at.parent) {
    const cause = causes.get(at);
    if (cause === undefined || chain.includes(cause)) continue;
    if (ts.isSourceFile(cause)) break;
    chain.push(cause);
    at = cause;
  }
  return chain;
}
