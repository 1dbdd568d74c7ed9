// Some parameters stay with each client, and only the others are averaged: the head of a network, so that each client has its
// own (FedPer; Arivazhagan et al. 2019, arXiv:1912.00818), or what normalises, where clients' data differ in kind (FedBN; Li et
// al. 2021, arXiv:2102.07623). Clients score what they have together, each on its own records of `test`.

import { dataSource, entry, type Module, module, orElse, type Place } from '../../dsl/index.ts';
import { read, update } from '../../dsl/optim/index.ts';
import { combined, type Federation, heldAt, nextRound, recordsOf, sent, taking } from './federation.ts';
import { descend } from './local.ts';
import { only, plus, type Task } from './task.ts';

export interface Personal extends Federation {
  /** Whether a parameter of this name stays with each client. */
  readonly own: (name: string) => boolean;
}

export const personalised = (task: Task, { own, ...federation }: Personal): Module =>
  module('personalised', () => {
    const { server, clients, local, test } = federation;
    const isShared = (name: string): boolean => !own(name);
    const [held, kept] = [heldAt(task, server, isShared), heldAt(task, clients.each, own)];
    const records = recordsOf(task, clients);
    const unseen = test && dataSource('test', { at: clients.each as Place<string>, fields: task.fields });
    entry('round', server, { initial: { round: 0n } }, ({ round }) => {
      const some = taking(federation);
      const start = sent(read(held), some, federation);
      const { moved, loss, note } = combined(federation, round, some, () => {
        const all = { ...start, ...read(kept) };
        const note = unseen && task.score?.(all, unseen.batch(0, test!.records));
        const { weights, moved, loss } = descend(task, local, records, round, all);
        update(kept, () => only(weights, own));
        const groups = { moved: only(moved, isShared) };
        return { groups, loss, count: records.size(), ...(note && { note }) };
      });
      // With too few answers a round changes nothing.
      const weights = update(held, (latest) => orElse(plus(latest, moved), latest));
      nextRound(task, federation, { round, weights, loss, ...(note && { score: note }) });
    });
  });
