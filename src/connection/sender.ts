import type { Lease } from './lease.ts'

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

/**
 * Who sends a command, and what is known of it. The gate puts it on each command. A lease itself is the
 * sender of commands that Knex has not described.
 */
export interface Sender {
  readonly lease: Lease
  readonly nature: StatementNature
}

/** Sends one statement whose nature is known. Knex gets it in place of the lease. */
export class KnownSender implements Sender {
  readonly lease: Lease
  readonly nature: StatementNature

  constructor(lease: Lease, nature: StatementNature) {
    this.lease = lease
    this.nature = nature
  }

  query(...args: unknown[]): unknown {
    return this.lease.queryAs(this, args)
  }
}
