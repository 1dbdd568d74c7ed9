// The templates of `bbc init`: each a folder in templates/ with model.ts and topology.json.

import { readFileSync } from 'node:fs';

export interface Template {
  readonly name: string;
  readonly about: string;
  /** Whether the uncut graph can run too, for `--verify`: one with a cohort runs on nodes only. */
  readonly verifies: boolean;
}

export const templates: readonly Template[] = [
  { name: 'hello', about: 'one peer, three ops', verifies: true },
  { name: 'split', about: 'one model, cut by the compiler over a phone and a server', verifies: true },
  { name: 'cohort', about: 'phones learn together, a server averages their gradients', verifies: false },
];

/** A file of the template as it lies beside this one; the build copies the folder. */
export const templateFile = ({ name }: Template, file: string): string =>
  readFileSync(new URL(`templates/${name}/${file}`, import.meta.url), 'utf8');
