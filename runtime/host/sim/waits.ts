// What the flows of a world wait for.

import { reportsOf, type WaitReport } from '../observe/waiting.ts';
import type { World } from './world.ts';

/** At every peer that is up. */
export const waitingIn = ({ peers, now }: World): readonly WaitReport[] =>
  [...peers.values()].flatMap(({ id, node }) => (node === undefined ? [] : reportsOf(id, node.waiting, now)));
