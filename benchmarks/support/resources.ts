import { seedOf } from '../../src/testing/random.ts'
import { type ContenderKey, POOLING, SHARING } from '../contenders/load.ts'
import type { Field } from './bench-server.ts'
import { isBrief } from './brief.ts'
import { type Answerer, startAnswerer } from './calls.ts'
import { type Cell, difference, SEED } from './comparison.ts'
import { connectionMemory } from './connection-memory.ts'
import type { ContenderCalls, Held, TurnTask } from './contender-process.ts'
import { takeTurns } from './rounds.ts'
import { percentiles } from './statistics.ts'
import { type Measured, type Summary, summarise } from './summary.ts'

/** The resources of one contender in a process of its own. */
export interface Resources {
  readonly key: ContenderKey
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
const KEYS: readonly ContenderKey[] = isBrief
  ? ['tenant-knex', ...POOLING]
  : [...SHARING.filter((key) => key !== 'plain'), ...POOLING]

/** The results of turns of plain Knex and of another contender. */
interface Pair {
  readonly plain: Summary
  readonly other: Resources
}

/** A contender's process, and its account at the server. */
interface Entrant {
  readonly process: Answerer<ContenderCalls>
  readonly name: string
  readonly user: string
}

/** Measures each contender in turns with plain Knex, which is the first in the result. */
export async function measureResources(field: Field, cell: Cell): Promise<Resources[]> {
  await touchAll(field, await field.databases(cell.tenants + NEW_TENANTS))
  const plain = await enter(field, cell, 'plain', 0)
  try {
    const first = await measureFirst(plain, cell)
    const pairs: Pair[] = []
    for (const [index, key] of KEYS.entries()) {
      pairs.push(await measurePair(field, cell, plain, key, index + 1))
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

async function measurePair(
  field: Field,
  cell: Cell,
  plain: Entrant,
  key: ContenderKey,
  number: number,
): Promise<Pair> {
  const entrant = await enter(field, cell, key, number)
  try {
    const first = await measureFirst(entrant, cell)
    const pair = [plain, entrant]
    const rounds = await takeTurns(
      ROUNDS,
      () => pair,
      (each, round) => takeTurn(field, each, turnOf(cell, round)),
    )
    const names = pair.map(({ name }) => name)
    const [ofPlain, summary] = summarise(names, rounds) as [Summary, Summary]
    return { plain: ofPlain, other: { key, summary, first, ...(await heldFor(field, entrant)) } }
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

async function enter(
  field: Field,
  cell: Cell,
  contender: ContenderKey,
  number: number,
): Promise<Entrant> {
  const databases = await field.databases(cell.tenants + NEW_TENANTS)
  const connection = await field.account(number)
  const flags = isBrief ? ['--brief'] : []
  const process = startAnswerer<ContenderCalls>('./contender-process.ts', flags)
  const setting = { connection, poolMax: cell.poolMax, databases }
  const name = await process.call('open', { contender, setting })
  return { process, name, user: connection.user }
}

async function leave({ process }: Entrant): Promise<void> {
  try {
    await process.call('close')
  } finally {
    await process.end()
  }
}

/** Queries other tenants first, so that all code is loaded and compiled. */
async function measureFirst({ process }: Entrant, cell: Cell): Promise<Resources['first']> {
  const traffic = { ...cell, tenants: Math.min(cell.tenants, 10) }
  await process.call('turn', { ...turnOf(cell, ROUNDS.warmUp), traffic })
  const tenants = Array.from({ length: NEW_TENANTS }, (_, index) => cell.tenants + index)
  const times = await process.call('askOnce', tenants)
  const [p50, p99] = percentiles(times, [0.5, 0.99])
  return { p50, p99 } as Resources['first']
}

function turnOf(cell: Cell, round: number): TurnTask {
  const { concurrency } = cell
  return { traffic: cell, concurrency, seed: seedOf(SEED, round), millis: TURN_MILLIS }
}

async function takeTurn(
  field: Field,
  { process, user }: Entrant,
  turn: TurnTask,
): Promise<Measured> {
  const before = field.cpu?.()
  const here = await process.call('turn', turn)
  const serverMicros = difference(field.cpu?.(), before)
  return { ...here, serverMicros, connections: await field.connections(user) }
}
