import { type Channel, channel } from 'node:diagnostics_channel'

/** Published on `tenant-knex:leftover` when a connection came back with something unfinished. */
export interface LeftoverMessage {
  readonly tenant: string
  readonly database: string
  /** The server's own id of the connection. */
  readonly connectionId: number
  /** What was found, and is rolled back or reset before anyone else gets the connection. */
  readonly left: 'transaction' | 'autocommit off'
}

const leftovers: Channel = channel('tenant-knex:leftover')

/** Tells whoever listens; costs nothing when nobody does. */
export function reportLeftover(message: LeftoverMessage): void {
  if (leftovers.hasSubscribers) leftovers.publish(message)
}
