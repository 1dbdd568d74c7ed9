// Records of what goes into nodes and comes out of them, and files of such records.

export {
  type CodecOptions,
  type DecodeOptions,
  decodeRecord,
  encodeRecord,
  JournalError,
} from './codec.ts';
export {
  asInput,
  decodeInput,
  decodeOutput,
  encodeInput,
  encodeOutput,
  type RecordedOutput,
  recordedInput,
  recordedOutput,
} from './io.ts';
export {
  framedRecord,
  HEADER_BYTES,
  JOURNAL_VERSION,
  type JournalEnd,
  journalHeader,
  type ReadRecord,
  readJournal,
  readRecord,
} from './log.ts';
