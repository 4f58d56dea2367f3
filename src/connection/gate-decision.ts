import type { Place } from '../tenants/place.ts'
import type { Need } from './session/state.ts'
import { isTransactionEnd } from './session/statement-text.ts'

/** Someone through whom commands come. Told apart by identity. */
interface Holder {
  readonly place: Place
}

/**
 * What becomes of a command that starts: it runs, or its connection is switched first (and how), or
 * it is refused.
 */
export type StartDecision = 'run' | 'refuse' | Exclude<Need, 'nothing'>

/**
 * Decides on a command that starts. COMMIT and ROLLBACK touch no table, so they may run where the
 * database alone is unknown: it may be gone, and the switch would fail.
 *
 * @param lease what the command came through
 * @param holder who has the connection now
 * @param session what is known of the session
 * @param sql the command's text, where it has one
 */
export function decideStart(
  lease: Holder | undefined,
  holder: Holder | undefined,
  session: { need(place: Place): Need },
  sql: string | undefined,
): StartDecision {
  if (lease === undefined || lease !== holder) return 'refuse'
  const need = session.need(lease.place)
  if (need === 'nothing') return 'run'
  return need === 'confirm' && isTransactionEnd(sql) ? 'run' : need
}
