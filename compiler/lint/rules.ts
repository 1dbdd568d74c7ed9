// The rules over graphs and plans; those over sources are the command line's, which has the sources.

import type { Rule } from './rule.ts';
import { edgeWithoutLink } from './rules/edge-without-link.ts';
import { idlePeer } from './rules/idle-peer.ts';
import { unusedParameter } from './rules/unused-parameter.ts';

export const rules: readonly Rule[] = [
  // What was recorded.
  unusedParameter,
  // What goes between peers.
  edgeWithoutLink,
  // Who does what.
  idlePeer,
];
