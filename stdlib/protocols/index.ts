// Protocols: components with messages of their own.

export { type ContentStoreOptions, contentStore, contentStored } from './content-store.ts';
export { type MembershipOptions, membership, membershipRegistry } from './membership.ts';
export { pause } from './pause.ts';
export { pauses } from './pauses.ts';
export { secureAggregation, secureAggregator } from './secure-aggregation/index.ts';
