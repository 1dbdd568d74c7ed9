// Texts as an attacker would make them: pieces taken out and put in anywhere.

import fc from 'fast-check';

export interface Edit {
  readonly at: number;
  readonly remove: number;
  readonly insert: string;
}

export const edit = (pieces: fc.Arbitrary<string>): fc.Arbitrary<Edit> =>
  fc.record({
    at: fc.nat(5000),
    remove: fc.nat(20),
    insert: fc.oneof(pieces, fc.string({ maxLength: 6 })),
  });

export const edited = (text: string, edits: readonly Edit[]): string =>
  edits.reduce((all, { at, remove, insert }) => {
    const place = at % (all.length + 1);
    return all.slice(0, place) + insert + all.slice(place + remove);
  }, text);
