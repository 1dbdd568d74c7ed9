// A recording in the making: the graph so far, and where in the author's program we are.
//
// Author functions (`input`, `matmul`, …) are free functions, so the recording they add to is a variable of
// this module. It is set for the duration of one `record` call and nothing else survives that call.

import {
  type Attribute,
  DEFAULT_OPSET,
  type Diagnostic,
  type DiagnosticContext,
  DiagnosticError,
  diagnostic,
  type GraphId,
  isMany,
  isPartOf,
  ModelEditor,
  NO_VALUE,
  type OpId,
  type Place,
  type Position,
  placeKey,
  reaches,
  samePlace,
  type ValueId,
  type ValueType,
} from '../ir/index.ts';
import type { DiagnosticCode, messages } from '../ir/messages.ts';
import type { Environment, Site } from './environment.ts';

/** What the recording knows of a value beside the graph. */
export interface Fact {
  readonly id: ValueId;
  readonly type: ValueType | undefined;
  /** The cohort at whose members it lives, if the author's places tell. */
  readonly cohort: Place | undefined;
  /** Whether `when` may have declined it, directly or through an op's input. */
  readonly declinable: boolean;
  /** The entry in whose flows it is; undefined for what was recorded outside of entries, and for constants. */
  readonly entry: string | undefined;
}

/** A named way to start the module. */
export interface RecordedEntry {
  readonly name: string;
  /** Where its flows begin. */
  readonly place: Place;
  readonly bootstrap: boolean;
  /** True, once a flow has begun. */
  readonly started: Fact;
  readonly arguments: ReadonlyMap<string, Fact>;
  /** What the arguments are in a flow that was called; of an event's values nothing is. */
  readonly initial: ReadonlyMap<string, Fact>;
}

/** A graph that ops are being added to. Lists are kept here, since the editor copies a graph on each change. */
interface OpenGraph {
  readonly id: GraphId;
  readonly ops: OpId[];
  readonly inputs: ValueId[];
  readonly outputs: ValueId[];
  /** How many `on` were open when it was: they hold for the op that holds it. */
  readonly placesAround: number;
}

export interface OpRequest {
  readonly domain?: string;
  readonly type: string;
  readonly inputs: readonly ValueId[];
  readonly outputs: readonly ValueId[];
  readonly attributes?: readonly Attribute[];
  /** undefined: that of the `on` around; null: none. */
  readonly place?: Place | null | undefined;
}

type Arguments<Code extends DiagnosticCode> = Parameters<(typeof messages)[Code]['text']>[0];
// biome-ignore lint/complexity/noBannedTypes: any function marks where the author's frames begin
type Caller = Function;

export class Recorder {
  readonly name: string;
  readonly environment: Environment;
  readonly editor: ModelEditor;
  readonly main: GraphId;
  /** Facts by value id; what the graph itself holds is not repeated. */
  readonly facts = new Map<ValueId, Fact>();
  /** The imported model whose opsets rule. */
  imported:
    | { readonly file: string; readonly opsets: ReadonlyMap<string, number>; readonly irVersion: number }
    | undefined;
  /** The opsets to which imported models are converted: what the module states, or an earlier attempt found. */
  readonly opsets: ReadonlyMap<string, number> | undefined;
  /** What the next attempt has to know: imported models differ. */
  meeting: ReadonlyMap<string, number> | undefined;
  /** Ops of ONNX that the author called, to be put into the form of the program's opset. */
  readonly authored: OpId[] = [];
  /** The opset that the module asks for. */
  readonly statedOpset: number | undefined;
  /** Lowest opset that has every op recorded so far, unless the module states one or an imported model rules. */
  opset = DEFAULT_OPSET;
  readonly initializers: ValueId[] = [];
  /** Names of imported ops, which runtimes want unique. */
  readonly opNames = new Set<string>();
  readonly keys = new Set<string>();
  /** How many `update`s are recorded; each has a number that its read and assignment share. */
  updates = 0;
  /** Imported models by path, and whatever else is made once per recording. */
  readonly once = new Map<string, unknown>();
  readonly diagnostics: Diagnostic[] = [];
  readonly entries = new Map<string, RecordedEntry>();
  /** The entry whose body is being recorded. */
  openEntry: string | undefined;
  /** Whether a flow may follow another: there is a `next`. */
  goesOn = false;
  /** Domains beside ONNX's own that ops were recorded of, with the versions that the program imports. */
  readonly domains = new Map<string, number>();
  /** Names of components' slots. */
  readonly slots = new Set<string>();
  /** Ops in bodies of control flow. */
  readonly inner: OpId[] = [];
  /** Run when the body is done. */
  readonly finishers: (() => void)[] = [];

