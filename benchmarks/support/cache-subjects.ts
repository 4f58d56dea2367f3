import { setTimeout } from 'node:timers/promises'
import { createClient, createKeyv } from '@keyv/redis'
import Keyv from 'keyv'
import { LRUCache } from 'lru-cache'
import NodeCache from 'node-cache'

// The built package, because a loader for TypeScript records each closure's name, which makes closures
// slower.
const built = new URL('../../dist/esm/index.js', import.meta.url)
const { createTenantKnex }: typeof import('../../src/index.ts') = await import(built.href)

/** The measured functions of a cache. They may return values instead of promises. */
export interface CacheSubject {
  readonly name: string
  /** True if it is normally called without `await`. */
  readonly isSync?: boolean
  get(key: string): unknown
  getMany?(keys: string[]): unknown
  set(key: string, value: unknown): unknown
  remember(key: string, factory: () => unknown): unknown
  close?(): unknown
}

const TTL_MILLIS = 600_000
const MAX_ITEMS = 10_000
const CONNECTION = { host: '127.0.0.1', port: 3306, user: 'app', password: 'secret' }

/** Subjects on one Redis, each with its own connection. The baseline is the last. */
export async function redisSubjects(url: string): Promise<CacheSubject[]> {
  const subjects = [ours(url), keyvRedis(url), await plainRedis(url)]
  // The cache keeps nothing until it is connected.
  while (!(await subjects[0]?.set('ready', true))) await setTimeout(100)
  return subjects
}

/** The version of the server. */
export async function redisVersion(url: string): Promise<string> {
  const client = createClient({ url })
  await client.connect()
  const info = await client.info('server')
  client.destroy()
  return /redis_version:(\S+)/.exec(info)?.[1] ?? 'unknown'
}

/** Subjects in this process. The baseline is the last. */
export function processSubjects(): CacheSubject[] {
  return [
    ours(undefined),
    keyvMap(),
    jsonLru(),
    sharingLru(),
    nodeCache('node-cache, without await', true),
    nodeCache('node-cache', false),
  ]
}

function ours(store: string | undefined): CacheSubject {
  const tenantKnex = createTenantKnex({
    connection: CONNECTION,
    cache: { root: 'tenant-knex-benchmark', ttlMillis: TTL_MILLIS, ...(store ? { store } : {}) },
  })
  const { cache } = tenantKnex('acme')
  const options = { ttlMillis: TTL_MILLIS }
  return {
    name: 'tenant-knex',
    get: (key) => cache.get(key),
    getMany: (keys) => cache.getMany(keys),
    set: (key, value) => cache.set(key, value),
    remember: (key, factory) => cache.remember(key, options, factory),
    close: async () => {
      await cache.purge()
      await tenantKnex.destroy()
    },
  }
}

/** Plain Keyv for tenants: a namespace for each. */
function keyvRedis(url: string): CacheSubject {
  const namespace = 'tenant-knex-benchmark-keyv'
  return keyvSubject('Keyv', createKeyv(url, { namespace }), true)
}

function keyvMap(): CacheSubject {
  return keyvSubject('Keyv', new Keyv({ namespace: 'acme' }), false)
}

function keyvSubject(name: string, keyv: Keyv, isClosed: boolean): CacheSubject {
  return {
    name,
    get: (key) => keyv.get(key),
    getMany: (keys) => keyv.getMany(keys),
    set: (key, value) => keyv.set(key, value, TTL_MILLIS),
    remember: async (key, factory) => (await keyv.get(key)) ?? factory(),
    close: async () => {
      if (!isClosed) return
      await keyv.clear()
      await keyv.disconnect()
    },
  }
}

/** `@redis/client` with JSON. Both others use it too. */
async function plainRedis(url: string): Promise<CacheSubject> {
  const client = createClient({ url })
  await client.connect()
  const prefix = 'tenant-knex-benchmark-plain:'
  const get = async (key: string) => parse(await client.get(prefix + key))
  const expiration = { type: 'PX', value: TTL_MILLIS } as const
  return {
    name: '`@redis/client`',
    get,
    getMany: async (keys) => (await client.mGet(keys.map((key) => prefix + key))).map(parse),
    set: (key, value) => client.set(prefix + key, JSON.stringify(value), { expiration }),
    remember: async (key, factory) => (await get(key)) ?? factory(),
    close: () => client.destroy(),
  }
}

function parse(text: string | null | undefined): unknown {
  return typeof text === 'string' ? JSON.parse(text) : undefined
}

/** Each reader gets its own object. */
function jsonLru(): CacheSubject {
  const cache = new LRUCache<string, string>({ max: MAX_ITEMS, ttl: TTL_MILLIS })
  const get = (key: string) => parse(cache.get(key))
  return {
    name: 'lru-cache of JSON',
    get,
    set: (key, value) => cache.set(key, JSON.stringify(value)),
    remember: (key, factory) => get(key) ?? factory(),
  }
}

/** All readers get the same object. */
function sharingLru(): CacheSubject {
  const cache = new LRUCache<string, object>({ max: MAX_ITEMS, ttl: TTL_MILLIS })
  return {
    name: 'lru-cache, shared objects',
    get: (key) => cache.get(key),
    set: (key, value) => cache.set(key, value as object),
    remember: (key, factory) => cache.get(key) ?? factory(),
  }
}

/** Copies each value, at writes and at reads. */
function nodeCache(name: string, isSync: boolean): CacheSubject {
  const cache = new NodeCache({ stdTTL: TTL_MILLIS / 1_000, checkperiod: 0 })
  return {
    name,
    isSync,
    get: (key) => cache.get(key),
    set: (key, value) => cache.set(key, value),
    remember: (key, factory) => cache.get(key) ?? factory(),
  }
}
