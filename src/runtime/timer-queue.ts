/** TimerQueue: timers by their time, those of one moment in the order of their making. A binary heap: O(log n) to add, take and remove. */
export interface Timer {
  readonly at: number;
  readonly wake: () => void;
}

interface Entry extends Timer {
  readonly order: number;
  /** Where in the heap it is; -1: not any more. */
  index: number;
}

export class TimerQueue {
  readonly #heap: Entry[] = [];
  #made = 0;

  /** Timers that wait. */
  get size(): number {
    return this.#heap.length;
  }

  /** The one that falls due first. */
  get first(): Timer | undefined {
    return this.#heap[0];
  }

  /** The function returned removes it; once it was taken that does nothing. */
  add(at: number, wake: () => void): () => void {
    this.#made += 1;
    const entry: Entry = { at, wake, order: this.#made, index: this.#heap.length };
    this.#heap.push(entry);
    this.#rise(entry);
    return () => this.#remove(entry);
  }

  /** Takes the first one out. */
  take(): Timer | undefined {
    const [first] = this.#heap;
    if (first !== undefined) this.#remove(first);
    return first;
  }

  #remove(entry: Entry): void {
    const { index } = entry;
    if (index < 0) return;
    entry.index = -1;
    const last = this.#heap.pop();
    if (last === undefined || last === entry) return;
    this.#put(last, index);
    this.#rise(last);
    this.#sink(last);
  }

  #put(entry: Entry, index: number): void {
    this.#heap[index] = entry;
    entry.index = index;
  }

  #rise(entry: Entry): void {
    while (entry.index > 0) {
      const above = this.#heap[(entry.index - 1) >> 1];
      if (above === undefined || isBefore(above, entry)) return;
      this.#swap(above, entry);
    }
  }

  #sink(entry: Entry): void {
    for (;;) {
      const left = this.#heap[2 * entry.index + 1];
      const right = this.#heap[2 * entry.index + 2];
      const child = left !== undefined && right !== undefined && isBefore(right, left) ? right : left;
      if (child === undefined || isBefore(entry, child)) return;
      this.#swap(entry, child);
    }
  }

  #swap(above: Entry, below: Entry): void {
    const { index } = above;
    this.#put(above, below.index);
    this.#put(below, index);
  }
}

function isBefore(a: Entry, b: Entry): boolean {
  return a.at === b.at ? a.order < b.order : a.at < b.at;
}
