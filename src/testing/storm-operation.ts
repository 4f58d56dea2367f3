import type { Knex } from 'knex'
import type { Outcome } from '../base/errors.ts'
import type { TenantKnex } from '../tenant-knex.ts'
import type { Claims } from './claims.ts'
import type { Random } from './random.ts'
import { formatTag, type Tag } from './tags.ts'

/** A violation of isolation, such as a row of another tenant, or a write in the wrong database. */
export class StormViolation extends Error {}

/** One kind of operation. A storm's plan chooses among them. */
export interface StormOperation {
  readonly name: string
  /** How often it is chosen, in relation to the others. @defaultValue 1 */
  readonly weight?: number
  /**
   * Runs the operation for one tenant. An error is a violation, unless it is an error of the database
   * and the storm has faults.
   */
  readonly run: (storm: StormContext) => Promise<void>
}

/** A row that names its tenant, its database and the operation that selected it. */
export interface MarkedRow {
  readonly tenant: unknown
  readonly asker: unknown
  readonly db: unknown
}

/** The parts of a `StormContext`. */
export interface StormContextOptions {
  readonly tenantKnex: TenantKnex
  readonly tenants: readonly string[]
  readonly tenant: string
  readonly otherTenant: string
  readonly isAmbient: boolean
  readonly isCalm: boolean
  readonly run: string
  readonly number: number
  readonly random: Random
  readonly claims: Claims
  readonly onRows: (count: number) => void
}

/** The context of one operation. */
export class StormContext {
  readonly tenantKnex: TenantKnex
  /** The operation's tenant. */
  readonly tenant: string
  /** Some other tenant. */
  readonly otherTenant: string
  /** This tenant's Knex: its bound one, or the ambient one with this tenant in scope. */
  readonly knex: Knex
  /** The operation's number, from 1. */
  readonly number: number
  /** True if the storm has no faults. */
  readonly isCalm: boolean
  /** Numbers in [0, 1) that depend on the seed. */
  readonly random: () => number
  /** Put it into each statement as a value, so that a witness can tell the tenant of the statement. */
  readonly tag: string

  readonly #options: StormContextOptions

  constructor(options: StormContextOptions) {
    const { tenantKnex, tenant, isAmbient } = options
    this.#options = options
    this.tenantKnex = tenantKnex
    this.tenant = tenant
    this.otherTenant = options.otherTenant
    this.knex = isAmbient ? tenantKnex.ambient : tenantKnex(tenant)
    this.number = options.number
    this.isCalm = options.isCalm
    this.random = options.random
    this.tag = formatTag(this.#tagOf(tenant))
  }

  /** The number of tenants, and the place of this one in the storm's list. */
  get place(): { readonly index: number; readonly count: number } {
    const { tenants, tenant } = this.#options
    return { index: tenants.indexOf(tenant), count: tenants.length }
  }

  /** A whole number from `min` to `max`. */
  between(min: number, max: number): number {
    return min + Math.floor(this.random() * (max - min + 1))
  }

  /** Columns with the tag and the database. Select them beside your own, then check the rows. */
  marks(knex: Knex = this.knex): Knex.Raw[] {
    return [knex.raw('? as asker', [this.tag]), knex.raw('database() as db')]
  }

  /** Checks that each row is this tenant's, from its database, and an answer to this operation. */
  checkRows(rows: readonly MarkedRow[], count?: number): void {
    if (count !== undefined && rows.length !== count) {
      this.violate(`${rows.length} rows came back in place of ${count}`)
    }
    for (const row of rows) this.checkRow(row)
  }

  checkRow({ tenant, asker, db }: MarkedRow): void {
    const { database } = this.tenantKnex(this.tenant).tenant
    if (tenant === this.tenant && asker === this.tag && db === database) {
      this.#options.onRows(1)
      return
    }
    this.violate(`a row of ${String(tenant)} came back, from ${String(db)}, asked by ${asker}`)
  }

  /** Reports a violation. */
  violate(message: string): never {
    throw new StormViolation(message)
  }

  /**
   * Writes rows that carry the tag, all or none. If the function succeeds, the audit must find the rows.
   * If it fails, the `outcome` of the error decides.
   *
   * @param isUndone returns true while a failure means that no row was kept, whatever the error says
   */
  async write<T>(
    parts: number,
    fn: () => PromiseLike<T>,
    isUndone: () => boolean = () => false,
  ): Promise<T> {
    const { claims, number } = this.#options
    claims.open(number, parts)
    try {
      const result = await fn()
      claims.acknowledge(number)
      return result
    } catch (error) {
      if (isUndone() || isWithoutEffect(error)) claims.deny(number)
      else claims.doubt(number)
      throw error
    }
  }

  /** Says that the operation's writes must never be found. */
  deny(): void {
    this.#options.claims.deny(this.number)
  }

  /** Checks that a call fails with this code. */
  async refused(call: () => unknown, code: string): Promise<void> {
    try {
      await call()
    } catch (error) {
      if ((error as { code?: unknown }).code === code) return
      throw error
    }
    this.violate(`a call was fulfilled that had to fail with ${code}`)
  }

  #tagOf(tenant: string): Tag {
    const { run, number, tenants } = this.#options
    return { run, tenant: tenants.indexOf(tenant), operation: number }
  }
}

/** True if an error says that its statement has changed no rows. */
function isWithoutEffect(error: unknown): boolean {
  const { outcome } = error as { outcome?: Outcome }
  return outcome === 'not-sent' || outcome === 'failed'
}
