import type { SwitchMode } from '../base/session-modes.ts'
import type { Place } from '../tenants/place.ts'
import { type Sender, type SendingLease, sessionFor } from './sender.ts'
import type { Need, SessionUse } from './session/state.ts'
import { isTransactionEnd } from './session/statement-text.ts'

/*
 * The gate's two decisions about a command that starts, from plain values alone.
 */

/** A command that starts runs, or is refused, or its connection is switched first. */
export type StartDecision = 'run' | 'refuse' | Exclude<Need, 'nothing'>

/**
 * Decides on a command that starts. COMMIT and ROLLBACK touch no table, so they run even if the session's
 * database is unknown: it may be gone, and the switch would fail.
 *
 * @param sender the lease that the command came through, and what is known of the command
 * @param holder the connection's present holder
 * @param session the connection's session
 * @param sql the command's text, if it has one
 */
export function decideStart(
  sender: Pick<Sender, 'lease' | 'nature'> | undefined,
  holder: SendingLease | undefined,
  session: { need(place: Place, use: SessionUse): Need },
  sql: string | undefined,
): StartDecision {
  if (sender === undefined || sender.lease !== holder) return 'refuse'
  const need = session.need(sender.lease.place, sessionFor(sender.nature))
  if (need === 'nothing') return 'run'
  return need === 'confirm' && isTransactionEnd(sql) ? 'run' : need
}

/** A tenant's database is taken to be there still for so long after a server confirmed it. */
const CONFIRMED_MILLIS = 60_000

/** A connection is taken to be alive still for so long after it was given out. */
const ALIVE_MILLIS = 5_000

/** The facts about a statement that starts and needs a switch. Times are in milliseconds. */
export interface SwitchSituation {
  /** True if the server names databases in its answers, and takes several packets in one write. */
  readonly canPipeline: boolean
  /** True for the text of a statement; preparing and executing have a protocol of their own. */
  readonly isText: boolean
  /** True for a statement of Knex's query builder, and for BEGIN. */
  readonly isBuilt: boolean
  /** True if the server cannot refuse any part of the switch but the database. */
  readonly isPlain: boolean
  /** Since the server confirmed the database, on any connection. 0 for one that always exists. */
  readonly sinceConfirmed: number
  /** Since the connection was given out, when it was known to be alive. */
  readonly sinceAcquired: number
}

/**
 * Decides whether a statement leaves in one write with its switch. If the server refuses the database, it
 * goes on with the statement in the neutral one, which does not have the tenant's tables. That is safe for
 * a statement of the query builder, but these wait for the switch in the mode `auto`:
 *
 * - Raw statements. They can name databases, or touch none (`GET_LOCK`, `SET GLOBAL`, `CREATE DATABASE`).
 * - All statements, if the setup has a role or `session` statements. If the server refuses one of these,
 *   the statement would run in the tenant's database without it.
 * - All statements, if the switch may fail.
 */
export function leavesWithSwitch(
  mode: SwitchMode,
  { canPipeline, isText, isBuilt, isPlain, sinceConfirmed, sinceAcquired }: SwitchSituation,
): boolean {
  if (mode === 'roundtrip' || !canPipeline || !isText) return false
  if (mode === 'pipelined') return true
  const isFresh = sinceConfirmed < CONFIRMED_MILLIS && sinceAcquired < ALIVE_MILLIS
  return isBuilt && isPlain && isFresh
}
