import type { Readable } from 'node:stream'
import knex from 'knex'
import { Lease } from '../connection/lease.ts'
import { TenantKnexError } from '../errors.ts'
import { checkBuilder } from './builders.ts'
import { Runner } from './dialect.ts'

type Handler = (stream: Readable) => unknown

/** Runs a builder as Knex does, and says of what fails what Knex could not know. */
export class TenantRunner extends Runner {
  /** On a transaction of ours a builder of any Knex has our client: only here it shows who made it. */
  override async ensureConnection(...args: unknown[]): Promise<unknown> {
    checkBuilder('A builder', this.client, this.builder)
    return super.ensureConnection(...args)
  }

  /** Of a query whose own timeout passed: whose it was, and that nobody knows what became of it. */
  override query(query: { readonly timeout?: number }): Promise<unknown> {
    const result = super.query(query)
    if (!query.timeout) return result
    return result.catch((error: unknown) => {
      const isTimeout = error instanceof knex.KnexTimeoutError
      if (isTimeout && this.connection instanceof Lease) this.connection.annotate(error, 'unknown')
      throw error
    })
  }

  /**
   * A missing database is seen by Knex when it connects, here when the statement is about to be
   * sent: Knex takes that for a failed statement, of which a stream's handler hears by the stream
   * alone. So it rejects here, unless the handler listens for errors.
   */
  override stream(...args: unknown[]): unknown {
    const handler = args.at(-1)
    return typeof handler === 'function'
      ? this.#streamTo(handler as Handler, args.slice(0, -1))
      : super.stream(...args)
  }

  async #streamTo(handler: Handler, options: unknown[]): Promise<unknown> {
    let isListening = false
    let failure: unknown
    this.ensureConnection = async (...args) => {
      try {
        return await TenantRunner.prototype.ensureConnection.apply(this, args)
      } catch (error) {
        failure = error
        throw error
      }
    }
    const result = await super.stream(...options, (stream: Readable) => {
      const listeners = stream.listenerCount('error')
      handler(stream)
      isListening = stream.listenerCount('error') > listeners
    })
    if (isUnsent(failure) && !isListening) throw failure
    return result
  }
}

function isUnsent(error: unknown): boolean {
  return error instanceof TenantKnexError && error.outcome === 'not-sent'
}
