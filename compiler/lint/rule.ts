// What a lint rule is, what it finds, and what it looks at.
//
// A rule is data with one function from a view of the compilation to problems. It never changes anything, reads no
// file and throws nothing; ids are kebab-case and stable, since configurations and suppressions name them.

import type { Model, Position, Topology } from '../../ir/index.ts';
import type { DiagnosticCode } from '../../ir/messages.ts';
import type { Deployment } from '../pass.ts';
import type { PlacedGraph } from '../split/places.ts';

/** How a finding counts: an error makes `bbc lint` fail; an info is for whoever looks. */
export type FindingLevel = 'error' | 'warning' | 'info';
export const ruleLevels = ['error', 'warning', 'info', 'off'] as const;
export type RuleLevel = (typeof ruleLevels)[number];

/** Replaces [start, end) of a file of the author; offsets in UTF-16 units, as strings have them. */
export interface TextEdit {
  readonly file: string;
  readonly start: number;
  readonly end: number;
  readonly text: string;
}

/** What a rule says; the engine adds whose it is and how much it counts. */
export interface Problem {
  /** What happened. */
  readonly message: string;
  /** What to try. */
  readonly hint: string;
  readonly at?: Position | undefined;
  readonly op?: string | undefined;
  readonly value?: string | undefined;
  /** Further places, each with a word on what is there; a path has the order in which values go. */
  readonly related?: readonly { readonly message: string; readonly at?: Position | undefined }[];
  /** Lines of the file with a caret below, where the rule has them at hand. */
  readonly excerpt?: string | undefined;
  readonly fix?: readonly TextEdit[];
  /** How long the compiler waits where the author does not say it: what a fix writes down. */
  readonly derivedNs?: number | undefined;
}

export interface Finding extends Problem {
  /** Id of the rule; where the compiler itself refused, the code of its diagnostic. */
  readonly rule: string;
  readonly level: FindingLevel;
  /** The code of the compiler's diagnostic that this is; absent if a rule found it. */
  readonly code?: DiagnosticCode;
  /** The author accepts it, and says why. */
  readonly suppressed?: { readonly reason: string; readonly at: Position };
}

/** What rules look at, by how far the compilation must have come. */
export interface Views {
  /** As the author wrote it, in execution order. */
  recorded: { readonly model: Model };
  /** With every type that inference finds; nothing is taken out yet. */
  typed: { readonly model: Model };
  /** Without ops that no output needs; every op has its place. */
  placed: { readonly model: Model; readonly topology: Topology; readonly graph: PlacedGraph };
  /** Cut and guarded: programs, edges with their deadlines. `graph` is the graph that was cut. */
  bound: Views['placed'] & Deployment;
}
export type View = keyof Views;

/** A small program that has the problem, or has it not: documentation of its rule, and its test. */
export interface Example {
  /** An author's model.ts. */
  readonly model: string;
  /** topology.json; without it only what the author recorded is looked at. */
  readonly topology?: string;
  /** For what no author can write: a change to the compiled programs, and what it stands for. */
  readonly tampered?: {
    readonly how: string;
    readonly change: (deployment: Deployment) => Deployment;
  };
}

/** What is known of every rule, those that look at sources included. */
export interface RuleFacts {
  readonly id: string;
  /** Where the configuration says nothing. */
  readonly level: RuleLevel;
  /** One line that says what is wrong, without a full stop. */
  readonly summary: string;
  /** Why one should care, and what the rule does not see. */
  readonly rationale: string;
  readonly examples: { readonly bad: Example; readonly good: Example };
  /** Errors by which the compiler refuses what the rule is about: they are shown as its findings. */
  readonly refusals?: readonly DiagnosticCode[];
}

export interface Rule extends RuleFacts {
  readonly needs: View;
  /** What the rule finds; nothing if the compilation did not come far enough. */
  readonly check: (views: Partial<Views>) => Iterable<Problem>;
}

/** Declares a rule over the view that it needs. */
export const rule = <Needs extends View>(
  id: string,
  spec: Omit<RuleFacts, 'id'> & {
    readonly needs: Needs;
    /** `views` are those that the compilation came to, for a rule that can say more with a later one. */
    readonly run: (view: Views[Needs], views: Partial<Views>) => Iterable<Problem>;
  },
): Rule => {
  const { run, ...facts } = spec;
  return {
    ...facts,
    id,
    check: (views) => {
      const view = views[spec.needs];
      return view === undefined ? [] : run(view as Views[Needs], views);
    },
  };
};
