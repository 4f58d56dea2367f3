import knex, { type Knex } from 'knex'
import { each } from './concurrency.ts'
import { databaseOf } from './databases.ts'
import { CONNECTIONS, type Demo } from './demo.ts'
import { withProgress } from './progress.ts'
import { type Request, requests } from './requests.ts'
import { withDatabase } from './server.ts'
import { addColumns } from './tenants.ts'
import { Tally, WORKERS } from './traffic.ts'

const WARM_UP_ROUNDS = 2
const ROUNDS = 24
const REQUESTS_PER_TURN = 500

/** The library's throughput as a multiple of plain Knex's, over all rounds. */
export interface Comparison {
  readonly rounds: number
  readonly median: number
  readonly quartiles: readonly [lower: number, upper: number]
}

type Serve = (request: Request) => Promise<void>

/**
 * Serves the same requests twice: from one database per tenant, and with plain Knex from a single database.
 */
export async function compareWithPlainKnex(demo: Demo, tally: Tally): Promise<Comparison> {
  const { tenantKnex } = demo
  const plain = await openPlainKnex(demo)
  const plainTally = new Tally()
  const ours: Serve = (request) =>
    tally.serve({ db: tenantKnex(request.country), mine: {} }, request)
  const theirs: Serve = (request) =>
    plainTally.serve({ db: plain, mine: { country: request.country } }, request)
  try {
    await gatherCities(demo, plain)
    return summarise(await takeTurns(demo, ours, theirs))
  } finally {
    await plain.destroy()
  }
}

async function openPlainKnex({ url, databases }: Demo): Promise<Knex> {
  const database = databaseOf('all')
  await databases.create(database)
  const connection = withDatabase(url, database)
  return knex({ client: 'mysql2', connection, pool: { min: 0, max: CONNECTIONS } })
}

/** Fills one table for all countries. The country is part of its keys and of each query. */
async function gatherCities({ countries, interrupted }: Demo, plain: Knex): Promise<void> {
  await plain.schema.createTable('cities', (table) => {
    addColumns(table)
    table.primary(['country', 'id'])
    table.index(['country', 'population'])
  })
  await each(countries.keys(), 1, interrupted, async (country) => {
    await plain.raw('INSERT INTO cities SELECT * FROM ??.cities', [databaseOf(country)])
  })
}

/** The ratio of each round. The two sides take turns, because the speed of a machine changes slowly. */
async function takeTurns(demo: Demo, ours: Serve, theirs: Serve): Promise<number[]> {
  const rounds = WARM_UP_ROUNDS + ROUNDS
  return withProgress('Comparing with plain Knex', rounds, async (advance) => {
    const ratios: number[] = []
    for (let round = 0; round < rounds; round++) {
      const isOursFirst = round % 2 === 0
      const first = await takeTurn(demo, round, isOursFirst ? ours : theirs)
      const second = await takeTurn(demo, round, isOursFirst ? theirs : ours)
      ratios.push(isOursFirst ? second / first : first / second)
      advance()
    }
    return ratios.slice(WARM_UP_ROUNDS)
  })
}

/** Serves the requests of a round, and returns the milliseconds that it took. */
async function takeTurn(demo: Demo, round: number, serve: Serve): Promise<number> {
  const { countries, interrupted } = demo
  const start = performance.now()
  await each(requests(countries, REQUESTS_PER_TURN, round), WORKERS, interrupted, serve)
  return performance.now() - start
}

function summarise(ratios: readonly number[]): Comparison {
  const sorted = ratios.toSorted((a, b) => a - b)
  const at = (share: number): number => sorted[Math.round(share * (sorted.length - 1))] as number
  return { rounds: ratios.length, median: at(0.5), quartiles: [at(0.25), at(0.75)] }
}
