import { createLRU } from 'lru.min'
import type { SessionSetup } from '../session/setup.ts'
import { NEUTRAL_DATABASE, type Need } from '../session/state.ts'
import { initDbPacket, pingPacket, queryPacket, resetPacket } from '../wire/packets.ts'

/** One packet of a switch. Each must be answered by one OK. */
export type SwitchStep =
  | { readonly kind: 'ping' }
  | { readonly kind: 'reset' }
  | { readonly kind: 'set'; readonly sql: string }
  | { readonly kind: 'database'; readonly database: string }

const RESET: SwitchStep = { kind: 'reset' }
const NEUTRAL: SwitchStep = { kind: 'database', database: NEUTRAL_DATABASE }

/** A step is the same object every time, so that its bytes are found again. */
const setupSteps = new WeakMap<SessionSetup, readonly SwitchStep[]>()
const databaseSteps = createLRU<string, SwitchStep>({ max: 1_000 })
const bytesWithAttributes = new WeakMap<SwitchStep, Buffer>()
const bytesWithout = new WeakMap<SwitchStep, Buffer>()

/** Asks whether the server is there, and changes nothing. */
export const PROBE: readonly SwitchStep[] = [{ kind: 'ping' }]

/**
 * The steps that set a new connection up. A user's statements run in the same database as at a
 * hand-over, so that they do the same.
 */
export function setupPlan(setup: SessionSetup): readonly SwitchStep[] {
  return [NEUTRAL, ...stepsOf(setup), NEUTRAL]
}

/**
 * The steps after which a tenant's statement may run. A reset leaves the previous tenant's database
 * selected, so the statements that set the session up run in the neutral one.
 *
 * @param isOverNeutral selects the neutral database first, for a statement that leaves with the switch.
 * If the tenant's database is refused, it must not run in the previous one
 */
export function switchPlan(
  need: Need,
  setup: SessionSetup,
  database: string,
  isOverNeutral = false,
): readonly SwitchStep[] {
  const own = databaseStep(database)
  switch (need) {
    case 'nothing':
      return []
    case 'confirm':
      return isOverNeutral ? [NEUTRAL, own] : [own]
    case 'hand-over':
      // Plain assignments do the same in each database.
      if (database === NEUTRAL_DATABASE && setup.isPlain) return [RESET, ...stepsOf(setup), own]
      return [RESET, NEUTRAL, ...stepsOf(setup), own]
  }
}

/**
 * The steps that leave nothing of a session to its next holder.
 *
 * @param isInTransaction rolls back first. On MariaDB a prepared XA transaction survives a reset and
 * spoils the connection; the server refuses the ROLLBACK then, so the connection is closed
 * @param isThorough also clears FOUND_ROWS(), which survives a reset
 */
export function cleaningPlan(
  setup: SessionSetup,
  database: string,
  isInTransaction: boolean,
  isThorough: boolean,
): readonly SwitchStep[] {
  const before: SwitchStep[] = []
  if (isInTransaction) before.push({ kind: 'set', sql: 'ROLLBACK' })
  if (isThorough) before.push({ kind: 'set', sql: 'SELECT 1 INTO @tenant_knex' })
  return [...before, ...switchPlan('hand-over', setup, database)]
}

function stepsOf(setup: SessionSetup): readonly SwitchStep[] {
  let steps = setupSteps.get(setup)
  if (steps === undefined) {
    steps = setup.statements.map((sql) => ({ kind: 'set', sql }))
    setupSteps.set(setup, steps)
  }
  return steps
}

function databaseStep(database: string): SwitchStep {
  let step = databaseSteps.get(database)
  if (step === undefined) {
    step = { kind: 'database', database }
    databaseSteps.set(database, step)
  }
  return step
}

/** A step's bytes, made once. */
export function encodeStep(step: SwitchStep, withQueryAttributes: boolean): Buffer {
  const known = withQueryAttributes ? bytesWithAttributes : bytesWithout
  let bytes = known.get(step)
  if (bytes === undefined) {
    bytes = encode(step, withQueryAttributes)
    known.set(step, bytes)
  }
  return bytes
}

function encode(step: SwitchStep, withQueryAttributes: boolean): Buffer {
  switch (step.kind) {
    case 'ping':
      return pingPacket()
    case 'reset':
      return resetPacket()
    case 'set':
      return queryPacket(step.sql, withQueryAttributes)
    case 'database':
      return initDbPacket(step.database)
  }
}
