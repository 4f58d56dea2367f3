/** Somebody got a connection. */
export interface Given {
  /** Whose acquire it was. */
  readonly id: number
  readonly connection: number
  /** Whether the connection was in another database, or in none. */
  readonly isSwitch: boolean
}

/** What decides who gets which connection: the scheduler, or what it is held against. */
export interface Policy {
  /** Connections that are on their way. */
  readonly connecting: number
  readonly open: number
  readonly idle: number
  readonly waiting: number
  acquire(id: number, database: string, now: number): Given[]
  /** @param isLost whether it is not known in which database the connection is */
  release(connection: number, now: number, isLost?: boolean): Given[]
  /** One of those on their way is there. */
  connected(now: number): Given[]
  connectFailed(now: number): Given[]
  /** Somebody does not wait any more. */
  leave(id: number, now: number): void
  /** An idle connection is closed. */
  close(connection: number, now: number): Given[]
  /** A connection that was just given turns out to be dead. */
  takeBack(given: Given, now: number): Given[]
  /** Time has passed. */
  look(now: number): Given[]
}

/** How many of which there may be. */
export interface PolicyLimits {
  readonly max: number
  readonly maxPerTenant: number
  readonly maxWaitingPerTenant: number
}
