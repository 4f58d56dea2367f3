import { CachedLookup } from '../base/cached-lookup.ts'
import { TenantKnexError } from '../base/errors.ts'
import type { ResolvedLookupOptions } from '../base/lookup-options.ts'
import { isThenable } from '../base/thenable.ts'
import { WeakValues } from '../base/weak-values.ts'
import { checkDatabaseName, checkTenantId } from './names.ts'
import { aboutPlace, DEFAULT_SERVER, type Place } from './place.ts'
import type { LocatedTenant, Tenant } from './tenant.ts'

/** What was said last of where a tenant is. `forget` replaces it: late answers come into the old one. */
interface Finding {
  place: Place | undefined
}

/** Where a tenant has its place if that was known at once: it is never asked for. */
const PLACE: unique symbol = Symbol('tenant-knex.place') as never

type PlacedTenant = Tenant & { readonly [PLACE]?: Place }

/** Maps a tenant's id to its database; null if there is no such tenant. */
export type DatabaseOf = (tenantId: string) => string | null | Promise<string | null>

/**
 * The tenants, and where their databases are. A tenant is one object for as long as anything of its
 * is held, if only a connection or a copy of its Knex: whose something is, is told by that object.
 *
 * A synchronous `database` function says the place at once, and the tenant itself has it. An
 * asynchronous one is asked when the place is needed; what it said is kept for a while.
 */
export class TenantDirectory {
  readonly #database: DatabaseOf
  readonly #lookupOptions: ResolvedLookupOptions
  /** Made when it is needed: its places are allocated at once. */
  #cached: CachedLookup<string> | undefined
  /** What is not declared `async` shows itself by its first promise. */
  #isAsync: boolean
  readonly #tenants = new WeakValues<Tenant>()
  /** Who is in a database of a server, as long as it is in use. */
  readonly #places = new WeakValues<Place>()
  /** Of those whose place has to be asked for. */
  readonly #findingOf = new WeakMap<Tenant, Finding>()
  /** Places of which their tenants are gone: another tenant may have them once they are empty. */
  readonly #left = new WeakSet<Place>()
  readonly #isOccupied: (place: Place) => boolean

  /** @param isOccupied says of a place that was left whether anything still runs in it */
  constructor(
    database: DatabaseOf,
    lookup: ResolvedLookupOptions,
    isOccupied: (place: Place) => boolean,
  ) {
    this.#isOccupied = isOccupied
    this.#database = database
    this.#isAsync = database.constructor.name === 'AsyncFunction'
    this.#lookupOptions = lookup
  }

  /**
   * A tenant, the same one every time. Nothing is asked of an asynchronous `database` function.
   *
   * @throws `ERR_TENANT_ID_INVALID`; `ERR_TENANT_UNKNOWN`, `ERR_DATABASE_NAME_INVALID`,
   * `ERR_DATABASE_SHARED` where the place is known at once
   */
  get(tenantId: string): Tenant {
    const known = this.#tenants.get(tenantId)
    if (known) return known
    checkTenantId(tenantId)
    const tenant = this.#placed(tenantId) ?? this.#unplaced(tenantId)
    this.#tenants.set(tenantId, tenant)
    return tenant
  }

