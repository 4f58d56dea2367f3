import { TenantKnexError } from '../base/errors.ts'

/** A violation, and the operation that found it. */
export interface ReportedViolation {
  /** The operation's number. 0 if it belongs to no operation. */
  readonly operation: number
  /** The kind of operation, its tenant, and the problem. */
  readonly message: string
  readonly cause?: unknown
}

/** The results of a storm. */
export interface StormReport {
  readonly seed: number
  /** Operations that ran. Each was checked. */
  readonly operations: number
  /** How many operations of each kind. */
  readonly byOperation: Readonly<Record<string, number>>
  /** Rows that came back. Each was checked. */
  readonly rows: number
  /**
   * Operations whose writes were acknowledged, denied (undone or refused), and in doubt. All of them
   * were audited.
   */
  readonly writes: {
    readonly acknowledged: number
    readonly denied: number
    readonly doubted: number
  }
  /** Faults that were made, by name. */
  readonly faults: Readonly<Record<string, number>>
  /** Struck connections, by fault and phase, if the faults returned them. */
  readonly struck: Readonly<Record<string, Readonly<Record<string, number>>>>
  /** Errors of operations under faults and in deadlocks, by code and outcome. */
  readonly errors: Readonly<Record<string, number>>
  /** Statements of this storm that the witness saw, each in its own tenant's database. */
  readonly witnessed: number
  /** The most connections that the witness counted at a time. Undefined if it did not count. */
  readonly connections: number | undefined
  /** Bytes of heap in use after a garbage collection, early and at the end. Needs --expose-gc. */
  readonly heap: { readonly early: number; readonly late: number } | undefined
  readonly durationMillis: number
  /** The first few violations. Empty if the storm found none. */
  readonly violations: readonly ReportedViolation[]
}

/** A storm found violations (`ERR_STORM_FAILED`). */
export class StormError extends TenantKnexError {
  readonly report: StormReport

  constructor(report: StormReport) {
    const [first] = report.violations
    super(
      'ERR_STORM_FAILED',
      `A storm with seed ${report.seed} failed: ${first?.message}` +
        (report.violations.length > 1 ? ` (and ${report.violations.length - 1} more).` : '.'),
      { cause: first?.cause },
    )
    this.report = report
  }
}
