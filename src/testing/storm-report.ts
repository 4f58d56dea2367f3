import { TenantKnexError } from '../base/errors.ts'

/** Something that must never be, and where it came up. */
export interface ReportedViolation {
  /** The operation's number; 0 for what belongs to none. */
  readonly operation: number
  /** Its kind, tenant and what was wrong. */
  readonly message: string
  readonly cause?: unknown
}

/** What a storm did and saw. */
export interface StormReport {
  readonly seed: number
  /** Operations that ran, each checked. */
  readonly operations: number
  /** How many of each kind. */
  readonly byOperation: Readonly<Record<string, number>>
  /** Rows that came back and were looked at. */
  readonly rows: number
  /** Operations whose writes were acknowledged, undone or refused, and in doubt: each was audited. */
  readonly writes: {
    readonly acknowledged: number
    readonly denied: number
    readonly doubted: number
  }
  /** Faults that were made, by name. */
  readonly faults: Readonly<Record<string, number>>
  /** Connections that were struck, by fault and phase, as far as the faults told. */
  readonly struck: Readonly<Record<string, Readonly<Record<string, number>>>>
  /** What operations failed with, by code and outcome: under faults, and in deadlocks. */
  readonly errors: Readonly<Record<string, number>>
  /** Statements of this storm that the witness saw, each in its own tenant's database. */
  readonly witnessed: number
  /** Most connections that the witness counted at a time; undefined where nobody counted. */
  readonly connections: number | undefined
  /** Bytes of heap in use, after a garbage collection, early and at the end; needs --expose-gc. */
  readonly heap: { readonly early: number; readonly late: number } | undefined
  readonly durationMillis: number
  /** Empty, or the storm failed. Not more than the first few. */
  readonly violations: readonly ReportedViolation[]
}

/** A storm found what must never be (`ERR_STORM_FAILED`). */
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
