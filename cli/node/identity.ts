// Who a peer is to the others of its deployment.

import type { Manifest } from '../../ir/index.ts';
import type { Identity } from '../../runtime/host/node.ts';

export const identityOf = (
  { deployment, members }: Manifest,
  peer: string,
  incarnation: number,
  token: Uint8Array | undefined,
): Identity => ({
  deployment,
  peer,
  incarnation,
  members: new Set(Object.values(members).flat()),
  token,
});
