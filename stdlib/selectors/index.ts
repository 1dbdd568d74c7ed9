// Peer selectors: which members of a class take part.

export { allPeers, randomPeers } from './selectors.ts';
