import { setImmediate as turn } from 'node:timers/promises'
import type { BoundKnex, CacheOptions, TenantCache } from '../../src/index.ts'
import { createTenantKnex } from '../../src/index.ts'
import { pick, pickWeighted, type Random, seededRandom } from '../../src/testing/random.ts'
import { newRoot } from '../../test/server/cache/support/caches.ts'
import { UnorderedAdapter } from '../../test/server/cache/support/unordered-adapter.ts'
import { ITEMS, type TestServer, urlOptions, withTenants } from '../../test/support/tenants.ts'
import { Reference } from './reference.ts'
import { keyOf, runTransaction } from './transactions.ts'

/** The store of the entries. */
export type StoreKind = 'memory' | 'Redis' | 'reordering adapter'

/** The settings of a run. */
export interface Fuzz {
  readonly server: TestServer
  readonly store: StoreKind
  readonly seed: number
  /** The number of steps of each user. */
  readonly steps: number
}

/** The counters of a run. */
export interface FuzzReport {
  readonly transactions: number
  /** Reads that found a value. */
  readonly reads: number
  readonly stale: readonly string[]
}

const LONG = { ttlMillis: 60_000 }
const USERS = 6
const IDS = Array.from({ length: ITEMS }, (_, index) => index + 1)
/** Keys without a row. */
const KEYS = ['x', 'y', 'z']

const PROCEDURES = `
  CREATE PROCEDURE commits() BEGIN COMMIT; START TRANSACTION; END;
  CREATE PROCEDURE commits_and_fails() BEGIN COMMIT; SIGNAL SQLSTATE '45000'; END`

/** Several users do random things at the same time, with one tenant's rows and cache. */
export async function fuzz({ server, store, seed, steps }: Fuzz): Promise<FuzzReport> {
  const random = seededRandom(seed)
  const cache = { ...cacheOptions(store, random), timeoutMillis: 5_000 }
  const options = {
    cache,
    connection: { ...urlOptions(server.url), multipleStatements: true },
    allowMultipleStatements: true,
    pool: { max: USERS + 1, maxPerTenant: USERS + 1 },
    log: { warn: () => undefined }, // Knex warns of implicit commits
  }
  const reference = new Reference()
  let transactions = 0
  await withTenants(server, options, async ({ tenantKnex, admin, databaseOf }) => {
    await admin.query(`USE ${databaseOf('a')}; ${PROCEDURES}`)
    const elsewhere = createTenantKnex({ ...options, database: databaseOf })
    const world: World = {
      random,
      reference,
      knex: tenantKnex('a'),
      // The cache of another process on the same store. In memory it has a store of its own, which is always
      // empty.
      other: elsewhere('a').cache,
      locks: new Map(),
    }
    world.knex.cache.on('error', (error) => reference.stale.push(`an error: ${error}`))
    const users = Array.from({ length: USERS }, async () => {
      for (let step = 0; step < steps; step++) if (await act(world)) transactions++
    })
    await Promise.all(users)
    await elsewhere.destroy()
    await world.knex.cache.purge()
  })
  return { transactions, reads: reference.reads, stale: reference.stale }
}

interface World {
  readonly random: Random
  readonly reference: Reference
  readonly knex: BoundKnex
  readonly other: TenantCache
  /** One transaction writes a row at a time, until the reference knows its outcome. */
  readonly locks: Map<number, Promise<unknown>>
}

function cacheOptions(store: StoreKind, random: Random): CacheOptions {
  if (store === 'memory') return {}
  if (store === 'reordering adapter') return { store: new UnorderedAdapter(random) }
  return { store: process.env.TENANT_KNEX_REDIS_URL as string, root: newRoot() }
}

/** Returns true if it was a transaction. */
async function act(world: World): Promise<boolean> {
  const { run } = pickWeighted(world.random, ACTS)
  await run(world)
  return run === transact
}

const ACTS = [
  { weight: 6, run: readRow },
  { weight: 3, run: transact },
  { weight: 3, run: readKey },
  { weight: 2, run: setKey },
  { weight: 2, run: rememberKey },
  { weight: 2, run: forgetKeys },
]

async function transact({ random, knex, reference, locks }: World): Promise<void> {
  const ids = IDS.filter(() => random() < 0.3)
  const before = ids.map((id) => locks.get(id))
  const run = async (): Promise<void> => {
    await Promise.all(before)
    if (ids.length > 0) await runTransaction(random, knex, ids, reference)
  }
  const done = run()
  for (const id of ids) locks.set(id, done)
  await done
}

async function readRow({ random, knex, other, reference }: World): Promise<void> {
  const { cache } = knex
  const id = pick(random, IDS)
  const ask = async () => {
    const { val } = await knex('items').where({ id }).first('val')
    return val
  }
  const ways: [string, () => Promise<unknown>][] = [
    ['get', () => cache.get(keyOf(id))],
    ['remember', () => cache.remember(keyOf(id), LONG, ask)],
    [
      'remember stale',
      () => cache.remember(keyOf(id), { ttlMillis: 60_000, staleMillis: 60_000 }, ask),
    ],
    ['get elsewhere', () => other.get(keyOf(id))],
  ]
  const [how, run] = pick(random, ways)
  await reference.read([keyOf(id)], how, async () => [await run()])
}

async function readKey({ random, knex: { cache }, reference }: World): Promise<void> {
  const key = pick(random, KEYS)
  if (random() < 0.5) await reference.read([key], 'get', async () => [await cache.get(key)])
  else await reference.read(KEYS, 'getMany', () => cache.getMany(KEYS))
}

async function setKey({ random, knex: { cache }, reference }: World): Promise<void> {
  const key = pick(random, KEYS)
  const value = reference.newValue()
  await cache.set(key, value)
  reference.written(key, value)
}

async function rememberKey({ random, knex: { cache }, reference }: World): Promise<void> {
  const key = pick(random, KEYS)
  const turns = Math.floor(random() * 4)
  await reference.read([key], 'remember', async () => [
    await cache.remember(key, LONG, async () => {
      const value = reference.newValue()
      reference.written(key, value)
      for (let left = turns; left > 0; left--) await turn()
      return value
    }),
  ])
}

async function forgetKeys({ random, knex: { cache }, reference }: World): Promise<void> {
  const key = pick(random, KEYS)
  const ways: [readonly string[] | undefined, () => Promise<unknown>][] = [
    [[key], () => cache.delete(key)],
    [[key], () => cache.delete(key)],
    [KEYS, () => cache.deleteMany(KEYS)],
    [undefined, () => cache.clear()],
    [undefined, () => cache.purge()],
  ]
  await reference.forget(...pick(random, ways))
}
