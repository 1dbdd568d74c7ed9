// What a diagnostic's wording is.

export interface Message {
  readonly severity: 'error' | 'warning';
  readonly text: (args: never) => readonly [what: string, hint: string];
}
