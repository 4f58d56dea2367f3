/** What the choice among idle connections goes by. */
export interface IdleConnection {
  /** The database the connection is in; undefined where it is not known. */
  readonly database: string | undefined
  /** True where no tenant has used the connection yet. */
  readonly isFresh: boolean
}

/**
 * Chooses an idle connection for a tenant: one that is in its database; else one that nobody has
 * used; else the one whose loss will be felt least: another idle one is in the same database, and
 * among those, or else among all, the one that has been idle longest.
 *
 * @param idle idle connections, the one released last at the end
 * @returns an index, or -1 where there are none
 */
export function chooseIdle(idle: readonly IdleConnection[], database: string): number {
  const same = idle.findLastIndex((connection) => connection.database === database)
  if (same !== -1) return same
  const fresh = idle.findLastIndex((connection) => connection.isFresh)
  if (fresh !== -1) return fresh
  const spare = idle.findIndex(
    (one, index) =>
      one.database === undefined ||
      idle.some((other, at) => at !== index && other.database === one.database),
  )
  return spare !== -1 ? spare : idle.length === 0 ? -1 : 0
}
