/** The context of a fault. */
export interface FaultContext {
  /** The tenant that the plan chose. */
  readonly tenant: string
  /** Numbers in [0, 1) that depend on the seed. */
  readonly random: () => number
  /**
   * Says that a tenant's database was lost, with all rows written so far. Call it after the database was
   * created again.
   */
  lose(tenant: string): void
}

/** A fault that strikes while a storm runs. It is repaired when `strike` has ended. */
export interface StormFault {
  readonly name: string
  /** How often it is chosen, in relation to the others. @defaultValue 1 */
  readonly weight?: number
  /**
   * Makes the fault and repairs it. One fault runs at a time.
   *
   * @returns the struck connections, for the report: how many were in each phase
   */
  readonly strike: (context: FaultContext) => Promise<Readonly<Record<string, number>> | undefined>
}
