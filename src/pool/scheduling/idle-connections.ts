import { Heap } from './heap.ts'
import { LinkedList } from './linked-list.ts'
import type { Member, TenantShare } from './tenant-share.ts'

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
  readonly #order = new LinkedList<Member<C, W>>()
  /** Those in no tenant's database, or who knows where. */
  readonly #free = new LinkedList<Member<C, W>>()
  /** Those whose loss costs little: another one is idle in the same database. */
  readonly #spare = new Heap<Member<C, W>>((member) => member.idleSince)
  #turn = 0

  get size(): number {
    return this.#order.size
  }

  /** The one that has become idle last. */
  get latest(): Member<C, W> | undefined {
    return this.#order.last
  }

  add(member: Member<C, W>): void {
    member.idleSince = ++this.#turn
    this.#order.append(member.inOrder)
    if (member.home === undefined) this.#free.append(member.inGroup)
    else this.#addTo(member.home, member)
  }

  remove(member: Member<C, W>): void {
    this.#order.remove(member.inOrder)
    if (member.home === undefined) this.#free.remove(member.inGroup)
    else this.#removeFrom(member.home, member)
  }

  /**
   * The one to take for a tenant: in its database, the one released last; else one that is in
   * nobody's; else another tenant's.
   */
  choose(share: TenantShare<C, W>): Member<C, W> | undefined {
    return share.idle.last ?? this.#free.last ?? this.#victim()
  }

  /** In the order in which they became idle. */
  [Symbol.iterator](): Generator<Member<C, W>, void> {
    return this.#order[Symbol.iterator]()
  }

  /** The spare one that has been idle longest, or the one of all that has, where that is far longer. */
  #victim(): Member<C, W> | undefined {
    const { first: spare } = this.#spare
    const { first: oldest } = this.#order
    if (spare === undefined || oldest === undefined) return oldest
    return SPARE_FACTOR * this.#ageOf(spare) < this.#ageOf(oldest) ? oldest : spare
  }

  /** How many connections have become idle since. */
  #ageOf({ idleSince }: Member<C, W>): number {
    return this.#turn - idleSince
  }

  /** Of several in one database all are spare but the one released last. */
  #addTo({ idle }: TenantShare<C, W>, member: Member<C, W>): void {
    if (idle.last) this.#spare.add(idle.last)
    idle.append(member.inGroup)
  }

  #removeFrom({ idle }: TenantShare<C, W>, member: Member<C, W>): void {
    const isLast = idle.last === member
    idle.remove(member.inGroup)
    const spare = isLast ? idle.last : member
    if (spare) this.#spare.remove(spare)
  }
}
