/** What a record holds under a name that somebody else chose: nothing that it inherits. */
export const ownIn = <T>(record: Readonly<Record<string, T>>, name: string): T | undefined =>
  Object.hasOwn(record, name) ? record[name] : undefined;
