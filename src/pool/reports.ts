import { CHANNELS, type TypedChannel } from '../base/diagnostics.ts'
import type { TenantKnexError } from '../base/errors.ts'
import type { Lease } from '../connection/lease.ts'
import type { ConnectionEvents, ServerConnection } from '../connection/server-connection.ts'
import type { Place } from '../tenants/place.ts'
import { newCounters, type ServerCounters } from './stats.ts'

type ChannelName = keyof typeof CHANNELS
type MessageOf<N extends ChannelName> =
  (typeof CHANNELS)[N] extends TypedChannel<infer Message> ? Message : never
type Details<N extends ChannelName> = Omit<MessageOf<N>, 'name' | 'server'>

/** The numbers of a pool when an acquire has to wait. */
interface Numbers {
  readonly waiting: number
  readonly numUsed: number
}

/** Counts what a pool does, and tells the diagnostics channels. */
export class Reports {
  readonly counters: ServerCounters = newCounters()
  readonly #common: { readonly name: string; readonly server: string }

  /**
   * @param name the option `name` of the tenantKnex
   * @param server name of the server
   */
  constructor(name: string, server: string) {
    this.#common = { name, server }
  }

  /** Counts an acquire. Returns when it began, for `onAcquired`; 0 if no one listens. */
  onAcquire(): number {
    this.counters.acquires++
    return CHANNELS.acquire.hasSubscribers ? performance.now() : 0
  }

  onAcquired(lease: Lease, startedAt: number): void {
    if (startedAt === 0) return
    const waitedMillis = performance.now() - startedAt
    this.#publish('acquire', () => ({ ...aboutLease(lease), waitedMillis }))
  }

  /** @param max connections that the pool may have */
  onWait({ tenant, database }: Place, { waiting, numUsed }: Numbers, max: number): void {
    this.counters.waits++
    this.#publish('wait', () => ({ tenant: tenant.id, database, waiting, used: numUsed, max }))
  }

  /** @param heldSince when the lease began, by the monotonic clock */
  onRelease(lease: Lease, heldSince: number): void {
    this.counters.releases++
    this.#publish('release', () => {
      return { ...aboutLease(lease), heldMillis: performance.now() - heldSince }
    })
  }

  onSwitch(need: Parameters<ConnectionEvents['onSwitch']>[0]): void {
    this.counters.switches++
    if (need === 'hand-over') this.counters.handOvers++
  }

  onRefusal(error: TenantKnexError): void {
    this.counters.refusals++
    this.#publish('refusal', () => ({ tenant: error.tenant, error }))
  }

  onLeftover(connection: ServerConnection, place: Place, left: Details<'leftover'>['left']): void {
    this.counters.leftovers++
    const { connectionId } = connection
    const { database, tenant } = place
    this.#publish('leftover', () => ({ tenant: tenant.id, database, connectionId, left }))
  }

  onDiscard({ state, connectionId, unusable }: ServerConnection): void {
    this.counters.discards++
    const { reason = 'idle', error } = unusable ?? {}
    this.#publish('discard', () => ({
      tenant: state.owner?.tenant.id,
      connectionId,
      reason,
      error,
    }))
  }

  #publish<N extends ChannelName>(name: N, details: () => Details<N>): void {
    const channel = CHANNELS[name] as TypedChannel<unknown>
    if (channel.hasSubscribers) channel.publish({ ...this.#common, ...details() })
  }
}

function aboutLease({ place, threadId }: Lease): Omit<Details<'acquire'>, 'waitedMillis'> {
  return { tenant: place.tenant.id, database: place.database, connectionId: threadId }
}
