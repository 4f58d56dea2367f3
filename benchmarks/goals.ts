/*
 * Does the library keep its promises? This measures all figures of the project's goals in one run, each
 * against plain Knex, with cleaned sessions and all defaults.
 */
import { plainKnex } from './contenders/plain-knex.ts'
import { tenantKnex } from './contenders/tenant-knex.ts'
import { type GoalCell, type GoalsResult, goalsTable } from './report/goals.ts'
import type { Field } from './support/bench-server.ts'
import { isBrief } from './support/brief.ts'
import { cellOf, LONG_REQUESTS, ONE_TENANT, SHORT_REQUESTS, VISITS } from './support/cells.ts'
import { type Cell, compare } from './support/comparison.ts'
import { withDelay } from './support/delay.ts'
import { footprintOf } from './support/footprint.ts'
import { assertRight, onEachServer } from './support/on-each-server.ts'

const DELAY_MILLIS = 0.5
const MANY_TENANTS = isBrief ? 60 : 10_000
const CONTENDERS = [plainKnex, tenantKnex()]

/** Six requests at a time, and enough connections for tenants that come back. */
const SIX_IN_FLIGHT: Cell = { ...LONG_REQUESTS, concurrency: 6 }

const NEAR: readonly GoalCell['goal'][] = [
  { title: '1 tenant', cell: ONE_TENANT, throughput: 0.99, cpu: 1.03 },
  { title: '1,000 tenants', cell: LONG_REQUESTS, throughput: 0.97, cpu: 1.08, p99: 1.15 },
  { title: '1,000 tenants', cell: SHORT_REQUESTS, throughput: 0.9, p99: 1.3 },
  { title: '1,000 tenants, visits', cell: VISITS, switches: 0.09 },
  { title: '1,000 tenants', cell: SIX_IN_FLIGHT, switches: 0.09 },
]

const FAR: readonly GoalCell['goal'][] = [
  { title: `1,000 tenants, ${DELAY_MILLIS} ms away`, cell: LONG_REQUESTS, throughput: 0.97 },
  { title: `1,000 tenants, ${DELAY_MILLIS} ms away`, cell: SHORT_REQUESTS, throughput: 0.92 },
]

await onEachServer('goals', measure, goalsTable)

async function measure(field: Field): Promise<GoalsResult> {
  return {
    cells: [...(await measureAll(field, NEAR)), ...(await measureFar(field))],
    tenants: MANY_TENANTS,
    footprint: await footprintOf(field, 'tenants', MANY_TENANTS),
  }
}

async function measureFar(field: Field): Promise<GoalCell[]> {
  return withDelay(await field.account(0), DELAY_MILLIS, ({ host, port }) =>
    measureAll(field, FAR, { host, port }),
  )
}

async function measureAll(
  field: Field,
  goals: readonly GoalCell['goal'][],
  way?: { readonly host: string; readonly port: number },
): Promise<GoalCell[]> {
  const measured: GoalCell[] = []
  for (const goal of goals) {
    const { contenders } = assertRight(await compare(field, cellOf(goal.cell), CONTENDERS, way))
    measured.push({ goal, contenders })
  }
  return measured
}
