import { CachedLookup } from '../base/cached-lookup.ts'
import { TenantKnexError } from '../base/errors.ts'
import type { ResolvedLookupOptions } from '../base/lookup-options.ts'
import { isThenable } from '../base/thenable.ts'
import { WeakValues } from '../base/weak-values.ts'
import { checkDatabaseName, checkTenantId } from './names.ts'
import { aboutPlace, DEFAULT_SERVER, type Place } from './place.ts'
import type { LocatedTenant, Tenant } from './tenant.ts'

/** The last answer about a tenant's place. `forget` replaces it, so late answers go to the old object. */
interface Finding {
  place: Place | undefined
}

/**
 * A tenant's place, if the `database` function gave it synchronously. Then the function is not called again.
 */
const PLACE: unique symbol = Symbol('tenant-knex.place') as never

type PlacedTenant = Tenant & { readonly [PLACE]?: Place }

/** Maps a tenant's id to its database; null if there is no such tenant. */
export type DatabaseOf = (tenantId: string) => string | null | Promise<string | null>

/**
 * The tenants, and where their databases are. A tenant is one object as long as its connections, its Knex, or
 * a copy of that Knex are held. So object identity decides which tenant owns something.
 *
 * If the `database` function is synchronous, the tenant object holds its place from the start. If it is
 * asynchronous, it is called when the place is needed, and its answer is cached for a while.
 */
export class TenantDirectory {
  readonly #database: DatabaseOf
  readonly #lookupOptions: ResolvedLookupOptions
  /** Created when it is needed, because it allocates all its room at once. */
  #cached: CachedLookup<string> | undefined
  /** A function that is not declared `async` is recognised by the first promise that it returns. */
  #isAsync: boolean
  readonly #tenants = new WeakValues<Tenant>()
  /** The place that uses each database of a server. */
  readonly #places = new WeakValues<Place>()
  /** Only for tenants whose place is found asynchronously. */
  readonly #findingOf = new WeakMap<Tenant, Finding>()
  /** Places that their tenants have left. Another tenant may take one when no work runs in it any more. */
  readonly #left = new WeakSet<Place>()
  readonly #isOccupied: (place: Place) => boolean

  /** @param isOccupied says if work still runs in a place that its tenant has left */
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
   * A tenant; the same object every time. An asynchronous `database` function is not called.
   *
   * @throws `ERR_TENANT_ID_INVALID`; if the `database` function is synchronous also `ERR_TENANT_UNKNOWN`,
   * `ERR_DATABASE_NAME_INVALID`, `ERR_DATABASE_SHARED`
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
   * The place of a tenant. It is not a promise if it is known, so a query does not wait.
   *
   * @throws `ERR_TENANT_UNKNOWN`, `ERR_LOOKUP_FAILED`, `ERR_DATABASE_NAME_INVALID`, `ERR_DATABASE_SHARED`,
   * all as a rejection
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
   * Checks a place after waiting for it: `forget` may have been called for its tenant meanwhile.
   *
   * @throws `ERR_DATABASE_SHARED` if another tenant has taken the place
   */
  enter(place: Place): Place {
    if (this.#left.has(place)) this.#take(place)
    return place
  }

  /**
   * A tenant with its database. The returned object never changes.
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

  /** Lets a tenant use its fixed place again after `forget`, unless another tenant has taken the place. */
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

  /**
   * Drops the known place of a tenant. Another tenant may take the place when no work runs in it any more.
   */
  forget(tenantId: string): void {
    this.#cached?.forget(tenantId)
    const tenant = this.#tenants.get(tenantId)
    if (tenant === undefined) return
    const finding = this.#findingOf.get(tenant)
    const place = finding ? finding.place : (tenant as PlacedTenant)[PLACE]
    if (place) this.#left.add(place)
    // A look-up under way writes to the old object.
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
      Promise.resolve(database).catch(() => undefined) // called again when the place is needed
      return undefined
    }
    const tenant: Tenant = { id, database: database as string | null }
    const place = this.#occupy(tenant, database)
    return Object.freeze(Object.defineProperty(tenant, PLACE, { value: place }))
  }

  /** A tenant whose `database` is null until it has been located. */
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

  /** Checks a name before anything is sent. */
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

/** A server's and a database's name cannot contain a slash. */
function keyOf({ server, database }: Place): string {
  return `${server}/${database}`
}

function unknownTenant(id: string): TenantKnexError {
  return new TenantKnexError(
    'ERR_TENANT_UNKNOWN',
    `There is no tenant ${JSON.stringify(id)}: the \`database\` function found none. If it has ` +
      'just been created, call tenantKnex.forget(id).',
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
