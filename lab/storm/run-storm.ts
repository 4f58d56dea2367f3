import type { TenantKnexOptions } from '../../src/index.ts'
import { StormError, type StormReport, storm } from '../../src/testing/index.ts'
import type { OwnServer } from '../../test/support/own-server.ts'
import { allFaults } from './faults/all.ts'
import { hiddenChanges } from './operations.ts'
import { TENANTS, withWorld } from './world.ts'

/**
 * - `calm`: nothing breaks, and nothing may fail.
 * - `crowded`: more at a time than there are connections, so that none is ever idle for long.
 * - `sparse`: less, so that connections are asked whether they are there.
 */
export type Kind = 'calm' | 'crowded' | 'sparse'

const WORKERS: Readonly<Record<Kind, number>> = { calm: 32, crowded: 32, sparse: 5 }

/** Which storm it is: the same again for the same seed, as far as the servers play along. */
export interface StormPlan {
  readonly kind: Kind
  readonly seed: number
  readonly operations: number
  /** Operations from one fault to the next, on average. */
  readonly faultEvery: number
  /** True where each fault is as frequent as any other; else those that take long are rare. */
  readonly isEven?: boolean
  /** How statements follow their switches. @defaultValue 'auto' */
  readonly switching?: Switching
  /** When sessions are cleaned. @defaultValue 'hand-over' */
  readonly clean?: Clean
}

type Switching = NonNullable<TenantKnexOptions['switching']>
type Clean = NonNullable<TenantKnexOptions['clean']>

/** A storm that is over. */
export interface StormRun extends StormPlan {
  readonly server: OwnServer['name']
  readonly version: string
  /** What it did and saw; a violation's cause is in its message. */
  readonly report: StormReport
  /** Statements with the storm's tag that were sent. */
  readonly tagged: number
  readonly seconds: number
}

/** Runs one storm on a server that is ready for it. Violations are in its report. */
export async function runStorm(server: OwnServer, plan: StormPlan): Promise<StormRun> {
  const {
    kind,
    seed,
    operations,
    faultEvery,
    isEven,
    switching = 'auto',
    clean = 'hand-over',
  } = plan
  const isCalm = kind === 'calm'
  const since = Date.now()
  return withWorld(server, { isCalm, switching, clean }, async (world) => {
    const faults = isCalm ? [] : allFaults(world, kind === 'sparse')
    const [row] = await world.admin.sql('SELECT VERSION() AS version')
    const report = await reportOf(
      storm({
        tenantKnex: world.tenantKnex,
        tenants: TENANTS,
        workers: WORKERS[kind],
        ownOperations: hiddenChanges(server.name),
        faults: isEven ? faults.map((fault) => ({ ...fault, weight: 1 })) : faults,
        witness: world.witness,
        ...{ seed, operations, faultEvery },
      }),
    )
    const seconds = (Date.now() - since) / 1_000
    const { name } = server
    return { ...plan, server: name, version: row?.version, report, tagged: world.tagged, seconds }
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
