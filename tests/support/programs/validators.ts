// Program 8 of the semantics: three validators, of whom two must agree. A reducer proposes whose updates count; each validator
// computes the mean of them itself, and signs what it comes to. With a certificate, which is two signatures of one digest, the head moves
// at whoever came to that. Trainers take the head of any validator, if the certificate is one of it.

import {
  cohort,
  constant,
  digest,
  emit,
  entry,
  exchange,
  int64,
  interval,
  module,
  on,
  peer,
  protocol,
  self,
  state,
  string,
  uint8,
  when,
} from '../../../dsl/index.ts';
import { key } from '../../../dsl/random/index.ts';
import { trimmedMean } from '../../../stdlib/aggregators/index.ts';
import { identity, pool } from '../validators.ts';
import { draw } from './pick.ts';

const reducer = peer('reducer');
const validators = cohort('validator');
const trainers = cohort('trainer');
export const VALIDATORS = 3;
export const TRAINERS = 4;
export const topology = {
  version: 1,
  classes: { reducer: {}, validator: { count: VALIDATORS }, trainer: { count: TRAINERS } },
};

export default module('validators', () => {
  const updates = protocol('updates', pool, { at: validators.each });
  const theirs = protocol('theirs', pool, { at: reducer });
  const id = protocol('id', identity, { at: validators.each });
  const checks = protocol('checks', identity, { at: trainers.me });
  const n = state('window', constant(0, int64), { at: validators.each });
  const head = state('head', constant([0, 0, 0]), { at: validators });
  const certificate = {
    digest: state('digest', constant(0, int64), { at: validators }),
    signers: state('signers', constant(['', '']), { at: validators }),
    signatures: state('signatures', constant(new Uint8Array(128), uint8, [2, 64]), { at: validators }),
  };
  const w = state('w', constant([0, 0, 0]), { at: trainers });
  const trimmed = trimmedMean({ f: 1 });

  // Joint: no one's silence can stop it.
  entry('window', validators.each, interval('300s'), () => {
    const now = n.update((before) => before.add(1n));
    // Wakes the reducer.
    const open = now.collect({ at: reducer, enough: 1, atLeast: 1, within: '10s' });
    const proposal = on(reducer, () => {
      const at = open.values.gather(0n);
      const from = theirs.senders(at).as(string, ['updates']);
      return { from, digest: digest(trimmed(theirs.pick(at, from), from.positionsIn(from))) };
    });
    const within = '20s';
    const from = proposal.from.broadcast(validators.each, { within }).orElse(updates.senders(now));
    const proposed = proposal.digest.broadcast(validators.each, { within });
    const moved = trimmed(updates.pick(now, from), from.positionsIn(from));
    const own = digest(moved);
    const again = head.read().add(moved);
    const d = digest(again);
    // Counted from when the window begins, as the wait for the proposal.
    const votes = exchange(when({ d, signature: id.sign(d) }, proposed.orElse(own).equal(own)), {
      atLeast: 2,
      within: '40s',
      vouched: true,
    });
    const made = id.certificate(votes.d, votes.signature, votes.senders);
    const isMine = made.digest.equal(d).orElse(constant(false));
    head.assign(again.when(isMine));
    certificate.digest.assign(d.when(isMine));
    certificate.signers.update((before) => made.signers.orElse(before).when(isMine));
    certificate.signatures.update((before) => made.signatures.orElse(before).when(isMine));
    emit('certified', isMine);
  });

  entry('submit', trainers, { initial: { at: 1n, value: constant([0, 0, 0]) } }, ({ at, value }) => {
    const me = self().at(trainers.me);
    on(validators.each, () => updates.add(at, me, value));
    on(reducer, () => theirs.add(at, me, value));
  });

  entry('learn', trainers, { within: '5s' }, () => {
    const told = on(validators.one(draw(key(2), 1)), () => ({
      head: head.read(),
      digest: certificate.digest.read(),
      signers: certificate.signers.read(),
      signatures: certificate.signatures.read(),
    }));
    const holds = checks.check(told.digest, told.signers, told.signatures);
    const ok = holds.and(digest(told.head).equal(told.digest)).orElse(constant(false));
    w.assign(told.head.when(ok));
    emit('ok', ok);
  });
});
