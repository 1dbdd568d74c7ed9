// What a recording needs from outside: files beside the module, and where in its source a call stands.

import type { ByteSource, Model, Position } from '../ir/index.ts';

/** Where the author wrote a call. */
export interface Site {
  readonly at: Position;
  /**
   * The variable that the outermost call of an expression initialises: `h` for the `add` of
   * `const h = x.matmul(w).add(b)`, nothing for its `matmul`.
   */
  readonly name?: string;
  /** `const { key: name } = call()`, `const [name0] = call()`: variables by property name or index. */
  readonly names?: ReadonlyMap<string, string>;
}

export interface Environment {
  /** The module's file, as diagnostics name it. */
  readonly file: string;
  /** Opens a file by its path relative to the module's folder. Throws DiagnosticError if it cannot. */
  open(path: string): ByteSource;
  /** Maps a captured stack, whose first frame is the author's call, to the author's source; undefined if it is not there. */
  locate(stack: string): Site | undefined;
  /** An imported model with the types that can be inferred, for its conversion to the opset of another one. */
  readonly infer?: (model: Model) => Model;
}
