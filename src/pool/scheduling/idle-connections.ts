import { Heap } from './heap.ts'
import { LinkedList } from './linked-list.ts'
import type { Slot, TenantShare } from './tenant-share.ts'

/**
 * How much longer than a spare connection another one must have been idle to go before it. Where
 * spare ones always go first, a wide pool switches up to a third more (lab/scheduling/results.md);
 * where they never do, one of a few tenants with many single queries up to an eighth more.
 */
const SPARE_FACTOR = 2

/**
 * The idle connections, by whose database they are in and by how long they have been idle, so that
 * the choice among them looks at none that it does not take.
 */
export class IdleConnections<C, W> {
  /** All, the one that has been idle longest first. */
  readonly #order = new LinkedList<Slot<C, W>>()
  /** Those in no tenant's database, or who knows where. */
  readonly #free = new LinkedList<Slot<C, W>>()
  /** Those whose loss costs little: another one is idle in the same database. */
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
    if (slot.home === undefined) this.#free.append(slot.inGroup)
    else this.#addTo(slot.home, slot)
  }

  remove(slot: Slot<C, W>): void {
    this.#order.remove(slot.inOrder)
    if (slot.home === undefined) this.#free.remove(slot.inGroup)
    else this.#removeFrom(slot.home, slot)
  }

  /**
   * The one to take for a tenant: in its database, the one released last; else one that is in
   * nobody's; else another tenant's.
   */
  choose(share: TenantShare<C, W>): Slot<C, W> | undefined {
    return share.idle.last ?? this.#free.last ?? this.#victim()
  }

  /** In the order in which they became idle. */
  [Symbol.iterator](): Generator<Slot<C, W>, void> {
    return this.#order[Symbol.iterator]()
  }

  /** The spare one that has been idle longest, or the one of all that has, where that is far longer. */
  #victim(): Slot<C, W> | undefined {
    const { first: spare } = this.#spare
    const { first: oldest } = this.#order
    if (spare === undefined || oldest === undefined) return oldest
    return SPARE_FACTOR * this.#ageOf(spare) < this.#ageOf(oldest) ? oldest : spare
  }

  /** How many connections have become idle since. */
  #ageOf({ idleSince }: Slot<C, W>): number {
    return this.#turn - idleSince
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
