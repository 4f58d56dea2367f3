import { AsyncResource } from 'node:async_hooks'
import { inTime } from '../../base/deadline.ts'
import type { KeyValue } from './key-value.ts'
import type { RedisClient } from './redis-client.ts'

/** Keys in one command that deletes or scans. */
const BATCH = 500

/** The source of a client. */
export type RedisSource =
  /** The store creates, connects and closes the client. */
  | { readonly create: () => Promise<RedisClient> }
  /** The client is the user's. The store calls `connect`, if it is given, at the first use. */
  | { readonly client: RedisClient; readonly connect?: () => Promise<unknown> }

/** A store on a Redis server or cluster, over one client. */
export class Redis implements KeyValue {
  /** False for a pool of connections, because a command may take any of them. */
  readonly isOrdered: boolean
  readonly #source: RedisSource
  readonly #timeoutMillis: number
  /** Without a listener, a lost connection would end the process. */
  readonly #onError = (): void => undefined
  /** Outside any tenant's scope, because the client and the functions in its options serve all tenants. */
  readonly #outside = new AsyncResource('TENANT_KNEX_REDIS')
  #client: RedisClient | undefined
  #connecting: Promise<void> | undefined
  #isClosed = false

  /** @param timeoutMillis how long a command waits for a connection */
  constructor(source: RedisSource, timeoutMillis: number) {
    this.#source = source
    this.#timeoutMillis = timeoutMillis
    this.isOrdered = !('client' in source && source.client.totalClients !== undefined)
    if ('client' in source) this.#take(source.client)
  }

  getMany(keys: readonly string[]): Promise<(string | null)[]> {
    return this.#use((client) => client.mGet(keys))
  }

  async set(key: string, text: string, ttlMillis?: number): Promise<void> {
    const options = ttlMillis === undefined ? undefined : lifetime(ttlMillis)
    await this.#use((client) => client.set(key, text, options))
  }

  async setIfAbsent(key: string, text: string): Promise<boolean> {
    return (await this.#use((client) => client.set(key, text, { condition: 'NX' }))) !== null
  }

  async delete(keys: readonly string[]): Promise<void> {
    const client = this.#ready() ?? (await this.#connected())
    for (let first = 0; first < keys.length; first += BATCH) {
      await client.unlink(keys.slice(first, first + BATCH))
    }
  }

  async *scan(prefix: string): AsyncGenerator<readonly string[]> {
    const client = this.#ready() ?? (await this.#connected())
    const options = { MATCH: `${escapePattern(prefix)}*`, COUNT: BATCH }
    for (const node of client.masters ?? [undefined]) {
      const server = node ? await client.nodeClient?.(node) : client
      yield* server?.scanIterator?.(options) ?? []
    }
  }

  async close(): Promise<void> {
    this.#isClosed = true
    const client = this.#client
    if (client === undefined) return
    if (!('create' in this.#source)) client.off('error', this.#onError)
    else if (client.isReady ?? true) end(client)
    else {
      // A client that is destroyed while it connects still connects, and cannot be ended after that.
      client.on('ready', () => end(client))
      client.on('error', () => end(client))
    }
  }

  #use<T>(fn: (client: RedisClient) => Promise<T>): Promise<T> {
    const client = this.#ready()
    return client ? fn(client) : this.#connected().then(fn)
  }

  /** The client, or undefined if it cannot be used at once. */
  #ready(): RedisClient | undefined {
    const client = this.#client
    if (client === undefined || this.#isClosed) return undefined
    return (client.isReady ?? client.isOpen) ? client : undefined
  }

  /**
   * The client, once it can be used. A call that waits longer than its time limit gets none. Otherwise
   * its command would run long after the caller's timeout, and undo later commands.
   */
  async #connected(): Promise<RedisClient> {
    this.#connecting ??= this.#outside
      .runInAsyncScope(() => this.#connect())
      .finally(() => {
        this.#connecting = undefined
      })
    await inTime(
      this.#timeoutMillis,
      this.#connecting,
      () => new Error('The Redis client is connecting.'),
    )
    const client = this.#ready()
    if (client) return client
    // While the client reconnects, it would queue commands and run them much later.
    throw new Error(
      this.#client?.isOpen
        ? 'The Redis client is connecting.'
        : 'The Redis client is not connected: call its connect() first.',
    )
  }

  async #connect(): Promise<void> {
    const source = this.#source
    if ('client' in source) {
      await source.connect?.()
      return
    }
    if (this.#client === undefined) this.#take(await source.create())
    if (!this.#isClosed && !this.#client?.isOpen) await this.#client?.connect()
  }

  #take(client: RedisClient): void {
    if (client === this.#client) return
    client.on('error', this.#onError)
    this.#client = client
  }
}

/** True for an error that is an answer of a Redis server. Then the server is there. */
export function isRedisReply(error: unknown): boolean {
  return error instanceof Error && /^(?:Simple|Blob)Error$|ErrorReply$/.test(error.constructor.name)
}

function end(client: RedisClient): void {
  if (client.isOpen) client.destroy()
}

function lifetime(ttlMillis: number): object {
  return { expiration: { type: 'PX', value: Math.ceil(ttlMillis) } }
}

/** In a pattern of Redis, `*`, `?`, `[...]` and `\` have a meaning. */
function escapePattern(text: string): string {
  return text.replace(/[*?[\]\\]/g, '\\$&')
}
