import { type Random, seededRandom, seedOf } from '../../src/testing/random.ts'
import type { OpenContender, Session } from './contender.ts'
import { chooseOperation, isRight } from './operations.ts'
import type { NextRequest } from './traffic.ts'

/** The load on a contender for a while. */
export interface Load {
  readonly databases: readonly string[]
  /** The database of all rows, if the contender has only one. */
  readonly floor: string | undefined
  /** How many clients there are. Each has one request at a time. */
  readonly concurrency: number
  readonly client: (random: Random) => NextRequest
  readonly seed: number
  readonly millis: number
}

/** The clients' results. */
export interface Seen {
  /** From the first request to the last answer, in seconds. */
  readonly seconds: number
  /** How many statements were answered. */
  readonly operations: number
  /** The time of each statement in milliseconds, including failed ones, in no order. */
  readonly latencies: readonly number[]
  /** How many answers belonged to another tenant. */
  readonly wrongRows: number
  readonly errors: number
  readonly firstError: string | undefined
}

/** Counts the results of one load's clients. */
class Tally {
  operations = 0
  wrongRows = 0
  errors = 0
  firstError: string | undefined
  readonly latencies: number[] = []
  lastAnswerAt = 0
}

/** Lets clients send requests until the time is over, and waits for their last answers. */
export async function runLoad(contender: OpenContender, load: Load): Promise<Seen> {
  const tally = new Tally()
  const startedAt = performance.now()
  const workers = Array.from({ length: load.concurrency }, (_, worker) =>
    runClient(contender, load, worker, tally, startedAt + load.millis),
  )
  await Promise.all(workers)
  const { operations, latencies, wrongRows, errors, firstError } = tally
  const seconds = (tally.lastAnswerAt - startedAt) / 1_000
  return { seconds, operations, latencies, wrongRows, errors, firstError }
}

async function runClient(
  contender: OpenContender,
  load: Load,
  worker: number,
  tally: Tally,
  deadline: number,
): Promise<void> {
  const random = seededRandom(seedOf(load.seed, worker))
  const next = load.client(random)
  do {
    const { tenant, queries } = next()
    const session = contender.session(load.databases[tenant] as string)
    for (let query = 0; query < queries; query++) await send(session, load, tenant, random, tally)
  } while (performance.now() < deadline)
}

async function send(
  session: Session,
  { databases, floor }: Load,
  tenant: number,
  random: Random,
  tally: Tally,
): Promise<void> {
  const operation = chooseOperation(random, tenant)
  const startedAt = performance.now()
  try {
    const row = await session(operation)
    tally.operations++
    if (!isRight(operation, row, tenant, databases[tenant] as string, floor)) tally.wrongRows++
  } catch (error) {
    tally.errors++
    tally.firstError ??= String(error)
  }
  tally.lastAnswerAt = performance.now()
  tally.latencies.push(tally.lastAnswerAt - startedAt)
}
