/*
 * Does the library keep its promises? This measures all figures of the project's goals in one run, against
 * plain Knex and against Knex's `withSchema`, with cleaned sessions and all defaults.
 */
import { MAIN_ENTRIES, OUR_ENTRIES } from './contenders/load.ts'
import { type Goal, type GoalCell, type GoalsResult, goalsTable } from './report/goals.ts'
import type { Field } from './support/bench-server.ts'
import { isBrief } from './support/brief.ts'
import {
  cellOf,
  fewOf,
  LONG_REQUESTS,
  MANY_TENANTS,
  ONE_TENANT,
  SHORT_REQUESTS,
  VISITS,
  withRaw,
} from './support/cells.ts'
import { type Cell, compare } from './support/comparison.ts'
import { withDelay } from './support/delay.ts'
import type { Way } from './support/entrant.ts'
import { type Footprint, footprintOf } from './support/footprint.ts'
import { assertRight, onEachServer } from './support/on-each-server.ts'

const DELAY_MILLIS = 0.5
const TENANTS = isBrief ? 60 : MANY_TENANTS.tenants

/** Six requests at a time, and enough connections for tenants that come back. */
const SIX_IN_FLIGHT: Cell = { ...LONG_REQUESTS, concurrency: 6 }

const RAW = 0.1
const RAW_TITLE = `1,000 tenants, ${RAW * 100} % raw SQL`

/** Ordered by the number of tenants, because databases are made when they are needed. */
const NEAR: readonly Goal[] = [
  { title: '1 tenant', cell: ONE_TENANT, throughput: 0.99, cpu: 1.03 },
  { title: '1,000 tenants', cell: LONG_REQUESTS, throughputToWithSchema: 0.97, clientCpu: 1.08 },
  { title: '1,000 tenants', cell: SHORT_REQUESTS, throughputToWithSchema: 0.97, p99: 1.15 },
  {
    title: '1,000 tenants, visits',
    cell: VISITS,
    throughputToWithSchema: 0.97,
    switches: 0.09,
    connections: 8,
  },
  { title: '1,000 tenants', cell: SIX_IN_FLIGHT, switches: 0.09 },
  { title: RAW_TITLE, cell: withRaw(LONG_REQUESTS, RAW), throughput: 0.85 },
  { title: RAW_TITLE, cell: withRaw(SHORT_REQUESTS, RAW), throughput: 0.85 },
]

const FAR_TITLE = `1,000 tenants, ${DELAY_MILLIS} ms away`

const FAR: readonly Goal[] = [
  { title: FAR_TITLE, cell: LONG_REQUESTS, throughput: 0.98 },
  { title: FAR_TITLE, cell: SHORT_REQUESTS, throughput: 0.98 },
]

const MANY: readonly Goal[] = [
  { title: '10,000 tenants', cell: MANY_TENANTS, throughputToWithSchema: 0.97 },
]

await onEachServer('goals', measure, goalsTable)

async function measure(field: Field): Promise<GoalsResult> {
  const near = await measureAll(field, NEAR)
  const far = await measureFar(field)
  const many = await measureAll(field, MANY)
  const footprints: Footprint[] = []
  for (const entry of OUR_ENTRIES) footprints.push(await footprintOf(field, entry, TENANTS))
  return { cells: [...near, ...far, ...many], tenants: TENANTS, footprints }
}

async function measureFar(field: Field): Promise<GoalCell[]> {
  return withDelay(await field.account(0), DELAY_MILLIS, ({ host, port }) =>
    measureAll(field, FAR, { host, port }),
  )
}

async function measureAll(field: Field, goals: readonly Goal[], way?: Way): Promise<GoalCell[]> {
  const measured: GoalCell[] = []
  for (const goal of fewOf(goals)) {
    const { contenders } = assertRight(await compare(field, cellOf(goal.cell), MAIN_ENTRIES, way))
    measured.push({ goal, contenders })
  }
  return measured
}
