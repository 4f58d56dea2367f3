/** What a fault works with. */
export interface FaultContext {
  /** The tenant that the plan chose. */
  readonly tenant: string
  /** Numbers in [0, 1) that follow from the seed. */
  readonly random: () => number
  /**
   * Says that a tenant's database is about to be lost, or has been, with what was written so far:
   * call it after the database was made anew.
   */
  lose(tenant: string): void
}

/** Something that breaks while a storm runs, and is mended when `strike` has ended. */
export interface StormFault {
  readonly name: string
  /** How often it is chosen, in relation to the others. @defaultValue 1 */
  readonly weight?: number
  /**
   * Makes the fault and mends it; one runs at a time.
   *
   * @returns what it struck, for the report: the phases that connections were in, each with how
   * many of them
   */
  readonly strike: (context: FaultContext) => Promise<Readonly<Record<string, number>> | undefined>
}
