// Modules, and the recording of one.

import { type Diagnostic, MIN_IR_VERSION, type Model, setsOf, type ValueId } from '../ir/index.ts';
import { minIrVersion } from '../ir/ops/schema.ts';
import type { Environment } from './environment.ts';
import { settled } from './opset.ts';
import { Recorder, recorder, recording } from './recorder.ts';
import { sealEntries } from './seal.ts';

const definition: unique symbol = Symbol('bytesandbrains module');

type Body = (...args: never) => unknown;

/** An authored computation. Called inside another module's body it records its ops there, in a scope of its name. */
export type Module<B extends Body = () => unknown> = B & {
  readonly [definition]: { readonly name: string; readonly body: B; readonly opset?: number | undefined };
};

export interface ModuleOptions {
  /**
   * The opset of the program. Default: that of an imported model, else 21, raised to the lowest that has every
   * operator used. Imported models are converted to it. Without effect where the module is called by another one.
   */
  readonly opset?: number;
}

/**
 * Declares a module. A file's default export is the module that `bbc` compiles; its body takes no arguments
 * and says with `input` and `output` what enters and leaves.
 */
export function module<B extends Body>(name: string, body: B): Module<B>;
export function module<B extends Body>(name: string, options: ModuleOptions, body: B): Module<B>;
export function module<B extends Body>(name: string, first: B | ModuleOptions, second?: B): Module<B> {
  const { opset } = first as ModuleOptions;
  const body = second ?? (first as B);
  const call = (...args: never): unknown => recorder(name).inScope(name, () => body(...args));
  return Object.assign(call as B, { [definition]: { name, body, opset } });
}

/** Whether something is what {@link module} gave. */
export const isModule = (thing: unknown): thing is Module =>
  typeof thing === 'function' && definition in thing;

export interface Recorded {
  readonly model: Model;
  readonly diagnostics: readonly Diagnostic[];
}

/**
 * Runs a module's body and gives the graph it recorded: once, or a second time if it imports models of different
 * opsets, which then meet at the highest. Recording twice gives equal models.
 * Throws DiagnosticError (BB3xx, BB23x) at the author's line; what else the body throws passes through.
 */
export function record(root: Module, environment: Environment): Recorded {
  const { name, opset } = root[definition];
  const first = new Recorder(name, environment, opset);
  const model = recorded(first, root);
  if (model !== undefined) return { model, diagnostics: first.diagnostics };
  const again = new Recorder(name, environment, opset, first.meeting);
  return { model: recorded(again, root)!, diagnostics: again.diagnostics };
}

/** undefined if it did not come to its end, since the opsets of imported models differ. */
function recorded(owner: Recorder, root: Module): Model | undefined {
  const { name, body } = root[definition];
  return recording(owner, () => {
    body();
    if (owner.meeting !== undefined) return undefined;
    for (const finish of owner.finishers) finish();
    sealEntries(owner);
    if (owner.mainGraph.outputs.length === 0 && owner.entries.size === 0) {
      const at = { file: owner.environment.file };
      owner.fail('BB309', { module: name, reason: 'it has no output' }, { at });
    }
    return close(owner);
  });
}

function close(owner: Recorder): Model {
  const { editor, main, mainGraph, imported } = owner;
  const opset = owner.statedOpset ?? imported?.opsets.get('') ?? owner.opset;
  editor.setGraph(main, {
    ops: mainGraph.ops,
    inputs: mainGraph.inputs,
    outputs: mainGraph.outputs,
    initializers: owner.initializers,
  });
  const domains = [...owner.domains].sort(([a], [b]) => (a < b ? -1 : 1));
  const own = ownFunctions(owner, opset);
  editor.header = {
    ...editor.header,
    opsets: new Map([...(imported?.opsets ?? []), ...own, ['', opset], ...domains]),
    irVersion: Math.max(MIN_IR_VERSION, minIrVersion(opset), imported?.irVersion ?? 0),
  };
  return withoutUnread(settled(owner, editor.finish(), opset));
}

/** The domains of functions that the recording defined itself, whose opsets are those of the program. */
function ownFunctions({ editor }: Recorder, opset: number): readonly (readonly [string, number])[] {
  const own = editor.functions.filter((fn) => fn.opsets.size === 0);
  const domains = [...new Set(own.map((fn) => fn.domain))].map((domain) => [domain, 1] as const);
  editor.functions = editor.functions.map((fn) =>
    fn.opsets.size === 0 ? { ...fn, opsets: new Map([...domains, ['', opset]]) } : fn,
  );
  return domains;
}

/** Without constants that became attributes, and weights that nobody reads. */
function withoutUnread(model: Model): Model {
  const { initializers } = model.mainGraph;
  const sets = new Set([...model.opsOf()].flatMap(({ place }) => (place === undefined ? [] : setsOf(place))));
  const isRead = (id: ValueId): boolean => model.uses(id).length > 0 || sets.has(id);
  if (initializers.every(isRead)) return model;
  const editor = model.edit();
  editor.setGraph(model.main, { initializers: initializers.filter(isRead) });
  for (const id of initializers) if (!isRead(id)) editor.removeValue(id);
  return editor.finish();
}
