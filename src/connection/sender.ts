import type { Place } from '../tenants/place.ts'

/** Facts about a statement that Knex knows when it sends one. */
export interface StatementNature {
  /** True for a statement that Knex has built, and for BEGIN: it may leave together with a switch. */
  readonly isBuilt: boolean
  /** True for one that leaves nothing in its session, unless its answer says so. */
  readonly isHarmless: boolean
  /** True for one that commits nothing, whether it fails or not. */
  readonly cannotCommit: boolean
}

/** The nature of a statement that Knex has not described. */
export const UNKNOWN_STATEMENT: StatementNature = {
  isBuilt: false,
  isHarmless: false,
  cannotCommit: false,
}

/** A lease, as far as its commands need it. Told apart by identity. */
export interface SendingLease {
  readonly place: Place
}

/**
 * The sender of a command, and the command's nature. The gate keeps it with each command. A lease itself
 * sends the commands that Knex has not described.
 */
export interface Sender {
  readonly lease: SendingLease
  readonly nature: StatementNature
}

/** A lease that takes statements with their senders. */
interface DescribedLease extends SendingLease {
  queryAs(sender: Sender, args: readonly unknown[]): unknown
}

/**
 * Sends one statement that Knex has described. Knex gets it in place of the lease, so the nature of a
 * statement goes with its call.
 */
export class KnownSender implements Sender {
  readonly lease: DescribedLease
  readonly nature: StatementNature

  constructor(lease: DescribedLease, nature: StatementNature) {
    this.lease = lease
    this.nature = nature
  }

  query(...args: unknown[]): unknown {
    return this.lease.queryAs(this, args)
  }
}
