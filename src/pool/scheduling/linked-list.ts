/** An item's place in a list. Made once, so that moving an item from list to list allocates nothing. */
export class ListNode<T> {
  readonly item: T
  previous: ListNode<T> | undefined
  next: ListNode<T> | undefined

  constructor(item: T) {
    this.item = item
  }
}

/** A list from which any node can be taken in constant time. A node is in one list at a time. */
export class LinkedList<T> {
  #first: ListNode<T> | undefined
  #last: ListNode<T> | undefined
  #size = 0

  get size(): number {
    return this.#size
  }

  get first(): T | undefined {
    return this.#first?.item
  }

  get last(): T | undefined {
    return this.#last?.item
  }

  append(node: ListNode<T>): void {
    this.#link(this.#last, node, undefined)
  }

  /** Puts a node before the first one whose item comes after it. */
  insert(node: ListNode<T>, isAfter: (item: T) => boolean): void {
    let next = this.#first
    while (next !== undefined && !isAfter(next.item)) next = next.next
    this.#link(next === undefined ? this.#last : next.previous, node, next)
  }

  remove(node: ListNode<T>): void {
    const { previous, next } = node
    if (previous === undefined) this.#first = next
    else previous.next = next
    if (next === undefined) this.#last = previous
    else next.previous = previous
    node.previous = undefined
    node.next = undefined
    this.#size--
  }

  *[Symbol.iterator](): Generator<T, void> {
    for (let node = this.#first; node !== undefined; node = node.next) yield node.item
  }

  #link(previous: ListNode<T> | undefined, node: ListNode<T>, next: ListNode<T> | undefined): void {
    node.previous = previous
    node.next = next
    if (previous === undefined) this.#first = node
    else previous.next = node
    if (next === undefined) this.#last = node
    else next.previous = node
    this.#size++
  }
}
