import { TenantKnexError } from '../../base/errors.ts'

/**
 * The methods that are used of a client of node-redis (`@redis/client`, a dependency of `@keyv/redis`).
 * The client of a cluster has the same methods, but no `isReady`.
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
  /** Only a pool has it. */
  readonly totalClients?: number
  /** Only a cluster has it: the nodes that hold the data. */
  readonly masters?: readonly object[]
  nodeClient?(node: object): Promise<RedisClient>
}

/** Options of node-redis for one server (`url`, `socket`, ...) or for a cluster (`rootNodes`). */
export type RedisOptions = Readonly<Record<string, unknown>>

/** The longest pause between two attempts to reconnect, in milliseconds. */
const MAX_PAUSE_MILLIS = 2_000

/** A connection that is silent for longer is closed. The pings keep a healthy connection from that. */
const SILENCE_MILLIS = 10_000
const PING_MILLIS = 3_000

/**
 * Creates a client that is not connected yet. While there is no server, its commands fail at once. It
 * reconnects by itself.
 *
 * @throws `ERR_OPTION_INVALID` if the optional peer dependency `@keyv/redis` is not installed
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

/** Begins to load the package, because that can take longer than the time limit of the first call. */
export function preloadRedis(): void {
  loadRedis().catch(() => undefined) // the first call reports the error
}

async function loadRedis(): Promise<typeof import('@keyv/redis')> {
  try {
    return await import('@keyv/redis')
  } catch (cause) {
    throw new TenantKnexError(
      'ERR_OPTION_INVALID',
      'Redis as the `cache.store` needs the package @keyv/redis: npm install @keyv/redis',
      { cause },
    )
  }
}
