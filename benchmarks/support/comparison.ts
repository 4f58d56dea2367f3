import { setImmediate as nextTurn } from 'node:timers/promises'
import { seedOf } from '../../src/testing/random.ts'
import type { Field } from './bench-server.ts'
import { isBrief } from './brief.ts'
import type { Contender, OpenContender } from './contender.ts'
import { takeTurns } from './rounds.ts'
import { type Measured, type Summary, summarise } from './summary.ts'
import { clients, type Traffic } from './traffic.ts'
import { type Load, runLoad } from './turn.ts'

/** The seed of all random choices in all benchmarks: the traffic is the same each time. */
export const SEED = 20_261_128

/** How long a contender's turn is, in milliseconds. */
export const TURN_MILLIS: number = isBrief ? 30 : 170

/** How often each contender has a turn that counts. */
export const ROUNDS: number = isBrief ? 2 : 24

/**
 * How many statements each contender runs before its turns count. Most of these are needed until its code is
 * fully compiled; before that a statement takes up to four times as long. Each cell warms up again, because
 * it may run other code.
 */
const WARM_STATEMENTS = isBrief ? 50 : 10_000

/** The most turns of a warm-up. */
const WARM_ROUNDS = isBrief ? ROUNDS : 4 * ROUNDS

/** One set of parameters for comparing contenders. */
export interface Cell extends Traffic {
  /** How many clients there are. Each has one request at a time. */
  readonly concurrency: number
  readonly poolMax: number
}

/** The results of a cell. */
export interface CellResult {
  readonly cell: Cell
  /** In the order of the contenders. Ratios are to the first one. */
  readonly contenders: readonly Summary[]
}

/** Another address for the server, such as a proxy in front of it. */
export interface Way {
  readonly host: string
  readonly port: number
}

/** An open contender, and the data for its turns. */
interface Entrant {
  readonly contender: Contender
  readonly user: string
  readonly open: OpenContender
  readonly client: Load['client']
}

/** Compares contenders in a cell, in turns of one run. The first one is the baseline. */
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
 * Lets contenders run until the code of each is compiled; a slow one gets as far as the time allows. They
 * take turns, because shared code is compiled for all of them.
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

/** Measures one turn: the clients' results, and the costs. */
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
 * Collects young garbage, so that it does not cost time in the next turn. It does not collect all garbage,
 * because that would throw away compiled code. A statement would then take four times as long, mostly for
 * compiling.
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
