// The rules over graphs and plans; those over sources are the command line's, which has the sources.

import type { Rule } from './rule.ts';
import { arrivalOrder } from './rules/arrival-order.ts';
import { cohortWithoutDeadline } from './rules/cohort-without-deadline.ts';
import { cyclicWait } from './rules/cyclic-wait.ts';
import { divergingReplicas } from './rules/diverging-replicas.ts';
import { dominantEdge } from './rules/dominant-edge.ts';
import { duplicateTransfer } from './rules/duplicate-transfer.ts';
import { edgeMissesDeadline } from './rules/edge-misses-deadline.ts';
import { edgeWithoutLink } from './rules/edge-without-link.ts';
import { endlessSession } from './rules/endless-session.ts';
import { growingState } from './rules/growing-state.ts';
import { idlePeer } from './rules/idle-peer.ts';
import { jointNextDiffers } from './rules/joint-next-differs.ts';
import { lostUpdate } from './rules/lost-update.ts';
import { memoryOverLimit } from './rules/memory-over-limit.ts';
import { privateValueLeavesClass } from './rules/private-value-leaves-class.ts';
import { quorumAboveCohort } from './rules/quorum-above-cohort.ts';
import { receiveWithoutSend } from './rules/receive-without-send.ts';
import { secretFromGraph } from './rules/secret-from-graph.ts';
import { sendWithoutReceive } from './rules/send-without-receive.ts';
import { sessionLeak } from './rules/session-leak.ts';
import { sharedSeed } from './rules/shared-seed.ts';
import { singlePointOfFailure } from './rules/single-point-of-failure.ts';
import { unhandledMissing } from './rules/unhandled-missing.ts';
import { unknownDimension } from './rules/unknown-dimension.ts';
import { unseededRandom } from './rules/unseeded-random.ts';
import { unsupportedOp } from './rules/unsupported-op.ts';
import { unusedParameter } from './rules/unused-parameter.ts';
import { waitOutlastsDeadline } from './rules/wait-outlasts-deadline.ts';

export const rules: readonly Rule[] = [
  // What was recorded.
  unusedParameter,
  unseededRandom,
  sharedSeed,
  cohortWithoutDeadline,
  arrivalOrder,
  // Waits, and what happens when they end without a value.
  quorumAboveCohort,
  waitOutlastsDeadline,
  unhandledMissing,
  cyclicWait,
  jointNextDiffers,
  endlessSession,
  receiveWithoutSend,
  sendWithoutReceive,
  // State.
  lostUpdate,
  divergingReplicas,
  growingState,
  sessionLeak,
  // What crosses links, and what that costs.
  edgeWithoutLink,
  privateValueLeavesClass,
  secretFromGraph,
  edgeMissesDeadline,
  unknownDimension,
  duplicateTransfer,
  dominantEdge,
  // Who does what.
  unsupportedOp,
  idlePeer,
  memoryOverLimit,
  singlePointOfFailure,
];
