import { seededRandom, seedOf } from '../../src/testing/random.ts'
import { type Arrival, arrivalsOf, type Source } from './arrivals.ts'
import type { Field } from './bench-server.ts'
import { isBrief } from './brief.ts'
import { SEED } from './comparison.ts'
import type { Contender, OpenContender } from './contender.ts'
import { type Outcome, runOpenLoop, type Send } from './open-loop.ts'
import { percentiles } from './statistics.ts'
import type { Latency } from './summary.ts'

/** A tenant that takes more than its share. */
export interface Abuser {
  /** Its demand, as a part of the pool's capacity. */
  readonly load: number
  /** How long its statements keep a connection. */
  readonly busyMillis: number
}

/** The noisy neighbours of the other tenants. */
export interface Scenario {
  readonly name: string
  readonly abusers: readonly Abuser[]
  /** How many statements of one more tenant wait for a lock. */
  readonly stuck?: number
}

/** The results of the other tenants. */
export interface SeenByOthers {
  readonly latency: Latency
  readonly wrongRows: number
  readonly errors: number
  readonly firstError?: string
  /** The 99th percentile of how late requests were sent, in milliseconds. */
  readonly lateness: number
  /** The results of the abusers' requests. */
  readonly abusers: { readonly answered: number; readonly failed: number }
}

/** How many tenants use half of the pool's capacity together. */
export const OTHERS = isBrief ? 10 : 100
const OTHERS_LOAD = 0.5

export const POOL_MAX = isBrief ? 3 : 10

/** How long a statement keeps its connection at the server. So the pool is the bottleneck. */
export const BUSY_MILLIS = 10

/** Nothing is counted in this time. Abusers come after it. */
const WARM_UP_MILLIS = isBrief ? 100 : 1_000
export const MEASURED_MILLIS = isBrief ? 300 : 8_000

/** Includes room for the names of abusers. */
const TENANTS = OTHERS + 5

/** Statements per second of all connections together, if all are always busy. */
export async function capacityOf(field: Field, contender: Contender): Promise<number> {
  return withContender(field, contender, async (open, databases) => {
    const random = seededRandom(SEED)
    const until = performance.now() + MEASURED_MILLIS / 4
    let count = 0
    const client = async (): Promise<void> => {
      while (performance.now() < until) {
        const tenant = Math.floor(random() * OTHERS)
        await ask(open, databases, { millis: 0, tenant, busyMillis: BUSY_MILLIS })
        count++
      }
    }
    const startedAt = performance.now()
    await Promise.all(Array.from({ length: 4 * POOL_MAX }, client))
    return (count / (performance.now() - startedAt)) * 1_000
  })
}

/** Lets abusers use a pool together with other tenants, and returns the results of the others. */
export async function observe(
  field: Field,
  contender: Contender,
  scenario: Scenario,
  capacity: number,
  round: number,
): Promise<SeenByOthers> {
  return withContender(field, contender, async (open, databases) => {
    const arrivals = arrivalsIn(scenario, capacity, round)
    const send: Send = (arrival) => ask(open, databases, arrival)
    if (!scenario.stuck) return summarise(await runOpenLoop(arrivals, send))
    const locked = `${databases[TENANTS - 1]}.items`
    return summarise(await whileStuck(field, open, locked, scenario.stuck, arrivals, send))
  })
}

async function withContender<T>(
  field: Field,
  contender: Contender,
  fn: (open: OpenContender, databases: readonly string[]) => Promise<T>,
): Promise<T> {
  const databases = await field.databases(TENANTS)
  const connection = await field.account(0)
  const open = await contender.open({ connection, poolMax: POOL_MAX, databases })
  try {
    return await fn(open, databases)
  } finally {
    await open.close()
  }
}

/** Each source has its own random numbers, so that the others' requests are the same in all scenarios. */
function arrivalsIn({ abusers }: Scenario, capacity: number, round: number): Arrival[] {
  const seed = seedOf(SEED, round)
  const until = WARM_UP_MILLIS + MEASURED_MILLIS
  const others: Source = {
    tenants: Array.from({ length: OTHERS }, (_, tenant) => tenant),
    perSecond: OTHERS_LOAD * capacity,
    busyMillis: BUSY_MILLIS,
  }
  const added = abusers.map(({ load, busyMillis }, index): Source => {
    const perSecond = (load * capacity * BUSY_MILLIS) / busyMillis
    return { tenants: [OTHERS + index], perSecond, busyMillis }
  })
  return [
    ...arrivalsOf(seededRandom(seed), others, 0, until),
    ...added.flatMap((source, index) =>
      arrivalsOf(seededRandom(seedOf(seed, index + 1)), source, WARM_UP_MILLIS, until),
    ),
  ]
}

/** Returns true if the row is the tenant's own. The row comes after some time. */
async function ask(
  open: OpenContender,
  databases: readonly string[],
  { tenant, busyMillis }: Arrival,
): Promise<boolean> {
  const database = databases[tenant] as string
  const sql = `SELECT tenant, SLEEP(${busyMillis / 1_000}) FROM ${database}.items WHERE id = 1`
  const [row] = await open.query(database, sql)
  return row?.tenant === database
}

/** A connection outside the pool holds a lock as long as requests come. */
async function whileStuck(
  field: Field,
  open: OpenContender,
  locked: string,
  count: number,
  arrivals: readonly Arrival[],
  send: Send,
): Promise<Outcome[]> {
  const [database = ''] = locked.split('.')
  await field.query('BEGIN')
  await field.query(`SELECT id FROM ${locked} WHERE id = 2 FOR UPDATE`)
  const update = `UPDATE ${locked} SET quantity = quantity + 1 WHERE id = 2`
  const stuck: Promise<unknown>[] = []
  const begin = setTimeout(() => {
    for (let index = 0; index < count; index++) stuck.push(open.query(database, update))
  }, WARM_UP_MILLIS)
  const end = setTimeout(() => field.query('ROLLBACK'), WARM_UP_MILLIS + MEASURED_MILLIS)
  try {
    return await runOpenLoop(arrivals, send)
  } finally {
    clearTimeout(begin)
    clearTimeout(end)
    await field.query('ROLLBACK')
    await Promise.allSettled(stuck)
  }
}

function summarise(outcomes: readonly Outcome[]): SeenByOthers {
  const counted = outcomes.filter(({ arrival }) => arrival.millis >= WARM_UP_MILLIS)
  const [others, abusers] = [counted.filter(isOther), counted.filter((one) => !isOther(one))]
  const latencies = others.map(({ latency }) => latency)
  const [p50, p95, p99] = percentiles(latencies, [0.5, 0.95, 0.99])
  const [lateness] = percentiles(
    counted.map((outcome) => outcome.lateness),
    [0.99],
  )
  const failed = others.filter(({ error }) => error !== undefined)
  const failedAbusers = abusers.filter(({ error }) => error !== undefined).length
  return {
    latency: { p50, p95, p99 } as Latency,
    wrongRows: counted.filter(({ isRight }) => !isRight).length,
    errors: failed.length,
    ...(failed[0]?.error === undefined ? {} : { firstError: failed[0].error }),
    lateness: lateness as number,
    abusers: { answered: abusers.length - failedAbusers, failed: failedAbusers },
  }
}

function isOther({ arrival }: Outcome): boolean {
  return arrival.tenant < OTHERS
}
