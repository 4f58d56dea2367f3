import type { TenantKnexOptions } from '../../src/index.ts'
import { StormError, type StormReport, storm } from '../../src/testing/index.ts'
import type { OwnServer } from '../../test/support/own-server.ts'
import { allFaults } from './faults/all.ts'
import { hiddenCode } from './hidden-code.ts'
import { hiddenChanges } from './operations.ts'
import { databaseOf, TENANTS, withWorld } from './world.ts'

/**
 * - `calm`: nothing breaks, and nothing may fail.
 * - `crowded`: more work than connections, so that none is idle for long.
 * - `sparse`: less work, so that connections are validated.
 */
export type Kind = 'calm' | 'crowded' | 'sparse'

const WORKERS: Readonly<Record<Kind, number>> = { calm: 32, crowded: 32, sparse: 5 }

/** The parameters of a storm. The same seed gives the same storm, as far as the servers allow. */
export interface StormPlan {
  readonly kind: Kind
  readonly seed: number
  readonly operations: number
  /** The average number of operations between two faults. */
  readonly faultEvery: number
  /** True if all faults are equally frequent. Otherwise those that take long are rare. */
  readonly isEven?: boolean
  /** How statements follow their switches. @defaultValue 'auto' */
  readonly switching?: Switching
  /** Whether statements name their database. @defaultValue 'never' */
  readonly qualify?: Qualify
}

type Switching = NonNullable<TenantKnexOptions['switching']>
type Qualify = NonNullable<TenantKnexOptions['qualify']>

/** A completed storm. */
export interface StormRun extends StormPlan {
  readonly server: OwnServer['name']
  readonly version: string
  /** Its results. A violation's message contains the cause. */
  readonly report: StormReport
  /** How many statements with the storm's tag were sent. */
  readonly tagged: number
  /** How many of them, about, named their database. */
  readonly qualified?: number
  readonly switches?: number
  readonly handOvers?: number
  readonly seconds: number
}

/** Runs one storm on a prepared server. The report contains violations. */
export async function runStorm(server: OwnServer, plan: StormPlan): Promise<StormRun> {
  const { kind, seed, operations, faultEvery, isEven, switching = 'auto', qualify = 'never' } = plan
  const isCalm = kind === 'calm'
  const since = Date.now()
  return withWorld(server, { isCalm, switching, qualify }, async (world) => {
    const faults = isCalm ? [] : allFaults(world, kind === 'sparse')
    const [row] = await world.admin.sql('SELECT VERSION() AS version')
    const report = await reportOf(
      storm({
        tenantKnex: world.tenantKnex,
        tenants: TENANTS,
        workers: WORKERS[kind],
        ownOperations: [...hiddenChanges(server.name), ...hiddenCode(world.admin, databaseOf)],
        faults: isEven ? faults.map((fault) => ({ ...fault, weight: 1 })) : faults,
        witness: world.witness,
        ...{ seed, operations, faultEvery },
      }),
    )
    const seconds = (Date.now() - since) / 1_000
    const { tagged, qualified } = world
    const [{ switches, handOvers }] = world.tenantKnex.stats().servers
    const sent = { tagged, qualified, switches, handOvers }
    return { ...plan, server: server.name, version: row?.version, report, ...sent, seconds }
  })
}

async function reportOf(running: Promise<StormReport>): Promise<StormReport> {
  const report = await running.catch((error: unknown) => {
    if (error instanceof StormError) return error.report
    throw error
  })
  const violations = report.violations.map(({ operation, message, cause }) => ({
    operation,
    message: cause instanceof Error ? `${message}\n${stackOf(cause)}` : message,
  }))
  return { ...report, violations }
}

function stackOf({ stack, cause }: Error): string {
  return cause instanceof Error ? `${stack}\ncaused by: ${stackOf(cause)}` : String(stack)
}
