import { seedOf } from '../../src/testing/random.ts'
import type { Entry } from '../contenders/load.ts'
import type { Field } from './bench-server.ts'
import { isBrief } from './brief.ts'
import type { TurnTask } from './contender-process.ts'
import { type Entrant, enter, leave, type Place, takeTurn, type Way } from './entrant.ts'
import { takeTurns } from './rounds.ts'
import { type Summary, summarise } from './summary.ts'
import type { Traffic } from './traffic.ts'

/** The seed of all random choices in all benchmarks: the traffic is the same each time. */
export const SEED = 20_261_128

/** How long a contender's turn is, in milliseconds. */
export const TURN_MILLIS: number = isBrief ? 30 : 170

/** How often each contender has a turn that counts. */
export const ROUNDS: number = isBrief ? 2 : 24

/**
 * How many statements each contender runs before its turns count. Most of these are needed until its code is
 * fully compiled; before that a statement takes up to four times as long. Each cell warms up again, because
 * it has new processes.
 */
const WARM_STATEMENTS = isBrief ? 50 : 10_000

/** The most turns of a warm-up. */
const WARM_TURNS = isBrief ? ROUNDS : 4 * ROUNDS

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

/** Compares contenders in a cell, each in its own process, in turns. The first one is the baseline. */
export async function compare(
  field: Field,
  cell: Cell,
  entries: readonly Entry[],
  way?: Way,
): Promise<CellResult> {
  const databases = await field.databases(cell.tenants)
  const place = { databases, poolMax: cell.poolMax, ...(way ? { way } : {}) }
  const entrants = await enterAll(field, entries, place)
  try {
    for (const entrant of entrants) await warmUp(entrant, cell)
    const rounds = await takeTurns(
      { warmUp: 0, measured: ROUNDS },
      () => entrants,
      (entrant, round) => takeTurn(field, entrant, turnOf(cell, round)),
    )
    const names = entrants.map(({ name }) => name)
    return { cell, contenders: summarise(names, rounds) }
  } finally {
    await Promise.all(entrants.map(leave))
  }
}

/** Starts all processes. If one of them fails, the others end. */
async function enterAll(
  field: Field,
  entries: readonly Entry[],
  place: Place,
): Promise<readonly Entrant[]> {
  const starting = entries.map((entry, number) => enter(field, entry, place, number))
  const started = await Promise.allSettled(starting)
  const entrants = started.flatMap((each) => (each.status === 'fulfilled' ? [each.value] : []))
  const failed = started.find((each) => each.status === 'rejected')
  if (failed === undefined) return entrants
  await Promise.all(entrants.map(leave))
  throw failed.reason
}

/** Lets a contender run until its code is compiled; a slow one gets as far as the time allows. */
export async function warmUp({ process }: Entrant, cell: Cell): Promise<void> {
  let statements = 0
  for (let turn = 0; turn < WARM_TURNS && statements < WARM_STATEMENTS; turn++) {
    const { operations } = await process.call('turn', turnOf(cell, turn))
    statements += operations
  }
}

/** One turn of a round. In a round all contenders get the same traffic. */
export function turnOf(cell: Cell, round: number, millis: number = TURN_MILLIS): TurnTask {
  const { concurrency, poolMax: _, ...traffic } = cell
  return { traffic, concurrency, seed: seedOf(SEED, round), millis }
}
