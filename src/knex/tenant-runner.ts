import type { Readable } from 'node:stream'
import knex from 'knex'
import { TenantKnexError } from '../base/errors.ts'
import { Lease } from '../connection/lease.ts'
import { clientAt } from './binding.ts'
import { checkBuilder } from './builders.ts'
import { Runner } from './dialect.ts'

type Handler = (stream: Readable) => unknown

/** Knex's, which runs once there is a connection. */
type Send = (...args: unknown[]) => unknown

interface SendParams {
  readonly stream?: Readable
}

/** Runs a builder as Knex does, and says of what fails what Knex could not know. */
export class TenantRunner extends Runner {
  /** On a transaction of ours a builder of any Knex has our client: only here it shows who made it. */
  override async ensureConnection(send: Send, params?: SendParams): Promise<unknown> {
    checkBuilder('A builder', this.client, this.builder)
    const stream = params?.stream
    const sendThere: Send = (...args) => this.#compileThere(() => send(...args))
    const sendTelling: Send = (...args) => tellOf(stream as Readable, () => sendThere(...args))
    return super.ensureConnection(stream ? sendTelling : sendThere, params)
  }

  /**
   * Calls what compiles the builder and sends it. Where a statement runs is known by now: its tenant may
   * have moved, or been forgotten, since it got the connection. OpenTelemetry reads it of the client, too.
   */
  #compileThere<R>(send: () => R): R {
    const { builder, connection } = this
    if (!(connection instanceof Lease)) return send()
    const { client } = builder
    this.client = clientAt(this.client, connection.place)
    builder.client = clientAt(client, connection.place)
    try {
      return send()
    } finally {
      builder.client = client
    }
  }

  /**
   * An error of a query whose own timeout passed is told its tenant, and that nobody knows what became of
   * the query.
   */
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

/**
 * Tells a stream of an error that it has not heard of. Knex tells it of an error before there is a
 * connection, and of the statement's error; a transaction that has ended refuses in between. A stream
 * that is destroyed keeps its error for a reader that comes later.
 */
async function tellOf(stream: Readable, send: () => unknown): Promise<unknown> {
  let isTold = false
  stream.once('error', () => {
    isTold = true
  })
  try {
    return await send()
  } catch (error) {
    if (!isTold) stream.destroy(error as Error)
    throw error
  }
}

function isUnsent(error: unknown): boolean {
  return error instanceof TenantKnexError && error.outcome === 'not-sent'
}
