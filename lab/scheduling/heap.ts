/** What can be in a {@link Heap}: in one at a time. */
export interface HeapItem {
  /** Where the item is; -1 while it is in none. The heap's own. */
  heapIndex: number
}

/** Items by a number: the one with the smallest is at hand, and any can be taken out. */
export class Heap<T extends HeapItem> {
  readonly #items: T[] = []
  readonly #keyOf: (item: T) => number

  constructor(keyOf: (item: T) => number) {
    this.#keyOf = keyOf
  }

  get first(): T | undefined {
    return this.#items[0]
  }

  add(item: T): void {
    this.#put(item, this.#items.length)
    this.#rise(item)
  }

  /** Puts an item right whose number has changed. */
  update(item: T): void {
    this.#rise(item)
    this.#sink(item)
  }

  remove(item: T): void {
    const index = item.heapIndex
    const last = this.#items.pop() as T
    item.heapIndex = -1
    if (last === item) return
    this.#put(last, index)
    this.update(last)
  }

  #put(item: T, index: number): void {
    this.#items[index] = item
    item.heapIndex = index
  }

  #rise(item: T): void {
    const key = this.#keyOf(item)
    while (item.heapIndex > 0) {
      const index = item.heapIndex
      const parent = this.#items[(index - 1) >> 1] as T
      if (this.#keyOf(parent) <= key) return
      this.#put(item, parent.heapIndex)
      this.#put(parent, index)
    }
  }

  #sink(item: T): void {
    const key = this.#keyOf(item)
    for (;;) {
      const index = item.heapIndex
      const child = this.#smallerChild(index)
      if (child === undefined || this.#keyOf(child) >= key) return
      this.#put(item, child.heapIndex)
      this.#put(child, index)
    }
  }

  #smallerChild(index: number): T | undefined {
    const left = this.#items[2 * index + 1]
    const right = this.#items[2 * index + 2]
    if (left === undefined || right === undefined) return left
    return this.#keyOf(right) < this.#keyOf(left) ? right : left
  }
}