  readonly #open: OpenGraph[] = [];
  readonly #scopes: string[] = [];
  /** What is being recorded to be recomputed. */
  #recomputed: string | undefined;
  readonly #recomputedNames = new Map<string, number>();
  readonly #places: Place[] = [];
  readonly #scopeNames = new Map<string, number>();
  readonly #holders = new Map<string, ValueId>();
  readonly #nextSuffix = new Map<string, number>();
  #site: Site | undefined;
  #busy = false;

  constructor(
    name: string,
    environment: Environment,
    statedOpset?: number,
    opsets: ReadonlyMap<string, number> | undefined = statedOpset === undefined
      ? undefined
      : new Map([['', statedOpset]]),
  ) {
    this.name = name;
    this.statedOpset = statedOpset;
    this.opsets = opsets;
    this.environment = environment;
    this.editor = new ModelEditor({ irVersion: 0, opsets: new Map(), file: environment.file });
    this.main = this.editor.addGraph({ kind: 'main', name });
    this.editor.main = this.main;
    this.#open.push({ id: this.main, ops: [], inputs: [], outputs: [], placesAround: 0 });
  }

  /** The graph that ops go to: the main graph, or the innermost subgraph being recorded. */
  get graph(): OpenGraph {
    return this.#open.at(-1)!;
  }
  /** Whether the graph being recorded may read a value: it, or a graph around it, has the value. */
  sees(id: ValueId): boolean {
    const { graph } = this.editor.value(id);
    return this.#open.some((open) => open.id === graph);
  }
  get mainGraph(): OpenGraph {
    return this.#open[0]!;
  }
  get scope(): string {
    return this.#scopes.join('.');
  }
  /** The place of the innermost `on`. */
  get place(): Place | undefined {
    return this.#places.at(-1);
  }
  /** The innermost place around that is not `inner`. */
  placeAround(inner: Place): Place | undefined {
    return this.#places.findLast((place) => !samePlace(place, inner));
  }
  /** Whether what is recorded now is part of a model-local function. */
  get isInFunction(): boolean {
    let graph = this.editor.graph(this.graph.id);
    while (graph.parent !== undefined) graph = this.editor.graph(graph.parent);
    return graph.kind === 'function';
  }
  get site(): Site | undefined {
    return this.#site;
  }

