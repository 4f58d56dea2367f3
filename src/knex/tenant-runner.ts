import type { Readable } from 'node:stream'
import knex from 'knex'
import { TenantKnexError } from '../base/errors.ts'
import { Lease } from '../connection/lease.ts'
import { clientAt } from './binding.ts'
import { checkBuilder } from './builders.ts'
import { QueryBuilder, Runner } from './dialect.ts'

type Handler = (stream: Readable) => unknown

/** Knex's function that runs when there is a connection. */
type Send = (...args: unknown[]) => unknown

interface SendParams {
  readonly stream?: Readable
}

/** Runs a builder as Knex does, and adds to errors what Knex cannot know. */
export class TenantRunner extends Runner {
  /**
   * On our transactions a builder of any Knex gets our client. Only here it can be seen which Knex made it.
   */
  override async ensureConnection(send: Send, params?: SendParams): Promise<unknown> {
    checkBuilder('A builder', this.client, this.builder)
    const sendThere: Send = (...args) => this.#compileThere(() => send(...args))
    const stream = params?.stream
    if (!stream) return this.#onConnection(sendThere, params)
    const sendTelling: Send = (...args) => tellOf(stream, () => sendThere(...args))
    return this.#onConnection(sendTelling, params)
  }

  /** Knex's own method acquires a connection without saying for what. */
  async #onConnection(send: Send, params: SendParams | undefined): Promise<unknown> {
    const { builder, client } = this
    if (this.connection !== undefined || builder._connection) {
      return super.ensureConnection(send, params)
    }
    const connection = await client.acquireConnection(
      builder instanceof QueryBuilder ? 'query' : 'statements',
    )
    this.connection = connection
    try {
      return await super.ensureConnection(send, params)
    } finally {
      await client.releaseConnection(connection)
    }
  }

  /**
   * Calls the function that compiles the builder and sends it. The connection's place is known by now. It may
   * differ from the tenant's place if the tenant has moved or was forgotten since the acquire. OpenTelemetry
   * reads the place from the client too.
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

  /** Adds the tenant and the outcome `unknown` to the error of a query whose own timeout passed. */
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
   * Rejects if the statement was not sent, unless the stream's handler listens for errors. Plain Knex finds a
   * missing database when it connects. Here the gate finds it just before sending. Knex takes that for a
   * failed statement, and reports it to a handler through the stream alone.
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
 * Tells a stream about an error that it has not seen. Knex tells it about errors before there is a
 * connection, and about errors of the statement. It does not tell about a transaction that refuses because it
 * has ended. A destroyed stream keeps its error for a later reader.
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
