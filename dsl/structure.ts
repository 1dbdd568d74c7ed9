// Arrays and records of values, however deep, as a list and back.

export interface Leaves<T> {
  /** What is in the structure, in order, with the keys that lead there. */
  readonly values: readonly T[];
  readonly paths: readonly (readonly string[])[];
  /** The same structure around others. */
  readonly around: (values: readonly unknown[]) => unknown;
}

/** `isLeaf` tells what is no structure; so is what is neither an array nor a record. */
export function leavesOf<T>(structure: unknown, isLeaf: (thing: unknown) => boolean): Leaves<T> {
  const values: T[] = [];
  const paths: (readonly string[])[] = [];
  const visit = (thing: unknown, path: readonly string[]): ((values: readonly unknown[]) => unknown) => {
    if (isLeaf(thing) || typeof thing !== 'object' || thing === null) {
      const index = values.push(thing as T) - 1;
      paths.push(path);
      return (others) => others[index];
    }
    const parts = Object.entries(thing).map(([key, one]) => [key, visit(one, [...path, key])] as const);
    if (Array.isArray(thing)) return (others) => parts.map(([, part]) => part(others));
    return (others) => Object.fromEntries(parts.map(([key, part]) => [key, part(others)]));
  };
  const around = visit(structure, []);
  return { values, paths, around };
}
