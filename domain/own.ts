// What stands in a record by its own names alone: a node or a pool may be called "constructor", and a
// stranger's message may name anything. Must be how every record is read whose names people choose.

export function own<T>(record: Readonly<Record<string, T>> | undefined, key: string): T | undefined {
  return record !== undefined && Object.hasOwn(record, key) ? record[key] : undefined;
}
