// What a program tells a selector, as a protocol over the same component: what members collect crosses in the graph, typed and
// counted, and the selector sends nothing itself.

import type { ProtocolDeclaration } from '../../ir/index.ts';

const peers = { name: 'peers', dtype: 'string', shape: ['K'] } as const;
const each = (name: 'weights' | 'losses') => ({ name, dtype: 'float32', shape: ['K'] }) as const;

export const selection = {
  methods: {
    /** They did not answer: `missing` of a collect. */
    Missed: { kind: 'update', inputs: [peers], options: {}, outputs: [] },
    /** They are there: `senders` of a collect. */
    Seen: { kind: 'update', inputs: [peers], options: {}, outputs: [] },
    /** Of `weighted` and `power-of-choice`: how much a member counts in a draw; what is no number above 0 counts nothing. */
    Weigh: { kind: 'update', inputs: [peers, each('weights')], options: {}, outputs: [] },
    /** Of `power-of-choice`: the loss of each at last; what is no finite number counts as the lowest. */
    Report: { kind: 'update', inputs: [peers, each('losses')], options: {}, outputs: [] },
  },
} as const satisfies ProtocolDeclaration;
