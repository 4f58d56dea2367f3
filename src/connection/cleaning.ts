import type { Place } from '../tenants/place.ts'
import type { ServerConnection } from './server-connection.ts'
import { type Leftover, NEUTRAL_DATABASE } from './session/state.ts'
import { SwitchFailure } from './switch/errors.ts'
import { cleaningPlan, PROBE, type SwitchStep, switchPlan } from './switch/plan.ts'

/*
 * Checks and cleans a connection between two holders. It must be idle.
 */

/** Asks the server whether it is there. A connection that does not answer in time is closed. */
export async function probe(connection: ServerConnection): Promise<boolean> {
  await connection.runPlan(PROBE, 'lost').catch((error: Error) => connection.destroy('lost', error))
  return connection.isUsable
}

/** Finds what the holder left in the session. Asks the server if the last answer was an error. */
export async function findLeftover(connection: ServerConnection, place: Place): Promise<Leftover> {
  if (connection.state.leftover() === 'unknown') {
    await tryPlan(connection, switchPlan('confirm', connection.setup, place.database))
  }
  return connection.state.leftover()
}

/**
 * Removes everything from the session that its holder has left there.
 *
 * @param isThorough clears also what only a statement can clear
 */
export async function clean(
  connection: ServerConnection,
  place: Place,
  isThorough: boolean,
): Promise<void> {
  const isInTransaction = connection.state.leftover() === 'transaction'
  const database = connection.canBeCommon ? NEUTRAL_DATABASE : place.database
  await tryPlan(connection, cleaningPlan(connection.setup, database, isInTransaction, isThorough))
}

/** Runs a plan. A database that is gone or denied does not matter here. */
async function tryPlan(connection: ServerConnection, steps: readonly SwitchStep[]): Promise<void> {
  try {
    await connection.runPlan(steps, 'not-cleaned')
  } catch (error) {
    if (!(error instanceof SwitchFailure && error.isRecoverable)) throw error
  }
}
