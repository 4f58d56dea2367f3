/*
 * How does a noisy neighbour affect other tenants? A hundred tenants use half of a pool's capacity. Their
 * requests come on time, whether or not earlier ones have answers. Beside them come tenants that want too
 * much, or that are stuck.
 */
import { strict as assert } from 'node:assert'
import { loadContender, OUR_ENTRIES, ours, QUALIFIED_KNEX } from './contenders/load.ts'
import { type NeighboursResult, neighboursTable, type Observation } from './report/neighbours.ts'
import type { Field } from './support/bench-server.ts'
import { isBrief } from './support/brief.ts'
import type { Contender } from './support/contender.ts'
import {
  BUSY_MILLIS,
  capacityOf,
  MEASURED_MILLIS,
  OTHERS,
  observe,
  POOL_MAX,
  type Scenario,
} from './support/neighbours.ts'
import { onEachServer } from './support/on-each-server.ts'
import { takeTurns } from './support/rounds.ts'

const ROUNDS = { warmUp: 0, measured: isBrief ? 1 : 3 }
const SLOW_MILLIS = 50

/** The first one is the baseline of the others. */
const SCENARIOS: readonly Scenario[] = [
  { name: 'quiet', abusers: [] },
  { name: 'one at +100 %', abusers: [{ load: 1, busyMillis: BUSY_MILLIS }] },
  { name: 'four at +50 %', abusers: Array(4).fill({ load: 0.5, busyMillis: BUSY_MILLIS }) },
  {
    name: `one at +100 %, statements of ${SLOW_MILLIS} ms`,
    abusers: [{ load: 1, busyMillis: SLOW_MILLIS }],
  },
  { name: 'one stuck on a lock with 100 requests', abusers: [], stuck: 100 },
]

/** The most connections of one tenant, if a limit is set. */
const QUARTER = Math.ceil(POOL_MAX / 4)

/** Knex's pool serves requests in their order. */
const CONTENDERS: readonly Contender[] = await Promise.all(
  [
    QUALIFIED_KNEX,
    ...OUR_ENTRIES,
    ours(`tenant-knex, \`maxPerTenant: ${QUARTER}\``, {
      pool: { max: POOL_MAX, maxPerTenant: QUARTER },
    }),
  ].map(loadContender),
)

await onEachServer('neighbours', measure, neighboursTable)

async function measure(field: Field): Promise<NeighboursResult> {
  const capacity = await lowestCapacity(field)
  const subjects = CONTENDERS.flatMap((contender) =>
    SCENARIOS.map((scenario) => ({ contender, scenario })),
  )
  const rounds = await takeTurns(
    ROUNDS,
    () => subjects,
    ({ contender, scenario }, round) => observe(field, contender, scenario, capacity, round),
  )
  const observations = subjects.map(
    ({ contender, scenario }, index): Observation => ({
      contender: contender.name,
      scenario: scenario.name,
      rounds: rounds.map((seen) => seen[index] as Observation['rounds'][number]),
    }),
  )
  const wrong = observations.flatMap((each) => each.rounds).filter((seen) => seen.wrongRows > 0)
  assert.deepEqual(wrong, [])
  const setting = { tenants: OTHERS, poolMax: POOL_MAX, measuredMillis: MEASURED_MILLIS }
  return { ...setting, busyMillis: BUSY_MILLIS, capacity, observations }
}

/** The lowest of the capacities, so that all contenders get the same requests. */
async function lowestCapacity(field: Field): Promise<number> {
  const capacities: number[] = []
  for (const contender of CONTENDERS) capacities.push(await capacityOf(field, contender))
  return Math.min(...capacities)
}