  /**
   * Where a tenant is: no promise where that is known, so that a query need not wait for one.
   *
   * @throws `ERR_TENANT_UNKNOWN`, `ERR_LOOKUP_FAILED`, `ERR_DATABASE_NAME_INVALID`,
   * `ERR_DATABASE_SHARED`, all of them as a rejection
   */
  locate(tenant: Tenant): Place | Promise<Place> {
    const { [PLACE]: fixed } = tenant as PlacedTenant
    if (fixed) return this.#comeBack(fixed)
    const finding = this.#findingOf.get(tenant) as Finding
    const before = finding.place
    if (before !== undefined && before.database === this.#lookup.peek(tenant.id)) return before
    return this.#ask(tenant, finding)
  }

  /**
   * Looks at a place that was waited for: its tenant may have been told to forget it meanwhile.
   *
   * @throws `ERR_DATABASE_SHARED` if another tenant is there by now
   */
  enter(place: Place): Place {
    if (this.#left.has(place)) this.#take(place)
    return place
  }

  /**
   * A tenant with its database. What is given never changes.
   *
   * @throws as {@link get} and {@link locate}
   */
  async lookup(tenantId: string): Promise<LocatedTenant> {
    const tenant = this.get(tenantId)
    const { database } = await this.locate(tenant)
    return PLACE in tenant ? (tenant as LocatedTenant) : Object.freeze({ id: tenantId, database })
  }

  async #ask(tenant: Tenant, finding: Finding): Promise<Place> {
    return this.#moveTo(tenant, finding, await this.#lookup.get(tenant.id))
  }

  /** A place that is known at once stays its tenant's, unless another one has come after `forget`. */
  #comeBack(place: Place): Place | Promise<Place> {
    if (!this.#left.has(place)) return place
    try {
      this.#take(place)
    } catch (error) {
      return Promise.reject(error)
    }
    this.#left.delete(place)
    return place
  }

  /** The place of a tenant is to be asked for anew, and may be another's once it is empty. */
  forget(tenantId: string): void {
    this.#cached?.forget(tenantId)
    const tenant = this.#tenants.get(tenantId)
    if (tenant === undefined) return
    const finding = this.#findingOf.get(tenant)
    const place = finding ? finding.place : (tenant as PlacedTenant)[PLACE]
    if (place) this.#left.add(place)
    // What is being asked for now has the old one.
    if (finding) this.#findingOf.set(tenant, { place: undefined })
  }

  get #lookup(): CachedLookup<string> {
    this.#cached ??= new CachedLookup(
      'The `database` function',
      this.#database,
      this.#lookupOptions,
      {
        about: (id) => ({ tenant: id }),
      },
    )
    return this.#cached
  }

  #placed(id: string): Tenant | undefined {
    if (this.#isAsync) return undefined
    const database: unknown = this.#database(id)
    if (isThenable(database)) {
      this.#isAsync = true
      Promise.resolve(database).catch(() => undefined) // asked again when the answer is needed
      return undefined
    }
    const tenant: Tenant = { id, database: database as string | null }
    const place = this.#occupy(tenant, database)
    return Object.freeze(Object.defineProperty(tenant, PLACE, { value: place }))
  }

  /** Its database is null until it has been located. */
  #unplaced(id: string): Tenant {
    const databaseOf = (tenant: Tenant): string | null =>
      this.#findingOf.get(tenant)?.place?.database ?? null
    const tenant: Tenant = Object.freeze({
      id,
      get database(): string | null {
        return databaseOf(this)
      },
    })
    this.#findingOf.set(tenant, { place: undefined })
    return tenant
  }

  #moveTo(tenant: Tenant, finding: Finding, database: string | null): Place {
    const before = finding.place
    if (before !== undefined && before.database === database) return before
    const place = this.#occupy(tenant, database)
    finding.place = place
    if (before) this.#left.add(before)
    if (this.#findingOf.get(tenant) !== finding) this.#left.add(place)
    return place
  }

  /** Names are checked before anything is sent anywhere. */
  #occupy(tenant: Tenant, database: unknown): Place {
    if (database === null) throw unknownTenant(tenant.id)
    checkDatabaseName(database, tenant.id)
    const place: Place = Object.freeze({ server: DEFAULT_SERVER, database, tenant })
    this.#take(place)
    return place
  }

  #take(place: Place): void {
    const key = keyOf(place)
    const other = this.#places.get(key)
    if (other && other.tenant.id !== place.tenant.id && this.#isInUse(other)) {
      throw sharedDatabase(place, other.tenant.id)
    }
    this.#places.set(key, place)
  }

  #isInUse(place: Place): boolean {
    return !this.#left.has(place) || this.#isOccupied(place)
  }
}

/** Neither name can have a slash. */
function keyOf({ server, database }: Place): string {
  return `${server}/${database}`
}

function unknownTenant(id: string): TenantKnexError {
  return new TenantKnexError(
    'ERR_TENANT_UNKNOWN',
    `There is no tenant ${JSON.stringify(id)}: the \`database\` function knows none. Where it has ` +
      'just been made, call tenantKnex.forget(id).',
    { tenant: id, outcome: 'not-sent' },
  )
}

function sharedDatabase(place: Place, other: string): TenantKnexError {
  const { id } = place.tenant
  return new TenantKnexError(
    'ERR_DATABASE_SHARED',
    `Tenants ${JSON.stringify(id)} and ${JSON.stringify(other)} both map to the database ` +
      `${JSON.stringify(place.database)}. The \`database\` function must give each its own.`,
    { ...aboutPlace(place), outcome: 'not-sent' },
  )
}
