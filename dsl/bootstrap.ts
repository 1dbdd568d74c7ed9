// What a node does first: fills an index, joins a registry, loads what a component needs.

import type { Cohort } from './cohort.ts';
import type { Duration } from './duration.ts';
import { declareEntry, type EntryPlace } from './entry.ts';
import type { Place } from './place.ts';
import { recorder } from './recorder.ts';
import { begin } from './trigger.ts';

export interface BootstrapOptions {
  /** How long any wait in it lasts that has no `within` of its own. */
  readonly within?: Duration;
}

/**
 * Declares what runs once, in a flow of its own, when a node begins; at a cohort, at each of its members. What it touches,
 * components and state, no other flow touches before it is over: who would, waits. If it does not come out complete,
 * whatever asks the components that it touched is missing, `failed`. A node that comes back with what it had does not run it again.
 * Fails (BB319) as `entry` does, and in a module without an entry.
 */
export function bootstrap<const W extends Place | Cohort>(
  name: string,
  place: EntryPlace<W> & W,
  body: () => void,
): void;
export function bootstrap<const W extends Place | Cohort>(
  name: string,
  place: EntryPlace<W> & W,
  options: BootstrapOptions,
  body: () => void,
): void;
export function bootstrap(name: string, place: Place | Cohort, ...rest: readonly unknown[]): void {
  const owner = recorder('bootstrap');
  declareEntry(bootstrap, name, place, [begin, ...rest]);
  owner.finishers.push(() => {
    const reason = 'the module says nothing else: what flows do stands in an entry';
    if ([...owner.entries.values()].every((one) => one.bootstrap))
      owner.fail('BB319', { entry: name, reason });
  });
}
