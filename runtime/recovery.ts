// What brings a node back, moves it, or repeats what it did: snapshots, and journals of its inputs.

export {
  type DurableInput,
  DurableNode,
  type DurableOutput,
  decodeEntry,
  type Entry,
  encodeEntry,
  type Progress,
  type Recordable,
  recovered,
  replay,
} from './durable.ts';
export {
  decodeInput,
  decodeOutput,
  encodeInput,
  encodeOutput,
  framedRecord,
  JournalError,
  journalHeader,
  type RecordedOutput,
  readJournal,
} from './journal/index.ts';
export { restoreNode, type SnapshotOf, snapshotHead, snapshotOf } from './snapshot/index.ts';
