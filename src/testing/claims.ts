/** The state of an operation's writes. */
const CLAIM = {
  none: 0,
  /** The write began, and has not ended. */
  open: 1,
  acknowledged: 2,
  denied: 3,
  doubted: 4,
} as const

/**
 * How many of an operation's rows its database may hold:
 *
 * - `all`: they were acknowledged.
 * - `none`: the operation was undone, or failed before anything could be written.
 * - `all or none`: it is unknown whether they were written.
 */
export type Expected = 'all' | 'none' | 'all or none'

/**
 * The writes that the operations of a storm claim, and so the rows that the databases must have. Each
 * operation takes a few bytes, so that the memory of a long storm does not grow.
 */
export class Claims {
  readonly #tenants: Uint32Array
  readonly #states: Uint8Array
  readonly #parts: Uint8Array
  /** By tenant: the last operation with rows that may have been lost with the tenant's database. */
  readonly #lostUntil = new Map<number, number>()
  #last = 0

  constructor(operations: number) {
    this.#tenants = new Uint32Array(operations + 1)
    this.#states = new Uint8Array(operations + 1)
    this.#parts = new Uint8Array(operations + 1)
  }

  /** The last operation that began. */
  get last(): number {
    return this.#last
  }

  /** An operation of a tenant begins. The tenant is its place in the storm's list. */
  begin(operation: number, tenant: number): void {
    this.#tenants[operation] = tenant
    this.#last = Math.max(this.#last, operation)
  }

  /** The tenant of an operation. Undefined if there was no such operation. */
  tenantOf(operation: number): number | undefined {
    return operation >= 1 && operation <= this.#last ? this.#tenants[operation] : undefined
  }

  /** An operation is about to write so many rows, all of them or none. */
  open(operation: number, parts: number): void {
    this.#states[operation] = CLAIM.open
    this.#parts[operation] = parts
  }

  acknowledge(operation: number): void {
    this.#states[operation] = CLAIM.acknowledged
  }

  deny(operation: number): void {
    this.#states[operation] = CLAIM.denied
  }

  doubt(operation: number): void {
    this.#states[operation] = CLAIM.doubted
  }

  /** A tenant's database was lost, with all rows written so far. */
  lose(tenant: number): void {
    this.#lostUntil.set(tenant, this.#last)
  }

  /** How many rows the operation writes. */
  parts(operation: number): number {
    return this.#parts[operation] ?? 0
  }

  /** How many rows of an operation its tenant's database must have. */
  expected(operation: number): Expected {
    const state = this.#states[operation]
    if (state === CLAIM.acknowledged) {
      const lostUntil = this.#lostUntil.get(this.#tenants[operation] as number) ?? 0
      return operation <= lostUntil ? 'all or none' : 'all'
    }
    return state === CLAIM.open || state === CLAIM.doubted ? 'all or none' : 'none'
  }

  /** How many operations were acknowledged, denied (undone or refused), and in doubt. */
  count(): { acknowledged: number; denied: number; doubted: number } {
    const counts = { acknowledged: 0, denied: 0, doubted: 0 }
    for (const state of this.#states) {
      if (state === CLAIM.acknowledged) counts.acknowledged++
      else if (state === CLAIM.denied) counts.denied++
      else if (state === CLAIM.doubted || state === CLAIM.open) counts.doubted++
    }
    return counts
  }
}
