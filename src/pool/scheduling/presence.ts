/** How long a tenant counts as one who uses the pool, after it last did. */
const PRESENCE_MILLIS = 60_000

/** Remembers, of all tenants that use a pool, just enough to say whether one is alone in it. */
export class Presence {
  #latest: string | undefined
  #latestAt = Number.NEGATIVE_INFINITY
  /** When anyone else but the latest one used the pool. */
  #otherAt = Number.NEGATIVE_INFINITY

  /** A tenant uses the pool, by its database's name. */
  note(database: string, now: number): void {
    if (database !== this.#latest) {
      this.#otherAt = this.#latestAt
      this.#latest = database
    }
    this.#latestAt = now
  }

  /** Whether any other tenant has used the pool within the last minute. */
  hasOthers(database: string, now: number): boolean {
    const at = database === this.#latest ? this.#otherAt : this.#latestAt
    return now - at <= PRESENCE_MILLIS
  }
}
