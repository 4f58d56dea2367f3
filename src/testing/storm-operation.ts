import type { Knex } from 'knex'
import type { Outcome } from '../base/errors.ts'
import type { TenantKnex } from '../tenant-knex.ts'
import type { Claims } from './claims.ts'
import type { Random } from './random.ts'
import { formatTag, type Tag } from './tags.ts'

/** Something that must never be: a row of another tenant, a write in the wrong place. */
export class StormViolation extends Error {}

/** One kind of operation, as it is chosen by a storm's plan. */
export interface StormOperation {
  readonly name: string
  /** How often it is chosen, in relation to the others. @defaultValue 1 */
  readonly weight?: number
  /**
   * Does it, for one tenant. What it throws is a violation, unless it is an error of the database
   * while faults are made.
   */
  readonly run: (storm: StormContext) => Promise<void>
}

/** A row that says whose it is and who asked for it. */
export interface MarkedRow {
  readonly tenant: unknown
  readonly asker: unknown
  readonly db: unknown
}

/** What a storm's context is made of. */
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

/** What one operation works with. */
export class StormContext {
  readonly tenantKnex: TenantKnex
  /** The tenant that it is for. */
  readonly tenant: string
  /** Some other tenant. */
  readonly otherTenant: string
  /** This tenant's Knex: its bound one, or the ambient one with this tenant in scope. */
  readonly knex: Knex
  /** The operation's number, from 1. */
  readonly number: number
  /** True where nothing is broken meanwhile. */
  readonly isCalm: boolean
  /** Numbers in [0, 1) that follow from the seed. */
  readonly random: () => number
  /** Put it into each statement as a value, so that a witness can tell whose the statement is. */
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

  /** How many tenants there are, and which of them this is. */
  get place(): { readonly index: number; readonly count: number } {
    const { tenants, tenant } = this.#options
    return { index: tenants.indexOf(tenant), count: tenants.length }
  }

  /** A whole number from `min` to `max`. */
  between(min: number, max: number): number {
    return min + Math.floor(this.random() * (max - min + 1))
  }

  /** Columns that say who asks and where: select them beside your own, and check the rows. */
  marks(knex: Knex = this.knex): Knex.Raw[] {
    return [knex.raw('? as asker', [this.tag]), knex.raw('database() as db')]
  }

  /** Each row must be this tenant's, from its database, and an answer to this very operation. */
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

  /** Reports what must never be. */
  violate(message: string): never {
    throw new StormViolation(message)
  }

  /**
   * Writes rows that carry the tag, all or none: noted as written where the function succeeds, and
   * where it fails by what its error says.
   *
   * @param isUndone true once nothing can have been kept where it fails, whatever the error says
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

  /** Writes that must never be seen, whatever comes. */
  deny(): void {
    this.#options.claims.deny(this.number)
  }

  /** A call that must be refused with this code. */
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

/** True where an error says that its statement has changed nothing. */
function isWithoutEffect(error: unknown): boolean {
  const { outcome } = error as { outcome?: Outcome }
  return outcome === 'not-sent' || outcome === 'failed'
}