  /** Runs `body` as one call of the author: everything it records stands at the line that called `caller`. */
  call<R>(caller: Caller, body: () => R): R {
    if (this.#busy) return body();
    this.#site = this.environment.locate(stackAt(caller));
    this.#busy = true;
    try {
      return body();
    } finally {
      this.#busy = false;
      this.#site = undefined;
    }
  }

  /** Runs author code from inside a `call`: its own calls have lines of their own again. */
  callback<R>(body: () => R): R {
    const [site, busy] = [this.#site, this.#busy];
    this.#busy = false;
    try {
      return body();
    } finally {
      this.#site = site;
      this.#busy = busy;
    }
  }

  /** Runs `body`, whose ops stand at the author's line but are not what the author's variable is. */
  unnamed<R>(body: () => R): R {
    const site = this.#site;
    this.#site = site && { at: site.at };
    try {
      return body();
    } finally {
      this.#site = site;
    }
  }

  /** A model-local function: `body` gives its outputs, and may read its inputs and nothing around it. */
  inFunction(name: string, body: (graph: OpenGraph) => readonly ValueId[]): GraphId {
    return this.#inGraph(this.editor.addGraph({ kind: 'function', name }), body);
  }

  inScope<R>(name: string, body: () => R): R {
    const path = this.qualified(name);
    const count = this.#scopeNames.get(path) ?? 0;
    this.#scopeNames.set(path, count + 1);
    this.#scopes.push(count === 0 ? name : `${name}_${count}`);
    try {
      return body();
    } finally {
      this.#scopes.pop();
    }
  }

  get recomputed(): string | undefined {
    return this.#recomputed;
  }
  /** Ops of `body` are computed again for gradients; those of what it calls too, as one. */
  recomputing<R>(name: string, body: () => R): R {
    if (this.#recomputed !== undefined) return body();
    const path = this.qualified(name);
    const count = this.#recomputedNames.get(path) ?? 0;
    this.#recomputedNames.set(path, count + 1);
    this.#recomputed = count === 0 ? path : `${path}_${count}`;
    try {
      return body();
    } finally {
      this.#recomputed = undefined;
    }
  }

  /** Runs the body of an entry. */
  inEntry<R>(name: string, body: () => R): R {
    this.openEntry = name;
    try {
      return body();
    } finally {
      this.openEntry = undefined;
    }
  }

  /** The place as flows of the entry know it that is being recorded. */
  inOpenEntry(place: Place): Place {
    return this.openEntry === undefined ? place : { ...place, entry: this.openEntry };
  }

  atPlace<R>(place: Place, body: () => R): R {
    this.#places.push(place);
    try {
      return body();
    } finally {
      this.#places.pop();
    }
  }

  /** Records a subgraph of the op to come: `body` gives its outputs. */
  inSubgraph(name: string, body: (graph: OpenGraph) => readonly ValueId[]): GraphId {
    return this.#inGraph(this.editor.addGraph({ kind: 'subgraph', name, parent: this.graph.id }), body);
  }

  #inGraph(id: GraphId, body: (graph: OpenGraph) => readonly ValueId[]): GraphId {
    const graph: OpenGraph = { id, ops: [], inputs: [], outputs: [], placesAround: this.#places.length };
    this.#open.push(graph);
    try {
      graph.outputs.push(...body(graph));
    } finally {
      this.#open.pop();
    }
    this.inner.push(...graph.ops);
    this.editor.setGraph(id, { ops: graph.ops, inputs: graph.inputs, outputs: graph.outputs });
    return id;
  }

  /** Runs `body` as if it stood in the main graph and at a place, so that whatever is recorded later may read what it makes. */
  inMain<R>(place: Place | undefined, body: () => R): R {
    const recomputed = this.#recomputed;
    this.#recomputed = undefined;
    this.#open.push(this.mainGraph);
    try {
      return this.unnamed(() => (place === undefined ? body() : this.atPlace(place, body)));
    } finally {
      this.#open.pop();
      this.#recomputed = recomputed;
    }
  }

  qualified(name: string): string {
    const scope = this.scope;
    return scope === '' ? name : `${scope}.${name}`;
  }

  /** `name`, or `name_1`, `name_2` … if it is taken. Names are unique over all graphs of a recording. */
  unique(name: string): string {
    if (!this.#holders.has(name)) return name;
    let next = this.#nextSuffix.get(name) ?? 1;
    while (this.#holders.has(`${name}_${next}`)) next++;
    this.#nextSuffix.set(name, next + 1);
    return `${name}_${next}`;
  }
  /** `unique`, and taken from now on; {@link adopt} says by which value. */
  reserve(name: string): string {
    const free = this.unique(name);
    this.#holders.set(free, NO_VALUE);
    return free;
  }
  /** The value of this name. */
  holderOf(name: string): ValueId | undefined {
    return this.#holders.get(name);
  }
  rename(id: ValueId, wanted: string): void {
    const before = this.editor.value(id).name;
    if (before === wanted) return;
    this.#holders.delete(before);
    this.#nextSuffix.delete(before);
    const name = this.unique(wanted);
    this.#holders.set(name, id);
    this.editor.setValue(id, { name });
  }
  /** Gives the value that has this name another one. */
  displace(name: string): void {
    const holder = this.#holders.get(name);
    if (holder === undefined || holder === NO_VALUE) return;
    const other = this.unique(name);
    this.#holders.set(other, holder);
    this.#holders.delete(name);
    this.editor.setValue(holder, { name: other });
  }
  /** Notes a value that was added to the graph otherwise. */
  adopt(fact: Fact): void {
    this.facts.set(fact.id, fact);
    this.#holders.set(this.editor.value(fact.id).name, fact.id);
  }

  addValue(name: string, type: ValueType | undefined, fact: Partial<Fact> = {}, graph = this.graph.id): Fact {
    const at = this.#site?.at;
    const id = this.editor.addValue(graph, {
      name: this.unique(name),
      ...(type !== undefined && { type }),
      ...(at !== undefined && { at }),
    });
    const full: Fact = {
      cohort: undefined,
      declinable: false,
      entry: this.openEntry,
      ...fact,
      id,
      type,
    };
    this.adopt(full);
    return full;
  }

  addOp(request: OpRequest): OpId {
    const { graph } = this;
    const at = this.#site?.at;
    const place = request.place === null ? undefined : (request.place ?? this.place);
    const id = this.editor.addOp(graph.id, {
      domain: request.domain ?? '',
      type: request.type,
      inputs: request.inputs,
      outputs: request.outputs,
      attributes: request.attributes ?? [],
      ...(at !== undefined && { at }),
      ...(this.scope !== '' && { scope: this.scope }),
      ...(this.#recomputed !== undefined && { recompute: this.#recomputed }),
      // Ops of subgraphs live where the op that holds them lives, unless an `on` in the subgraph says otherwise.
      ...(place !== undefined &&
        (graph.id === this.main || this.#places.length > graph.placesAround) && {
          place: this.inOpenEntry(place),
        }),
    });
    graph.ops.push(id);
    return id;
  }

  /**
   * Where the result of an op over `inputs` lives if that is a cohort; an error if values cannot meet there. `place`: by
   * default that of the `on` around; null: wherever they are.
   */
  meet(op: string, inputs: readonly Fact[], place: Place | null | undefined = this.place): Place | undefined {
    let found: Fact | undefined;
    for (const input of inputs) {
      if (input.cohort === undefined) continue;
      const [before, next] = [found?.cohort, input.cohort];
      if (before !== undefined && !reaches(next, before) && !reaches(before, next))
        this.fail('BB306', { op, from: placeKey(next), to: placeKey(before) }, this.#made(input, found!));
      // Where two parts of a cohort meet, their author says with `on`.
      if (before === undefined || (isPartOf(next, before) && !isPartOf(before, next))) found = input;
    }
    if (!place) return found?.cohort;
    for (const input of inputs)
      if (input.cohort !== undefined && !reaches(input.cohort, place))
        this.fail('BB306', { op, from: placeKey(input.cohort), to: placeKey(place) }, this.#made(input));
    return isMany(place) ? place : undefined;
  }

  #made(...facts: readonly Fact[]): DiagnosticContext {
    return {
      related: facts.map((fact) => {
        const value = this.editor.value(fact.id);
        return {
          message: `${value.name}, at ${placeKey(fact.cohort!)}, is made here`,
          ...(value.at !== undefined && { at: value.at }),
        };
      }),
    };
  }

  /** Throws a diagnostic at the author's line. */
  fail<Code extends DiagnosticCode>(
    code: Code,
    args: Arguments<Code>,
    context: DiagnosticContext = {},
  ): never {
    const at: Position | undefined = this.#site?.at;
    throw new DiagnosticError(diagnostic(code, args, { ...(at !== undefined && { at }), ...context }));
  }
}

let current: Recorder | undefined;

/** The recording under way. `what` is the function that needs it. */
export function recorder(what: string): Recorder {
  if (current === undefined) throw new DiagnosticError(diagnostic('BB301', { what }));
  return current;
}

/** The place around, if anything is being recorded, and at a place. */
export const placeHere = (): Place | undefined => current?.place;

/** Runs `body` with `recording` as the recording under way. */
export function recording<R>(next: Recorder, body: () => R): R {
  const before = current;
  current = next;
  try {
    return body();
  } finally {
    current = before;
  }
}

/** The stack whose first and only frame is the one that called `caller`; "" where the engine cannot tell. */
function stackAt(caller: Caller): string {
  if (Error.captureStackTrace === undefined) return '';
  const limit = Error.stackTraceLimit;
  Error.stackTraceLimit = 1;
  const holder: { stack?: string } = {};
  Error.captureStackTrace(holder, caller);
  Error.stackTraceLimit = limit;
  return holder.stack ?? '';
}
