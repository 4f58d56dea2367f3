/** A connection that was given to a waiter. */
export interface Given {
  /** The id of the acquire. */
  readonly id: number
  readonly connection: number
  /** True if the connection was in another database, or in none. */
  readonly isSwitch: boolean
}

/** Decides which waiter gets which connection: the scheduler, or a policy to compare it with. */
export interface Policy {
  /** How many connections are being opened. */
  readonly connecting: number
  readonly open: number
  readonly idle: number
  readonly waiting: number
  acquire(id: number, database: string, now: number): Given[]
  /** @param isLost true if the connection's database is unknown */
  release(connection: number, now: number, isLost?: boolean): Given[]
  /** A connection has been opened. */
  connected(now: number): Given[]
  connectFailed(now: number): Given[]
  /** A waiter has given up. */
  leave(id: number, now: number): void
  /** An idle connection is closed. */
  close(connection: number, now: number): Given[]
  /** A connection that was just given is dead. */
  takeBack(given: Given, now: number): Given[]
  /** Time has passed. */
  look(now: number): Given[]
}

/** The limits of a pool. */
export interface PolicyLimits {
  readonly max: number
  readonly maxPerTenant: number
  readonly maxWaitingPerTenant: number
}
