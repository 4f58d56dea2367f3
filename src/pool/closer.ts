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

  /** Closes a connection that is out of the pool. */
  close(gate: ServerConnection): void {
    const id = this.#events.nextId()
    this.#events.tell('destroyRequest', id, gate)
    const closing = this.#outside.runInAsyncScope(() => this.#close(gate, id))
    this.#closing.add(closing)
    void closing.then(() => this.#closing.delete(closing))
  }

  /** Resolves when all are closed. */
  async settled(): Promise<void> {
    await Promise.all(this.#closing)
  }

  async #close(gate: ServerConnection, id: number): Promise<void> {
    if (this.isDestroying) gate.markUnusable('destroyed')
    const closed = gate.close()
    this.#reports.onDiscard(gate)
    try {
      await closed
      this.#events.tell('destroySuccess', id, gate)
    } catch (error) {
      this.#events.tell('destroyFail', id, gate, error)
    }
  }
}
