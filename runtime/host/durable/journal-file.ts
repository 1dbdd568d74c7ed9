// A journal on disk. Records that come while others are being written are written together: one wait for the disk, for
// as many as there are.

import { constants } from 'node:fs';
import { type FileHandle, open } from 'node:fs/promises';
import { framedRecord, journalHeader } from '../../journal/index.ts';

export class JournalFile {
  #file: FileHandle;
  #waiting: (
    | { readonly bytes: Uint8Array; readonly kept: () => void }
    | { readonly path: string; readonly open: () => void }
  )[] = [];
  #writing: Promise<void> | undefined;
  readonly #failed: (error: unknown) => void;
  /** Of the file, as far as it is written. */
  bytes: number;

  private constructor(file: FileHandle, bytes: number, failed: (error: unknown) => void) {
    this.#file = file;
    this.bytes = bytes;
    this.#failed = failed;
  }

  /**
   * Goes on after the first `bytes` of a file and drops what comes after them; 0: a file that is new, with its head.
   * `failed` is told of an error of the disk, after which nothing is kept any more. Rejects with errors of the system.
   */
  static async open(path: string, bytes: number, failed: (error: unknown) => void): Promise<JournalFile> {
    const file = await open(path, constants.O_RDWR | constants.O_CREAT);
    try {
      await file.truncate(bytes);
      const journal = new JournalFile(file, bytes, failed);
      if (bytes === 0) await journal.#write(journalHeader());
      await file.datasync();
      return journal;
    } catch (error) {
      await file.close();
      throw error;
    }
  }

  /** `kept` is called when the record is on the disk, after those of records before it. */
  append(payload: Uint8Array, kept: () => void): void {
    this.#waiting.push({ bytes: framedRecord(payload), kept });
    this.#writing ??= this.#writeAll();
  }

  /** What is appended from now on goes into another file; `open` is called when that is there. */
  goOnIn(path: string, open: () => void): void {
    this.#waiting.push({ path, open });
    this.#writing ??= this.#writeAll();
  }

  async #writeAll(): Promise<void> {
    try {
      // What is said in one turn of the event loop is written together.
      await Promise.resolve();
      while (this.#waiting.length > 0) {
        const until = this.#waiting.findIndex((one) => 'path' in one);
        const batch = this.#waiting.splice(0, until < 0 ? this.#waiting.length : Math.max(1, until));
        const [first] = batch;
        if (first !== undefined && 'path' in first) {
          await this.#change(first.path);
          first.open();
          continue;
        }
        const records = batch.flatMap((one) => ('bytes' in one ? one : []));
        await this.#write(Buffer.concat(records.map(({ bytes }) => bytes)));
        await this.#file.datasync();
        for (const { kept } of records) kept();
      }
      this.#writing = undefined;
    } catch (error) {
      this.#failed(error);
    }
  }

  async #change(path: string): Promise<void> {
    await this.#file.close();
    const next = await JournalFile.open(path, 0, () => {});
    this.#file = next.#file;
    this.bytes = next.bytes;
  }

  async #write(bytes: Uint8Array): Promise<void> {
    for (let at = 0; at < bytes.length; ) {
      const { bytesWritten } = await this.#file.write(bytes, at, bytes.length - at, this.bytes);
      at += bytesWritten;
      this.bytes += bytesWritten;
    }
  }

  /** When all is kept that was appended before. */
  async close(): Promise<void> {
    await this.#writing;
    await this.#file.close();
  }
}
