import { setImmediate as nextTurn } from 'node:timers/promises'
import { seedOf } from '../../src/testing/random.ts'
import type { Field } from './bench-server.ts'
import { isBrief } from './brief.ts'
import type { Contender, OpenContender } from './contender.ts'
import { takeTurns } from './rounds.ts'
import { type Measured, type Summary, summarise } from './summary.ts'
import { clients, type Traffic } from './traffic.ts'
import { type Load, runLoad } from './turn.ts'

/** Of all random choices of all benchmarks: the same traffic each time. */
export const SEED = 20_261_128

/** How long a contender's turn is, in milliseconds. */
export const TURN_MILLIS: number = isBrief ? 30 : 170

/** How often each contender has a turn that counts. */
export const ROUNDS: number = isBrief ? 2 : 24

/**
 * Statements of each contender before its turns count: until most of these its code is not compiled
 * as well as it will be, and each takes up to four times as long. At each cell, as another one may
 * run code that none before has.
 */
const WARM_STATEMENTS = isBrief ? 50 : 10_000

/** Turns for that at most. */
const WARM_ROUNDS = isBrief ? ROUNDS : 4 * ROUNDS

/** One point that contenders are compared at. */
export interface Cell extends Traffic {
  /** Clients, each with one request at a time. */
  readonly concurrency: number
  readonly poolMax: number
}

/** What was measured at a cell. */
export interface CellResult {
  readonly cell: Cell
  /** In the order of the contenders. Ratios are to the first one. */
  readonly contenders: readonly Summary[]
}

/** Where to reach the server, if not where it is: a proxy in front of it. */
export interface Way {
  readonly host: string
  readonly port: number
}

/** A contender that is open, and what its turns need. */
interface Entrant {
  readonly contender: Contender
  readonly user: string
  readonly open: OpenContender
  readonly client: Load['client']
}

/** Compares contenders at a cell, in turns of one run. The first one is what all are compared with. */
export async function compare(
  field: Field,
  cell: Cell,
  contenders: readonly Contender[],
  way?: Way,
): Promise<CellResult> {
  const databases = await field.databases(cell.tenants)
  const entrants: Entrant[] = []
  try {
    for (const contender of contenders) {
      entrants.push(await enter(field, cell, databases, contender, entrants.length, way))
    }
    const load = { databases, concurrency: cell.concurrency, millis: TURN_MILLIS }
    const turn = (entrant: Entrant, round: number): Promise<Measured> =>
      measure(field, entrant, { ...load, seed: seedOf(SEED, round) })
    await warmUp(entrants, turn)
    const rounds = await takeTurns({ warmUp: 0, measured: ROUNDS }, () => entrants, turn)
    const names = contenders.map(({ name }) => name)
    return { cell, contenders: summarise(names, rounds) }
  } finally {
    for (const { open } of entrants) await open.close()
  }
}

async function enter(
  field: Field,
  cell: Cell,
  databases: readonly string[],
  contender: Contender,
  number: number,
  way: Way | undefined,
): Promise<Entrant> {
  const connection = { ...(await field.account(number)), ...way }
  const open = await contender.open({ connection, poolMax: cell.poolMax, databases })
  return { contender, user: connection.user, open, client: clients(cell) }
}

/**
 * Lets contenders run until the code of each is compiled, a slow one's as well as there is time for.
 * In turns, as the code that they share is compiled for all of them.
 */
async function warmUp(
  entrants: readonly Entrant[],
  turn: (entrant: Entrant, round: number) => Promise<Measured>,
): Promise<void> {
  const statements = new Map(entrants.map((entrant) => [entrant, 0]))
  for (let round = 0; round < WARM_ROUNDS && statements.size > 0; round++) {
    for (const [entrant, before] of statements) {
      const { latencies } = await turn(entrant, round)
      const count = before + latencies.length
      if (count < WARM_STATEMENTS) statements.set(entrant, count)
      else statements.delete(entrant)
    }
  }
}

/** One turn: what clients saw, and what it took. */
async function measure(
  field: Field,
  { contender, open, user, client: clientOf }: Entrant,
  load: Omit<Load, 'client' | 'floor'>,
): Promise<Measured> {
  await nextTurn()
  collectYoungGarbage()
  const server = field.cpu?.()
  const switches = open.switches?.()
  const client = process.cpuUsage()
  const seen = await runLoad(open, { ...load, client: clientOf, floor: contender.answersFrom })
  const { user: own, system } = process.cpuUsage(client)
  return {
    ...seen,
    clientMicros: own + system,
    serverMicros: difference(field.cpu?.(), server),
    switches: difference(open.switches?.(), switches),
    connections: await field.connections(user),
  }
}

/**
 * What the one before has left is not to be the next one's work. Not all garbage: that would throw
 * away compiled code, as nothing that it is made for is alive between turns, and a statement would
 * then take four times as long, compiling in the main.
 */
export function collectYoungGarbage(): void {
  globalThis.gc?.({ type: 'minor' })
}

export function difference(
  now: number | undefined,
  before: number | undefined,
): number | undefined {
  return now === undefined || before === undefined ? undefined : now - before
}
