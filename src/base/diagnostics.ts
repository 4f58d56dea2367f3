import { type Channel, channel } from 'node:diagnostics_channel'

/** The fields of every message. */
interface NamedMessage {
  /** The option `name` of the tenantKnex. */
  readonly name: string
  /** Name of the server. */
  readonly server: string
}

/** The fields of a message about a tenant's connection. */
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
  /** Connections that tenants hold, or that are being drained or cleaned. */
  readonly used: number
  /** Connections allowed. */
  readonly max: number
}

/** Published on `tenant-knex:acquire` when a tenant gets a connection. */
export interface AcquireMessage extends ConnectionMessage {
  /** How long the tenant waited, in milliseconds. */
  readonly waitedMillis: number
}

/** Published on `tenant-knex:switch` after a connection was switched to a tenant's database, or failed to. */
export interface SwitchMessage extends ConnectionMessage {
  /** Milliseconds until the server's last answer. */
  readonly durationMillis: number
  /** True if the session was another tenant's and was cleaned first. */
  readonly isHandOver: boolean
  /** The reason of the failure; undefined if the switch succeeded. */
  readonly error: unknown
}

/** Published on `tenant-knex:hand-over` when a connection passed from one tenant to another. */
export interface HandOverMessage extends ConnectionMessage {
  /** Id of the tenant whose session it was. */
  readonly from: string
}

/** Published on `tenant-knex:release` when a tenant gives a connection back. */
export interface ReleaseMessage extends ConnectionMessage {
  /** How long the tenant held it, in milliseconds. */
  readonly heldMillis: number
}

/** Published on `tenant-knex:leftover` when a connection came back with something unfinished. */
export interface LeftoverMessage extends ConnectionMessage {
  /** What was found. It is rolled back or reset before another tenant gets the connection. */
  readonly left: 'transaction' | 'autocommit off'
}

/**
 * Why a connection was closed.
 *
 * - `idle`: it was idle for `pool.idleTimeoutMillis`.
 * - `lifetime`: it was older than `pool.maxLifetimeMillis`.
 * - `lost`: the server or the network ended it, or it stopped answering.
 * - `read-only`: its server has become read-only, as after a failover.
 * - `switch-failed`: the switch to a tenant's database failed or took too long.
 * - `database-left`: a statement left the tenant's database by itself.
 * - `answer-cut`: a `typeCast` threw, so the rest of an answer was not read.
 * - `query-timeout`: a query's own timeout passed without cancelling the query.
 * - `abandoned`: a statement without a waiter took too long.
 * - `not-cleaned`: the cleaning of the session failed.
 * - `closed-by-holder`: its holder closed it.
 * - `forgotten`: `tenantKnex.forget(id)` was called for the tenant of the session.
 * - `destroyed`: `tenantKnex.destroy()` was called.
 */
export type DiscardReason =
  | 'idle'
  | 'lifetime'
  | 'lost'
  | 'read-only'
  | 'switch-failed'
  | 'database-left'
  | 'foreign-column'
  | 'answer-cut'
  | 'query-timeout'
  | 'abandoned'
  | 'not-cleaned'
  | 'closed-by-holder'
  | 'forgotten'
  | 'destroyed'

/** Published on `tenant-knex:discard` when the pool closes a connection. */
export interface DiscardMessage extends NamedMessage {
  /** Id of the tenant that held the connection last; undefined if it had no holder. */
  readonly tenant: string | undefined
  /** The server's own id of the connection. */
  readonly connectionId: number
  readonly reason: DiscardReason
  /** The error behind the reason, if there is one. */
  readonly error: unknown
}

/** Published on `tenant-knex:refusal` when a tenant's call is refused and nothing is sent. */
export interface RefusalMessage extends NamedMessage {
  /** Id of the tenant. */
  readonly tenant: string | undefined
  /** The error that the caller gets. */
  readonly error: Error & { readonly code: string }
}

/** A channel that takes one kind of message. */
export interface TypedChannel<Message> {
  /** False if there are no subscribers. Then no message has to be made. */
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
