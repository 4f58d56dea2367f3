import { type Entry, PLAIN_KNEX, POOLING, SHARING } from '../contenders/load.ts'
import type { Field } from './bench-server.ts'
import { isBrief } from './brief.ts'
import { type Cell, turnOf } from './comparison.ts'
import { connectionMemory } from './connection-memory.ts'
import type { Held } from './contender-process.ts'
import { type Entrant, enter, leave, takeTurn } from './entrant.ts'
import { takeTurns } from './rounds.ts'
import { percentiles } from './statistics.ts'
import { type Summary, summarise } from './summary.ts'

/** The resources of one contender in a process of its own. */
export interface Resources {
  readonly key: Entry['key']
  /** Ratios are to plain Knex, which took turns with it in another process. */
  readonly summary: Summary
  readonly held: Held
  /** The memory of the server for its connections, in bytes. */
  readonly serverBytes: number
  /** How long a tenant's first statement takes, in milliseconds, after statements of other tenants. */
  readonly first: { readonly p50: number; readonly p99: number }
}

/** Pools for each tenant are filled first. Some contenders continue to open new ones. */
const ROUNDS = isBrief ? { warmUp: 1, measured: 2 } : { warmUp: 6, measured: 16 }
const TURN_MILLIS = isBrief ? 50 : 500

/** How many tenants without any request there are, beside those that the turns use. */
const NEW_TENANTS = isBrief ? 5 : 100

/** With `--brief` only those that `alternatives.ts` does not try. */
const ENTRIES: readonly Entry[] = isBrief
  ? [{ key: 'tenant-knex' }, ...POOLING]
  : [...SHARING.slice(1), ...POOLING]

/** The results of turns of plain Knex and of another contender. */
interface Pair {
  readonly plain: Summary
  readonly other: Resources
}

/** Measures each contender in turns with plain Knex, which is the first in the result. */
export async function measureResources(field: Field, cell: Cell): Promise<Resources[]> {
  await touchAll(field, await field.databases(cell.tenants + NEW_TENANTS))
  const plain = await enterWithNew(field, cell, PLAIN_KNEX, 0)
  try {
    const first = await measureFirst(plain, cell)
    const pairs: Pair[] = []
    for (const [index, entry] of ENTRIES.entries()) {
      pairs.push(await measurePair(field, cell, plain, entry, index + 1))
    }
    const { plain: summary } = pairs.at(-1) as Pair
    const ofPlain = { key: 'plain', summary, first, ...(await heldFor(field, plain)) } as const
    return [ofPlain, ...pairs.map(({ other }) => other)]
  } finally {
    await leave(plain)
  }
}

/** Opens tables first. Otherwise the first contender would wait for the server to open them. */
async function touchAll(field: Field, databases: readonly string[]): Promise<void> {
  for (const database of databases) await field.query(`SELECT id FROM ${database}.items LIMIT 1`)
}

async function enterWithNew(
  field: Field,
  { tenants, poolMax }: Cell,
  entry: Entry,
  number: number,
): Promise<Entrant> {
  const databases = await field.databases(tenants + NEW_TENANTS)
  return enter(field, entry, { databases, poolMax }, number)
}

async function measurePair(
  field: Field,
  cell: Cell,
  plain: Entrant,
  entry: Entry,
  number: number,
): Promise<Pair> {
  const entrant = await enterWithNew(field, cell, entry, number)
  try {
    const first = await measureFirst(entrant, cell)
    const pair = [plain, entrant]
    const rounds = await takeTurns(
      ROUNDS,
      () => pair,
      (each, round) => takeTurn(field, each, turnOf(cell, round, TURN_MILLIS)),
    )
    const names = pair.map(({ name }) => name)
    const [ofPlain, summary] = summarise(names, rounds) as [Summary, Summary]
    const held = await heldFor(field, entrant)
    return { plain: ofPlain, other: { key: entry.key, summary, first, ...held } }
  } finally {
    await leave(entrant)
  }
}

/** The server first, because full collections here take a while. */
async function heldFor(
  field: Field,
  { process, user }: Entrant,
): Promise<Pick<Resources, 'held' | 'serverBytes'>> {
  const serverBytes = await connectionMemory(field, user)
  return { serverBytes, held: await process.call('held') }
}

/** Queries other tenants first, so that all code is loaded and compiled. */
async function measureFirst({ process }: Entrant, cell: Cell): Promise<Resources['first']> {
  const others = { ...cell, tenants: Math.min(cell.tenants, 10) }
  await process.call('turn', turnOf(others, ROUNDS.warmUp, TURN_MILLIS))
  const tenants = Array.from({ length: NEW_TENANTS }, (_, index) => cell.tenants + index)
  const { times } = await process.call('askOnce', { tenants, clients: 1 })
  const [p50, p99] = percentiles(times, [0.5, 0.99])
  return { p50, p99 } as Resources['first']
}
