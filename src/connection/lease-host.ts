import type { DiscardReason } from '../base/diagnostics.ts'
import type { TenantKnexError } from '../base/errors.ts'
import type { Intake } from './intake.ts'
import type { RawConnection } from './wire/driver-types.ts'

/**
 * The purpose of an acquire.
 *
 * - `query`: one statement of the query builder.
 * - `statements`: raw statements and statements of the schema builder.
 * - `session`: a transaction, or user code that holds the connection.
 */
export type LeaseUse = 'query' | 'statements' | 'session'

/** Why a connection must not be used again. */
export interface Unusable {
  readonly reason: DiscardReason
  readonly error: unknown
}

/** The connection behind a lease, as far as the lease needs it. */
export interface LeaseHost {
  readonly raw: RawConnection
  readonly intake: Pick<Intake, 'send'>
  readonly connectionId: number
  /** True if self-contained statements of several tenants may share its session. */
  readonly canBeCommon: boolean
  /** Knex's id of the connection: made once, because all leases have it. */
  readonly knexUid: string
  readonly isInFlight: boolean
  readonly isInTransaction: boolean | undefined
  readonly unusable: Unusable | undefined
  markUnusable(reason: DiscardReason, error?: unknown): void
  destroy(reason: DiscardReason, error: Error): void
  onRefusal(error: TenantKnexError): void
}
