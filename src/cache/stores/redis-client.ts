import { TenantKnexError } from '../../base/errors.ts'

/**
 * A client of node-redis (`@redis/client`, which `@keyv/redis` brings), as far as it is needed. The
 * client of a cluster has the same methods, but no `isReady`.
 */
export interface RedisClient {
  readonly isOpen: boolean
  readonly isReady?: boolean
  mGet(keys: readonly string[]): Promise<(string | null)[]>
  set(key: string, value: string, options?: object): Promise<string | null>
  unlink(keys: string[]): Promise<number>
  on(event: 'error' | 'ready', listener: () => void): unknown
  off(event: 'error', listener: () => void): unknown
  connect(): Promise<unknown>
  destroy(): void
  scanIterator?(options: { MATCH: string; COUNT: number }): AsyncIterable<string[]>
  /** Of a pool only. */
  readonly totalClients?: number
  /** Of a cluster only: where its data is. */
  readonly masters?: readonly object[]
  nodeClient?(node: object): Promise<RedisClient>
}

/** Options of node-redis for one server (`url`, `socket`, ...) or for a cluster (`rootNodes`). */
export type RedisOptions = Readonly<Record<string, unknown>>

/** The most that is waited before a lost connection is tried again, in milliseconds. */
const MAX_PAUSE_MILLIS = 2_000

/** A connection that is silent for longer is given up; the pings keep a living one from that. */
const SILENCE_MILLIS = 10_000
const PING_MILLIS = 3_000

/**
 * Makes a client that fails at once while there is no server, and comes back by itself. It is not
 * connected yet.
 *
 * @throws `ERR_OPTION_INVALID` where the optional peer `@keyv/redis` is not installed
 */
export async function createRedisClient(options: RedisOptions): Promise<RedisClient> {
  const { createClient, createCluster } = await loadRedis()
  const socket = {
    connectTimeout: MAX_PAUSE_MILLIS,
    reconnectStrategy: (retries: number) => Math.min(50 * 2 ** retries, MAX_PAUSE_MILLIS),
    socketTimeout: SILENCE_MILLIS,
  }
  const defaults = { disableOfflineQueue: true, pingInterval: PING_MILLIS }
  const given = options.socket as object | undefined
  if (options.rootNodes === undefined) {
    return createClient({
      ...defaults,
      ...options,
      socket: { ...socket, ...given },
    } as object) as unknown as RedisClient
  }
  const nodes = options.defaults as { socket?: object } | undefined
  const forNodes = { ...defaults, ...nodes, socket: { ...socket, ...nodes?.socket } }
  return createCluster({ ...options, defaults: forNodes } as never) as unknown as RedisClient
}

/** Begins to load the package: that can take longer than the first call may. */
export function preloadRedis(): void {
  loadRedis().catch(() => undefined) // the first call tells
}

async function loadRedis(): Promise<typeof import('@keyv/redis')> {
  try {
    return await import('@keyv/redis')
  } catch (cause) {
    throw new TenantKnexError(
      'ERR_OPTION_INVALID',
      '`cache.store` is Redis, which needs the package @keyv/redis: npm install @keyv/redis',
      { cause },
    )
  }
}
