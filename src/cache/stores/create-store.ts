import { invalid, isObject } from '../../base/option-checks.ts'
import type { ResolvedCacheOptions } from '../../options/cache.ts'
import type { CacheStore } from '../tenant-store.ts'
import { EpochStore } from './epoch-store.ts'
import { Guarded, type IsAnswer } from './guarded.ts'
import type { KeyValue } from './key-value.ts'
import { type KeyvAdapter, KeyvStore } from './keyv-store.ts'
import { MemoryStore } from './memory-store.ts'
import { type NodeCacheLike, NodeCacheStore } from './node-cache.ts'
import { OneWriteAtATime } from './one-write-at-a-time.ts'
import { isRedisReply, Redis } from './redis.ts'
import {
  createRedisClient,
  preloadRedis,
  type RedisClient,
  type RedisOptions,
} from './redis-client.ts'

/**
 * Creates the store that the `cache` options describe. A connection is opened at the first use.
 *
 * @throws `ERR_OPTION_INVALID`
 */
export function createStore(options: ResolvedCacheOptions): CacheStore {
  const { store, timeoutMillis } = options
  if (store === undefined) return new MemoryStore(options)
  const redis = redisOf(store, timeoutMillis)
  if (redis) return keyed(redis, timeoutMillis, isRedisReply)
  if (isNodeCache(store)) {
    // A node-cache is in this process. An error means that it is full, for example, not away.
    return new EpochStore(new Guarded(new NodeCacheStore(store), timeoutMillis, () => true))
  }
  return keyed(otherOf(store), timeoutMillis)
}

function keyed(keyValue: KeyValue, timeoutMillis: number, isAnswer?: IsAnswer): EpochStore {
  const inOrder = keyValue.isOrdered ? keyValue : new OneWriteAtATime(keyValue, timeoutMillis)
  return new EpochStore(new Guarded(inOrder, timeoutMillis, isAnswer))
}

function redisOf(store: string | object, timeoutMillis: number): Redis | undefined {
  if (typeof store === 'string') {
    if (!/^rediss?:\/\//i.test(store) || !isReadable(store)) {
      throw invalid(
        'If `cache.store` is a string, it must be a redis:// or rediss:// URL. Escape characters such as ' +
          '#, %, / and ? in a user name or a password: encodeURIComponent(password).',
      )
    }
    return ownRedis({ url: store }, timeoutMillis)
  }
  if (!isObject(store)) return undefined
  if (isRedisClient(store)) return new Redis({ client: store }, timeoutMillis)
  // A KeyvRedis would add a namespace of its own to the keys, so its client is used. It connects when
  // `getClient` is called.
  const { client, getClient } = store as { client?: unknown; getClient?: () => Promise<unknown> }
  if (isRedisClient(client))
    return new Redis({ client, connect: async () => getClient?.call(store) }, timeoutMillis)
  if (!isPlain(store)) return undefined
  if (['url', 'socket', 'rootNodes'].some((name) => name in store)) {
    return ownRedis({ ...store }, timeoutMillis)
  }
  return undefined
}

/**
 * Checks that user name and password of a URL can be decoded. node-redis decodes them when it connects,
 * so otherwise each call of a cache would fail.
 */
function isReadable(url: string): boolean {
  try {
    const { username, password } = new URL(url)
    for (const text of [username, password]) decodeURIComponent(text)
    return true
  } catch {
    return false
  }
}

function ownRedis(options: RedisOptions, timeoutMillis: number): Redis {
  preloadRedis()
  return new Redis({ create: () => createRedisClient(options) }, timeoutMillis)
}

function otherOf(store: string | object): KeyValue {
  if (has(store, ['deserializeData', 'serializeData'])) {
    throw invalid(
      '`cache.store` is a Keyv, which adds a namespace of its own to keys. Pass the store it was made of.',
    )
  }
  if (has(store, ['peek', 'purgeStale'])) {
    throw invalid(
      '`cache.store` is an lru-cache, which takes other arguments than a Keyv store. Leave it out: the ' +
        'default store is in this process and has a limit, `cache.maxBytes`.',
    )
  }
  if (has(store, ['get', 'set', 'delete', 'clear'])) {
    return new KeyvStore(store as unknown as KeyvAdapter)
  }
  throw invalid(
    '`cache.store` must be a redis:// URL, options or a client of node-redis, a Keyv store adapter, a ' +
      'Map, or a node-cache.',
  )
}

function isNodeCache(value: unknown): value is NodeCacheLike {
  return has(value, ['flushAll', 'getTtl', 'mget', 'set'])
}

function isRedisClient(value: unknown): value is RedisClient {
  return has(value, ['mGet', 'unlink', 'connect', 'destroy'])
}

function has(value: unknown, methods: readonly string[]): boolean {
  if (typeof value !== 'object' || value === null) return false
  return methods.every((name) => typeof (value as Record<string, unknown>)[name] === 'function')
}

function isPlain(value: unknown): boolean {
  return (
    typeof value === 'object' && value !== null && Object.getPrototypeOf(value) === Object.prototype
  )
}
