// The reasons of a plan as sentences.

import type { CutReason, EdgeTiming, PlacedGroup } from '../../ir/index.ts';
import { formatPosition } from '../../ir/index.ts';

/** Why the ops of a group are where they are. */
export function placedWords({ because, about, at }: PlacedGroup): string {
  const where =
    at === null ? '' : formatPosition({ file: at.file, line: at.line ?? 1, column: at.column ?? 1 });
  switch (because) {
    case 'author':
      return where === '' ? 'the author put them there' : `the author put them there, first at ${where}`;
    case 'rule':
      return `rule ${JSON.stringify(about)} at ${where}`;
    case 'uncrossable':
      return `joined to their neighbour by ${about}, which may not cross`;
    case 'state':
      return `state ${about} is there`;
    case 'sources':
      return `what they read comes from there: it begins with ${about}`;
    case 'readers':
      return `their results are read there, by ${about}`;
    case 'forward':
      return `they compute the gradient of ${about}, which is there`;
    case 'enclosed':
      return 'everything around them is there';
    case 'cut':
      return 'the cut gave them this part of the row; see below';
    case 'rest':
      return 'nothing else decides: the first class that can take them';
    case 'constant':
      return 'computed from constants alone: every reader has a copy';
    case 'copy':
      return 'cheaper to compute again here than to send';
  }
}

/** Why a place was not cut at. */
export function rejectedWords({ because, about }: CutReason['rejected'][number]): string {
  switch (because) {
    case 'uncrossable':
      return `${about} may not cross`;
    case 'order':
      return 'data would flow backwards between placed ops';
    case 'memory':
      return `would not fit the memory of ${about}`;
    case 'rounding':
      return 'a float16 value would be rounded';
    case 'folding':
      return 'parts a product from constants folded into it';
    case 'balance':
      return 'one class would have too much of the work';
    case 'bytes':
      return 'more bytes cross';
    case 'uneven':
      return 'as many bytes, less even';
  }
}

export const deadlineWords: Readonly<Record<EdgeTiming['deadline'], string>> = {
  author: 'written by the author',
  least: 'the least there is',
  path: 'critical path × 4',
  chain: 'longer than its sender waits',
  envelope: 'that of its envelope',
};
