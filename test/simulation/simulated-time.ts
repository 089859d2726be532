// Time that passes only when nothing is left to do at its moment. Happenings of one moment come in the order in
// which they were asked for.

export type SimulatedTime = {
  nowMs(): number;
  now(): string;
  /** After so many milliseconds; at least none. */
  after(ms: number, happen: () => void): void;
  /** Goes on to the next moment; false when nothing is to come. */
  step(): boolean;
};

type Entry = { at: number; order: number; happen: () => void };

export function createTime(startMs: number): SimulatedTime {
  const heap: Entry[] = [];
  let nowMs = startMs;
  let order = 0;
  const isBefore = (a: Entry, b: Entry) => a.at < b.at || (a.at === b.at && a.order < b.order);
  const swapIfBefore = (child: number, parent: number): boolean => {
    const [a, b] = [heap[child], heap[parent]];
    if (a === undefined || b === undefined || !isBefore(a, b)) return false;
    heap[child] = b;
    heap[parent] = a;
    return true;
  };
  const sink = () => {
    for (let at = 0; ;) {
      const [left, right] = [2 * at + 1, 2 * at + 2];
      const [l, r] = [heap[left], heap[right]];
      const least = l !== undefined && r !== undefined && isBefore(r, l) ? right : left;
      if (!swapIfBefore(least, at)) return;
      at = least;
    }
  };
  return {
    nowMs: () => nowMs,
    now: () => new Date(nowMs).toISOString(),
    after: (ms, happen) => {
      heap.push({ at: nowMs + Math.max(0, ms), order: (order += 1), happen });
      for (let at = heap.length - 1; at > 0;) {
        const parent = (at - 1) >> 1;
        if (!swapIfBefore(at, parent)) return;
        at = parent;
      }
    },
    step: () => {
      const [first] = heap;
      const last = heap.pop();
      if (first === undefined || last === undefined) return false;
      if (heap.length > 0) {
        heap[0] = last;
        sink();
      }
      nowMs = first.at;
      first.happen();
      return true;
    },
  };
}
