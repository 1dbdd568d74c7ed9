// Files with more of something than is read: limits keep a small hostile file from taking all memory or time.

/** More than `limit` of `what` (a plural), at a byte or character of the file where that is known. */
export class LimitError extends Error {
  readonly what: string;
  readonly limit: number;
  readonly offset: number | undefined;
  constructor(what: string, limit: number, offset?: number) {
    super(`more than ${limit} ${what}`);
    this.what = what;
    this.limit = limit;
    this.offset = offset;
  }
}
