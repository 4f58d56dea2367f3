/**
 * Whether a statement leaves in the same write as the switch before it, or waits for that to be
 * confirmed.
 *
 * - `auto`: in the same write where that is safe to expect (see {@link leavesWithSwitch}).
 * - `pipelined`: always, where the connection can do it.
 * - `roundtrip`: never.
 */
export type Switching = 'auto' | 'pipelined' | 'roundtrip'

/** A tenant's database is taken to be there still for so long after a server confirmed it. */
const CONFIRMED_MILLIS = 60_000

/** A connection is taken to be alive still for so long after it was given out. */
const ALIVE_MILLIS = 5_000

/** What is known when a statement starts that needs a switch. Times are in milliseconds. */
export interface SwitchSituation {
  /** True where the server names databases in its answers, and takes several packets in one write. */
  readonly canPipeline: boolean
  /** True for the text of a statement; preparing and executing have a protocol of their own. */
  readonly isText: boolean
  /** True for what Knex's query builder made, and for BEGIN. */
  readonly isBuilt: boolean
  /** True where the switch sets nothing up that could be refused by itself. */
  readonly isPlain: boolean
  /** Since the server confirmed this tenant's database, on any connection. */
  readonly sinceConfirmed: number
  /** Since the connection was given out, when it was known to be alive. */
  readonly sinceAcquired: number
}

/**
 * Decides how a statement follows its switch. Behind a database that is refused the server goes on with
 * the statement where it finds no table. But a statement that names databases itself, or touches none
 * (`GET_LOCK`, `SET GLOBAL`, `CREATE DATABASE`), would run all the same, so raw statements wait. Behind a
 * role or a `session` statement that is refused it would run in the tenant's database, without what
 * was to be set up: there all wait. And they wait where the switch may fail.
 */
export function leavesWithSwitch(
  switching: Switching,
  { canPipeline, isText, isBuilt, isPlain, sinceConfirmed, sinceAcquired }: SwitchSituation,
): boolean {
  if (switching === 'roundtrip' || !canPipeline || !isText) return false
  if (switching === 'pipelined') return true
  const isFresh = sinceConfirmed < CONFIRMED_MILLIS && sinceAcquired < ALIVE_MILLIS
  return isBuilt && isPlain && isFresh
}
