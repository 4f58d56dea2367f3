import { AsyncResource } from 'node:async_hooks'
import type { ServerConnection } from '../connection/server-connection.ts'
import type { PoolEvents } from './pool-view.ts'
import type { Reports } from './reports.ts'

/** Closes every connection of a pool. Each is counted and reported here, whatever the reason. */
export class Closer {
  readonly #reports: Reports
  readonly #events: PoolEvents
  readonly #closing = new Set<Promise<void>>()
  /** Outside any tenant's scope: the last holder did not ask for it. */
  readonly #outside = new AsyncResource('TENANT_KNEX_POOL')
  /** True once the pool is being destroyed: that is the reason from then on. */
  isDestroying = false

  constructor(reports: Reports, events: PoolEvents) {
    this.#reports = reports
    this.#events = events
  }

  /** Connections that are being closed: the server has not let them go yet. */
  get pending(): number {
    return this.#closing.size
  }

  /** Closes a connection that is out of the pool. Resolves when it is closed. */
  async close(connection: ServerConnection): Promise<void> {
    const id = this.#events.nextId()
    this.#events.tell('destroyRequest', id, connection)
    const closing = this.#outside.runInAsyncScope(() => this.#close(connection, id))
    this.#closing.add(closing)
    await closing
    this.#closing.delete(closing)
  }

  /** Resolves when all are closed. */
  async settled(): Promise<void> {
    await Promise.all(this.#closing)
  }

  async #close(connection: ServerConnection, id: number): Promise<void> {
    if (this.isDestroying) connection.markUnusable('destroyed')
    const closed = connection.close()
    this.#reports.onDiscard(connection)
    try {
      await closed
      this.#events.tell('destroySuccess', id, connection)
    } catch (error) {
      this.#events.tell('destroyFail', id, connection, error)
    }
  }
}
