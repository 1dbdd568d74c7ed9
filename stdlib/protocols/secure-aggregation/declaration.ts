// What a program asks of secure aggregation: all of it queries, whose answers are functions of what they are given.

import type { ProtocolDeclaration } from '../../../ir/index.ts';

/** Bytes of a member's secret, of what it makes known of it, and of its row for another. */
export const SIZES = { secret: 96, keys: 2464, row: 2256 } as const;

const secret = { name: 'secret', dtype: 'uint8', shape: [SIZES.secret] } as const;
const me = { name: 'me', dtype: 'string', shape: [1] } as const;
const members = { name: 'members', dtype: 'string', shape: ['K'] } as const;
const keys = { name: 'keys', dtype: 'uint8', shape: ['K', SIZES.keys] } as const;
const sharers = { name: 'sharers', dtype: 'string', shape: ['J'] } as const;
const inbox = { name: 'inbox', dtype: 'uint8', shape: ['J', SIZES.row] } as const;
const survivors = { name: 'survivors', dtype: 'string', shape: ['L'] } as const;
const threshold = { name: 'threshold', dtype: 'int64', shape: [] } as const;
const round = { name: 'round', dtype: 'int64', shape: [] } as const;
/** Names what is summed: masks are others for each name. */
const options = { tensor: [] } as const;

export const secureAggregation = {
  methods: {
    /** What a member makes known of its secret: public keys, and a commitment to its self mask. */
    Keys: {
      kind: 'query',
      inputs: [secret],
      options: {},
      outputs: [{ name: 'public', dtype: 'uint8', shape: [SIZES.keys] }],
    },
    /** At a member: a row for each member, which only that one can open, with shares of both its seeds. */
    Share: {
      kind: 'query',
      inputs: [secret, me, members, keys, threshold, round],
      options: {},
      outputs: [{ name: 'rows', dtype: 'uint8', shape: ['K', SIZES.row] }],
    },
    /** At a member: its values, masked towards all who have shared. */
    Mask: {
      kind: 'query',
      inputs: [
        { name: 'values', dtype: 'uint32', shape: ['N'] },
        secret,
        me,
        members,
        keys,
        sharers,
        inbox,
        round,
      ],
      options,
      outputs: [{ name: 'masked', dtype: 'uint32', shape: ['N'] }],
    },
    /** At a member: of each who has shared, its share of the self mask if that one's values came, else of its masks' seed. */
    Reveal: {
      kind: 'query',
      inputs: [secret, me, members, keys, sharers, inbox, survivors, threshold, round],
      options: {},
      outputs: [{ name: 'shares', dtype: 'uint8', shape: ['J', 32] }],
    },
    /** At the server: the sum of the values that came, modulo 2³². */
    Recover: {
      kind: 'query',
      inputs: [
        { name: 'masked', dtype: 'uint32', shape: ['L', 'N'] },
        members,
        keys,
        sharers,
        { name: 'rows', dtype: 'uint8', shape: ['J', 'K', SIZES.row] },
        survivors,
        { name: 'shares', dtype: 'uint8', shape: ['M', 'J', 32] },
        { name: 'responders', dtype: 'string', shape: ['M'] },
        threshold,
        round,
      ],
      options,
      outputs: [{ name: 'sum', dtype: 'uint32', shape: ['N'] }],
    },
  },
  events: {},
} as const satisfies ProtocolDeclaration;
