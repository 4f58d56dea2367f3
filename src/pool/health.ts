import { probe } from '../connection/cleaning.ts'
import type { ServerConnection } from '../connection/server-connection.ts'

/**
 * How long an unused connection is taken to be alive. An older one is probed first, so that a dead
 * one is replaced before a tenant's statement leaves.
 */
const TRUSTED_IDLE_MILLIS = 5_000

/** A lifetime is shortened by up to this part, at random, so that not all end at once. */
const LIFETIME_JITTER = 0.1

/** The pool whose connections are probed. */
export interface HealthHost {
  idle(): ServerConnection[]
  /** Takes connections out of the pool and closes them. */
  drop(connections: readonly ServerConnection[]): void
}

/** Says whether idle connections are alive. */
export class Health {
  readonly #host: HealthHost
  #probing = 0

  constructor(host: HealthHost) {
    this.#host = host
  }

  /** Connections that are being probed. */
  get probing(): number {
    return this.#probing
  }

  /** True if a connection can be given out. Returns a promise only if it has to be probed. */
  isAlive(connection: ServerConnection): boolean | Promise<boolean> {
    const now = performance.now()
    if (!connection.isUsable || isExpired(connection, now)) return false
    return isTrusted(connection, now) || this.#probe(connection)
  }

  async #probe(connection: ServerConnection): Promise<boolean> {
    this.#probing++
    const isAlive = await probe(connection).catch(() => false)
    this.#probing--
    if (!isAlive) this.#dropUntrusted(connection.unusable?.error as Error)
    return isAlive
  }

  /** One connection has died unnoticed, so those that have been idle as long are taken for dead. */
  #dropUntrusted(error: Error): void {
    const now = performance.now()
    const untrusted = this.#host.idle().filter((connection) => !isTrusted(connection, now))
    for (const connection of untrusted) connection.destroy('lost', error)
    this.#host.drop(untrusted)
  }
}

/** Starts a connection's lifetime at its first use. */
export function startLifetime(connection: ServerConnection, maxMillis: number): void {
  if (connection.expiresAt !== Number.POSITIVE_INFINITY) return
  connection.expiresAt = connection.usedAt + maxMillis * (1 - LIFETIME_JITTER * Math.random())
}

/** True if a connection's lifetime is over. Marks it as such. */
export function isExpired(connection: ServerConnection, now: number): boolean {
  if (now < connection.expiresAt) return false
  connection.markUnusable('lifetime')
  return true
}

/**
 * True if the server may still run a statement of this connection. False if the connection was lost:
 * another client may have its id by now.
 */
export function mayStillRun({ isBusy, isInFlight, unusable }: ServerConnection): boolean {
  if (unusable?.reason === 'lost') return false
  const isLateSwitch = (unusable?.error as { code?: string } | null)?.code === 'ERR_SWITCH_TIMEOUT'
  return isBusy || isInFlight || isLateSwitch
}

/** True if a connection was used so recently that it does not have to be probed. */
function isTrusted({ usedAt }: ServerConnection, now: number): boolean {
  return now - usedAt < TRUSTED_IDLE_MILLIS
}
