// Fixes that write an option into the author's call: of what rules over graphs find, from the sources.

import { ts } from '@ts-morph/common';
import { durationText, type Finding, type TextEdit } from '../../../compiler/index.ts';
import { Origins, withoutWrapping } from '../source/origin.ts';
import type { Sources } from '../source/sources.ts';

/** Adds an option to calls of some functions of ours. */
interface OptionFix {
  /** Functions, which are methods too, to how many values precede their options. */
  readonly functions: Readonly<Record<string, number>>;
  readonly name: string;
  readonly value: (at: { line: number; column: number }, derivedNs: number | undefined) => string;
  /** Whether calls that record several ops get it too: a seed would make them all draw the same. */
  readonly shared: boolean;
}

const optionFixes: Readonly<Record<string, OptionFix>> = {
  'cohort-without-deadline': {
    functions: { collect: 1 },
    name: 'within',
    // What the compiler would do anyway, now in sight. Without a topology it derives nothing, but never less than
    // ten seconds: three times that.
    value: (_, derivedNs) => `'${derivedNs === undefined ? '30s' : durationText(derivedNs)}'`,
    shared: true,
  },
  'unseeded-random': {
    functions: {
      randomNormal: 0,
      randomUniform: 0,
      randomNormalLike: 1,
      randomUniformLike: 1,
      bernoulli: 1,
      multinomial: 1,
    },
    name: 'seed',
    // Another for each call, and the same each time. Exact as a float32 up to line 16000.
    value: ({ line, column }) => String(line * 1000 + (column % 1000)),
    shared: false,
  },
};

/** Rules whose findings `--fix` can mend. */
export const fixableRules: readonly string[] = [...Object.keys(optionFixes), 'unused-suppression'];

/** The findings, with fixes where the author's call is found and its options are written there. */
export function withFixes(sources: Sources, findings: readonly Finding[]): readonly Finding[] {
  const origins = new Origins(sources.checker);
  const counts = new Map<string, number>();
  const keyOf = ({ rule, at }: Finding): string => `${rule} ${at?.file}:${at?.line}:${at?.column}`;
  // What several ops of one call need: the longest.
  const derived = new Map<string, number>();
  for (const one of findings) {
    const key = keyOf(one);
    counts.set(key, (counts.get(key) ?? 0) + 1);
    if (one.derivedNs !== undefined) derived.set(key, Math.max(derived.get(key) ?? 0, one.derivedNs));
  }
  return findings.map((one) => {
    const option = optionFixes[one.rule];
    if (option === undefined || one.fix !== undefined) return one;
    if (!option.shared && counts.get(keyOf(one)) !== 1) return one;
    const edit = optionEdit(sources, origins, { ...one, derivedNs: derived.get(keyOf(one)) }, option);
    return edit === undefined ? one : { ...one, fix: [edit] };
  });
}

function optionEdit(
  sources: Sources,
  origins: Origins,
  { at, derivedNs }: Finding,
  { functions, name, value }: OptionFix,
): TextEdit | undefined {
  if (at?.line === undefined || at.column === undefined) return undefined;
  const file = sources.files.find((one) => sources.nameOf(one) === at.file);
  const call = file && callAt(file, at.line, at.column);
  if (file === undefined || call === undefined) return undefined;
  const origin = origins.of(call.expression);
  const free = origin?.startsWith('bytesandbrains.') === true;
  const called = free ? origin.slice('bytesandbrains.'.length) : methodName(call);
  const values = called === undefined ? undefined : functions[called];
  if (values === undefined || call.arguments.some(ts.isSpreadElement)) return undefined;
  const index = free ? values : Math.max(0, values - 1);
  const property = `${name}: ${value({ line: at.line, column: at.column }, derivedNs)}`;
  const insert = (start: number, text: string): TextEdit => ({ file: at.file, start, end: start, text });
  const given = call.arguments[index];
  if (given === undefined) {
    if (call.arguments.length !== index) return undefined;
    const last = call.arguments.at(-1);
    return last === undefined
      ? insert(call.end - 1, `{ ${property} }`)
      : insert(last.end, `, { ${property} }`);
  }
  const options = withoutWrapping(given);
  // What is spread into the options may say it already.
  if (!ts.isObjectLiteralExpression(options) || options.properties.some(ts.isSpreadAssignment)) {
    return undefined;
  }
  const last = options.properties.at(-1);
  return last === undefined
    ? { file: at.file, start: options.getStart(file), end: options.end, text: `{ ${property} }` }
    : insert(last.end, `, ${property}`);
}

const methodName = ({ expression }: ts.CallExpression): string | undefined =>
  ts.isPropertyAccessExpression(expression) ? expression.name.text : undefined;

/** The call whose name begins there: the position that a recording gives to what the call records. */
function callAt(file: ts.SourceFile, line: number, column: number): ts.CallExpression | undefined {
  if (line > file.getLineStarts().length) return undefined;
  const position = file.getPositionOfLineAndCharacter(line - 1, 0) + column - 1;
  let found: ts.CallExpression | undefined;
  const visit = (node: ts.Node): void => {
    if (position < node.pos || position >= node.end) return;
    if (ts.isCallExpression(node)) {
      const callee = node.expression;
      const name = ts.isPropertyAccessExpression(callee) ? callee.name : callee;
      if (name.getStart(file) === position) found = node;
    }
    ts.forEachChild(node, visit);
  };
  visit(file);
  return found;
}
