// The programs of the semantics have nothing that lints find, but for what is said here.

import { readdirSync } from 'node:fs';
import path from 'node:path';
import { expect, test } from 'vitest';
import { lint } from '../../compiler/index.ts';
import type { Module } from '../../dsl/index.ts';
import { recorded } from '../support/deploy.ts';
import { topologyIn } from '../support/simulated.ts';

const missing = (what: string): string => `unhandled-missing: ${what}`;
const anyMember = 'is missing as soon as one member does not answer';
/** What stands, by program. */
const meant: Readonly<Record<string, readonly string[]>> = {
  // One that is silent is not accused: nothing is told then.
  'challenge.ts': [missing(`output out ${anyMember}`)],
  // A fixture, in which all are there: shares of whoever is silent would be missing from the sum.
  'joint-averaging.ts': [
    missing(
      'x is assigned a value that is missing if too few members answer: then the whole fragment is void',
    ),
    missing(`output x ${anyMember}`),
  ],
  // A leader that no majority hears is none any more.
  'leader.ts': [
    missing("next('lead') is given a value that is missing if too few members answer: then the session ends"),
  ],
};

const folder = path.join(import.meta.dirname, '../support/programs');
test.each(readdirSync(folder).filter((name) => name !== 'pick.ts'))('%s', async (name) => {
  const { default: program, topology } = (await import(path.join(folder, name))) as {
    readonly default: Module;
    readonly topology: object;
  };
  const found = lint(recorded(program), { topology: topologyIn(topology) });
  const told = found
    .filter(({ level }) => level !== 'info')
    .map(({ rule, message }) => `${rule}: ${message}`);
  expect(told).toEqual(meant[name] ?? []);
});
