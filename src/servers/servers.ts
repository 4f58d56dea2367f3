import type { ResolvedOptions } from '../options/options.ts'
import type { ServerCheck } from '../pool/server-check.ts'
import { ServerPool } from '../pool/server-pool.ts'
import type { ConnectionInfo, ServerStats } from '../pool/stats.ts'
import { DEFAULT_SERVER, type Place } from '../tenants/place.ts'

/** The pools by the names of their servers. There is one server today. */
export class Servers {
  readonly #pools: ReadonlyMap<string, ServerPool>

  constructor(options: ResolvedOptions) {
    this.#pools = new Map([[DEFAULT_SERVER, new ServerPool(DEFAULT_SERVER, options)]])
  }

  /** The pool for the connections of a place. */
  at({ server }: Pick<Place, 'server'>): ServerPool {
    return this.#pools.get(server) as ServerPool
  }

  /** Closes the idle connections whose session belongs to a tenant. */
  forget(tenantId: string): void {
    for (const pool of this.#all()) pool.forget(tenantId)
  }

  stats(): [ServerStats, ...ServerStats[]] {
    return this.#all().map((pool) => pool.stats()) as [ServerStats]
  }

  connections(): ConnectionInfo[] {
    return this.#all().flatMap((pool) => pool.connections())
  }

  /** @throws errors of {@link ServerPool.check} */
  async check(): Promise<[ServerCheck, ...ServerCheck[]]> {
    return (await Promise.all(this.#all().map((pool) => pool.check()))) as [ServerCheck]
  }

  /** Refuses new work, lets running work end within the time, then closes every connection. */
  async destroy(timeoutMillis: number): Promise<void> {
    await Promise.all(this.#all().map((pool) => pool.destroy(timeoutMillis)))
  }

  #all(): ServerPool[] {
    return [...this.#pools.values()]
  }
}
