import { Heap } from './heap.ts'
import { LinkedList } from './linked-list.ts'
import type { Slot, TenantShare } from './tenant-share.ts'

/**
 * The idle connections, by whose database they are in and by how long they have been idle, so that
 * the choice among them looks at none that it does not take.
 */
export class IdleConnections<C, W> {
  /** All, the one that has been idle longest first. */
  readonly #order = new LinkedList<Slot<C, W>>()
  readonly #fresh = new LinkedList<Slot<C, W>>()
  /** Those whose loss costs nothing: another one is idle in the same database, or it is in none. */
  readonly #spare = new Heap<Slot<C, W>>((slot) => slot.idleSince)
  #turn = 0

  get size(): number {
    return this.#order.size
  }

  /** The one that has become idle last. */
  get latest(): Slot<C, W> | undefined {
    return this.#order.last
  }

  add(slot: Slot<C, W>): void {
    slot.idleSince = ++this.#turn
    this.#order.append(slot.inOrder)
    if (slot.isFresh) this.#fresh.append(slot.inGroup)
    else if (slot.home === undefined) this.#spare.add(slot)
    else this.#addTo(slot.home, slot)
  }

  remove(slot: Slot<C, W>): void {
    this.#order.remove(slot.inOrder)
    if (slot.isFresh) this.#fresh.remove(slot.inGroup)
    else if (slot.home === undefined) this.#spare.remove(slot)
    else this.#removeFrom(slot.home, slot)
  }

  /**
   * The one to take for a tenant: in its database, the one released last; else one that nobody has
   * used; else the one idle longest of those that are spare; else of all.
   */
  choose(share: TenantShare<C, W>): Slot<C, W> | undefined {
    return share.idle.last ?? this.#fresh.last ?? this.#spare.first ?? this.#order.first
  }

  /** In the order in which they became idle. */
  [Symbol.iterator](): Generator<Slot<C, W>, void> {
    return this.#order[Symbol.iterator]()
  }

  /** Of several in one database all are spare but the one released last. */
  #addTo({ idle }: TenantShare<C, W>, slot: Slot<C, W>): void {
    if (idle.last) this.#spare.add(idle.last)
    idle.append(slot.inGroup)
  }

  #removeFrom({ idle }: TenantShare<C, W>, slot: Slot<C, W>): void {
    const isLast = idle.last === slot
    idle.remove(slot.inGroup)
    const spare = isLast ? idle.last : slot
    if (spare) this.#spare.remove(spare)
  }
}
