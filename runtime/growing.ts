// Bytes that are written one after another, in memory that grows with them.

export class Growing {
  data = new Uint8Array(256);
  /** How many are written. */
  at = 0;

  /** Where so many more go. */
  room(count: number): number {
    const { at, data } = this;
    this.at += count;
    if (this.at > data.length) {
      this.data = new Uint8Array(Math.max(this.at, 2 * data.length));
      this.data.set(data.subarray(0, at));
    }
    return at;
  }

  /** Room for so many, to be written to at once. */
  view(count: number): DataView {
    const at = this.room(count);
    return new DataView(this.data.buffer, at, count);
  }

  put(bytes: Uint8Array): void {
    const at = this.room(bytes.length);
    this.data.set(bytes, at);
  }
}
