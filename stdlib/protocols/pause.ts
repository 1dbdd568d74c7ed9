// What a program asks of a pause: what is to be tried again shall not be so at once.

import type { ProtocolDeclaration } from '../../ir/index.ts';

const ms = { name: 'ms', dtype: 'int64', shape: [] } as const;

export const pause = {
  methods: {
    /** Answers with what it is given, so many milliseconds later: at least 0, at most a day. */
    Rest: { kind: 'ask', inputs: [ms], options: {}, outputs: [ms] },
  },
  events: {},
} as const satisfies ProtocolDeclaration;
