import { type Channel, channel } from 'node:diagnostics_channel'

/** What every message has. */
interface NamedMessage {
  /** Of the tenantKnex: its option `name`. */
  readonly name: string
  /** Name of the server. */
  readonly server: string
}

/** Whose connection a message is about. */
export interface ConnectionMessage extends NamedMessage {
  /** Id of the tenant. */
  readonly tenant: string
  /** Name of the tenant's database. */
  readonly database: string
  /** The server's own id of the connection, as in its process list. */
  readonly connectionId: number
}

/** Published on `tenant-knex:wait` when a query finds no idle connection. */
export interface WaitMessage extends Omit<ConnectionMessage, 'connectionId'> {
  /** Queries that wait now, this one included. */
  readonly waiting: number
  /** Connections held by tenants, or being drained or cleaned. */
  readonly used: number
  /** Connections allowed. */
  readonly max: number
}

/** Published on `tenant-knex:acquire` when a tenant gets a connection. */
export interface AcquireMessage extends ConnectionMessage {
  /** Milliseconds since it was asked for. */
  readonly waitedMillis: number
}

/**
 * Published on `tenant-knex:switch` when a connection has been brought into a tenant's database, or
 * could not be.
 */
export interface SwitchMessage extends ConnectionMessage {
  /** Milliseconds until the last answer of the server. */
  readonly durationMillis: number
  /** True where the session was another tenant's, and was cleaned first. */
  readonly isHandOver: boolean
  /** Why the switch failed; undefined where it did not. */
  readonly error: unknown
}

/** Published on `tenant-knex:hand-over` when a connection passed from one tenant to another. */
export interface HandOverMessage extends ConnectionMessage {
  /** Id of the tenant whose session it was. */
  readonly from: string
}

/** Published on `tenant-knex:release` when a tenant gives a connection back. */
export interface ReleaseMessage extends ConnectionMessage {
  /** Milliseconds for which the tenant held it. */
  readonly heldMillis: number
}

/** Published on `tenant-knex:leftover` when a connection came back with something unfinished. */
export interface LeftoverMessage extends ConnectionMessage {
  /** What was found, and is rolled back or reset before anyone else gets the connection. */
  readonly left: 'transaction' | 'autocommit off'
}

/**
 * Why a connection was closed.
 *
 * - `idle`: nobody used it for `pool.idleTimeoutMillis`.
 * - `lifetime`: it was older than `pool.maxLifetimeMillis`.
 * - `lost`: the server or the network ended it, or it did not answer any more.
 * - `read-only`: its server has become read-only, as after a failover.
 * - `switch-failed`: it could not be brought into a tenant's database, or not in time.
 * - `database-left`: a statement left the tenant's database by itself.
 * - `answer-cut`: an answer was given up half-way, by a `typeCast` that threw.
 * - `query-timeout`: a query's own timeout passed, and the query was not cancelled.
 * - `abandoned`: a statement that nobody waits for any more took too long.
 * - `not-cleaned`: what a tenant left could not be cleaned.
 * - `closed-by-holder`: its holder closed it.
 * - `forgotten`: `tenantKnex.forget(id)`, of the tenant whose session it was.
 * - `destroyed`: `tenantKnex.destroy()`.
 */
export type DiscardReason =
  | 'idle'
  | 'lifetime'
  | 'lost'
  | 'read-only'
  | 'switch-failed'
  | 'database-left'
  | 'answer-cut'
  | 'query-timeout'
  | 'abandoned'
  | 'not-cleaned'
  | 'closed-by-holder'
  | 'forgotten'
  | 'destroyed'

/** Published on `tenant-knex:discard` when the pool closes a connection. */
export interface DiscardMessage extends NamedMessage {
  /** Id of the tenant that held the connection last; undefined where none did. */
  readonly tenant: string | undefined
  /** The server's own id of the connection. */
  readonly connectionId: number
  readonly reason: DiscardReason
  /** The error behind the reason, where there is one. */
  readonly error: unknown
}

/** Published on `tenant-knex:refusal` when a call of a tenant's is refused and nothing is sent. */
export interface RefusalMessage extends NamedMessage {
  /** Id of the tenant. */
  readonly tenant: string | undefined
  /** The error that the caller gets. */
  readonly error: Error & { readonly code: string }
}

/** A channel that takes one kind of message. */
export interface TypedChannel<Message> {
  /** False where nobody listens: then there is no need to make a message. */
  readonly hasSubscribers: boolean
  publish(message: Message): void
}

/** The channels, by the last part of their names. */
export const CHANNELS: {
  readonly acquire: TypedChannel<AcquireMessage>
  readonly discard: TypedChannel<DiscardMessage>
  readonly handOver: TypedChannel<HandOverMessage>
  readonly leftover: TypedChannel<LeftoverMessage>
  readonly refusal: TypedChannel<RefusalMessage>
  readonly release: TypedChannel<ReleaseMessage>
  readonly switch: TypedChannel<SwitchMessage>
  readonly wait: TypedChannel<WaitMessage>
} = Object.freeze({
  acquire: named('acquire'),
  discard: named('discard'),
  handOver: named('hand-over'),
  leftover: named('leftover'),
  refusal: named('refusal'),
  release: named('release'),
  switch: named('switch'),
  wait: named('wait'),
})

function named(name: string): Channel {
  return channel(`tenant-knex:${name}`)
}
