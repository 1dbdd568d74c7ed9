// Connectionist temporal classification (Graves et al. 2006, section 3.1): from one class per column to text.

import { readFileSync } from 'node:fs';

/** Class 0 is "no character here"; the last class is the space, which the file of keys does not list. */
export function readAlphabet(file: string): readonly string[] {
  const keys = readFileSync(file, 'utf8')
    .replace(/\r?\n$/, '')
    .split(/\r?\n/);
  return ['', ...keys, ' '];
}

/** Repeated classes are one character, unless a blank is between them. */
export function collapse(classes: readonly number[], alphabet: readonly string[]): string {
  let text = '';
  classes.forEach((one, column) => {
    if (one !== 0 && one !== classes[column - 1]) text += alphabet[one] ?? '\ufffd';
  });
  return text;
}
