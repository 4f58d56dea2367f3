import type { Place } from '../tenants/place.ts'
import type { Gate } from './gate.ts'
import type { SessionState } from './session/state.ts'
import { cleaningPlan, PROBE, type SwitchStep, switchPlan } from './switch/plan.ts'
import { SwitchFailure } from './switch/run.ts'

/*
 * What is asked of a connection that nobody holds, between two holders. It must be idle.
 */

/** What a holder left behind in the session. */
export type Leftover = ReturnType<SessionState['leftover']>

/** Asks the server whether it is there. A connection that does not answer in time is closed. */
export async function probe(gate: Gate): Promise<boolean> {
  await gate.runPlan(PROBE, 'lost').catch((error: Error) => gate.destroy('lost', error))
  return gate.isUsable
}

/** What its holder left in the session. Asks the server where an error keeps it in doubt. */
export async function findLeftover(gate: Gate, place: Place): Promise<Leftover> {
  if (gate.state.leftover() === 'unknown') {
    await tryPlan(gate, switchPlan('confirm', gate.setup, place.database))
  }
  return gate.state.leftover()
}

/**
 * Leaves nothing of its holder's in the session.
 *
 * @param isThorough clean also what only a statement can clear
 */
export async function clean(gate: Gate, place: Place, isThorough: boolean): Promise<void> {
  const isInTransaction = gate.state.leftover() === 'transaction'
  await tryPlan(gate, cleaningPlan(gate.setup, place.database, isInTransaction, isThorough))
}

/** Runs a plan; that the tenant's database is gone or denied does not matter here. */
async function tryPlan(gate: Gate, steps: readonly SwitchStep[]): Promise<void> {
  try {
    await gate.runPlan(steps, 'not-cleaned')
  } catch (error) {
    if (!(error instanceof SwitchFailure && error.isRecoverable)) throw error
  }
}
