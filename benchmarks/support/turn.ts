import { type Random, seededRandom, seedOf } from '../../src/testing/random.ts'
import type { OpenContender, Operation, Session } from './contender.ts'
import { chooseOperation, chooseRead, chooseWrite, isRight } from './operations.ts'
import type { NextRequest, Request } from './traffic.ts'

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
  /** How many statements were answered, without BEGIN and COMMIT. */
  readonly operations: number
  /**
   * The time of each statement in milliseconds, including failed ones, in no order. A transaction has one
   * time for all of it.
   */
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

  fail(error: unknown): void {
    this.errors++
    this.firstError ??= String(error)
  }

  endSince(startedAt: number): void {
    this.lastAnswerAt = performance.now()
    this.latencies.push(this.lastAnswerAt - startedAt)
  }
}

/** Lets clients send requests until the time is over, and waits for their last answers. */
export async function runLoad(contender: OpenContender, load: Load): Promise<Seen> {
  const tally = new Tally()
  const startedAt = performance.now()
  const ended = Array.from({ length: load.concurrency }, (_, number) =>
    new Client(contender, load, number, tally).run(startedAt + load.millis),
  )
  await Promise.all(ended)
  const { operations, latencies, wrongRows, errors, firstError } = tally
  const seconds = (tally.lastAnswerAt - startedAt) / 1_000
  return { seconds, operations, latencies, wrongRows, errors, firstError }
}

/** Sends one request after the other, and checks the answers. */
class Client {
  readonly #contender: OpenContender
  readonly #load: Load
  readonly #random: Random
  readonly #tally: Tally

  constructor(contender: OpenContender, load: Load, number: number, tally: Tally) {
    this.#contender = contender
    this.#load = load
    this.#random = seededRandom(seedOf(load.seed, number))
    this.#tally = tally
  }

  async run(deadline: number): Promise<void> {
    const next = this.#load.client(this.#random)
    do {
      const request = next()
      if (request.isTransaction) await this.#sendTransaction(request)
      else await this.#sendStatements(request)
    } while (performance.now() < deadline)
  }

  async #sendStatements({ tenant, queries, raw }: Request): Promise<void> {
    const database = this.#load.databases[tenant] as string
    const session = this.#contender.session(database)
    const rawSession = raw > 0 ? offered(this.#contender.rawSession)(database) : session
    for (let query = 0; query < queries; query++) {
      const isRaw = raw > 0 && this.#random() < raw
      await this.#sendStatement(isRaw ? rawSession : session, tenant)
    }
  }

  async #sendStatement(session: Session, tenant: number): Promise<void> {
    const operation = chooseOperation(this.#random, tenant)
    const startedAt = performance.now()
    try {
      await this.#ask(session, operation, tenant)
    } catch (error) {
      this.#tally.fail(error)
    }
    this.#tally.endSince(startedAt)
  }

  /** Reads, and then one write: a transaction that waits for no other's lock cannot be in a deadlock. */
  async #sendTransaction({ tenant, queries }: Request): Promise<void> {
    const transaction = offered(this.#contender.transaction)
    const startedAt = performance.now()
    try {
      await transaction(this.#load.databases[tenant] as string, async (session) => {
        for (let read = 1; read < queries; read++) {
          await this.#ask(session, chooseRead(this.#random), tenant)
        }
        await this.#ask(session, chooseWrite(this.#random, tenant), tenant)
      })
    } catch (error) {
      this.#tally.fail(error)
    }
    this.#tally.endSince(startedAt)
  }

  async #ask(session: Session, operation: Operation, tenant: number): Promise<void> {
    const { databases, floor } = this.#load
    const row = await session(operation)
    this.#tally.operations++
    const database = databases[tenant] as string
    if (!isRight(operation, row, tenant, database, floor)) this.#tally.wrongRows++
  }
}

function offered<Send>(send: Send | undefined): Send {
  if (send === undefined) throw new Error('This contender does not send such requests.')
  return send
}
