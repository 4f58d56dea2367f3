import { removeAt } from './arrays.ts'
import type { Member, TenantShare } from './tenant-share.ts'

/**
 * A spare connection is taken unless another one has been idle this many times as long. If spare ones
 * always go first, a wide pool switches up to a third more (lab/scheduling/results.md). If they never
 * do, a pool of a few tenants with many single queries switches up to an eighth more.
 */
const SPARE_FACTOR = 2

/** The idle connections of a pool, and the choice among them. */
export class IdleConnections<C, W> {
  /** The one that has been idle longest comes first. */
  readonly #members: Member<C, W>[] = []
  #turn = 0

  get size(): number {
    return this.#members.length
  }

  /** The one that has become idle last. */
  get latest(): Member<C, W> | undefined {
    return this.#members.at(-1)
  }

  add(member: Member<C, W>): void {
    member.idleSince = ++this.#turn
    this.#members.push(member)
    if (member.home) member.home.idle++
  }

  remove(member: Member<C, W>): void {
    removeAt(this.#members, this.#members.lastIndexOf(member))
    if (member.home) member.home.idle--
  }

  /**
   * The one to take for a tenant. First choice: in its database. Second: in no tenant's database. Of
   * several the one released last. Third: another tenant's.
   *
   * @param takesAny true if the first two suit alike. The one released last is then the best choice: the
   * caches know it
   */
  choose(share: TenantShare<C, W>, takesAny: boolean): Member<C, W> | undefined {
    const suits = takesAny
      ? this.#latestFor(share)
      : this.#latestIn(share.idle > 0 ? share : undefined)
    return suits ?? this.#victim()
  }

  /** The one that has been idle longest comes first. */
  [Symbol.iterator](): Iterator<Member<C, W>> {
    return this.#members[Symbol.iterator]()
  }

  #latestIn(home: TenantShare<C, W> | undefined): Member<C, W> | undefined {
    return this.#members.findLast((member) => member.home === home)
  }

  /** The latest one that suits a statement that is at home in each database that is no other tenant's. */
  #latestFor(share: TenantShare<C, W>): Member<C, W> | undefined {
    return this.#members.findLast(({ home }) => home === undefined || home === share)
  }

  /** The spare one that has been idle longest, or the one of all that has, if that is far longer. */
  #victim(): Member<C, W> | undefined {
    const oldest = this.#members[0]
    const spare = this.#firstSpare()
    if (spare === undefined || oldest === undefined) return oldest
    return SPARE_FACTOR * this.#ageOf(spare) < this.#ageOf(oldest) ? oldest : spare
  }

  /** Of several connections that are idle in one database, all but the last one are spare. */
  #firstSpare(): Member<C, W> | undefined {
    for (const member of this.#members) {
      if (member.home !== undefined && member.home.idle > 1) return member
    }
    return undefined
  }

  /** How many connections have become idle since. */
  #ageOf({ idleSince }: Member<C, W>): number {
    return this.#turn - idleSince
  }
}
