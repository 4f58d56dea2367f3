import { TenantKnexError } from '../base/errors.ts'
import type { Caches } from '../cache/caches.ts'
import type { ServerPool } from '../pool/server-pool.ts'
import type { Servers } from '../servers/servers.ts'
import type { TenantDirectory } from '../tenants/directory.ts'
import { DEFAULT_SERVER, type Place } from '../tenants/place.ts'
import type { Tenant } from '../tenants/tenant.ts'

/** What the bindings of one tenantKnex share. */
export interface BindingParts {
  /** Where tenants are. */
  readonly tenants: TenantDirectory
  readonly servers: Servers
  readonly caches: Caches
}

/** What binds a client to its tenant. */
export interface Binding extends BindingParts {
  readonly tenant: Tenant
  /** Throws in another tenant's scope; undefined for what may run in any. */
  readonly checkScope: (() => void) | undefined
  /** The same function for all tenants. */
  readonly tenantInScope: () => Tenant | undefined
}

/** While a tenant's place is not fixed: there is one server. */
const ANYWHERE: Pick<Place, 'server'> = { server: DEFAULT_SERVER }

/**
 * Marks the binding inside `connectionSettings`: of all that a client has, a transaction's client is
 * given just this and `config` (knex lib/execution/transaction.js, makeTxClient). Every copy of this
 * package knows the mark: what another copy has bound has a tenant, too.
 */
const BINDING: unique symbol = Symbol.for('tenant-knex.binding') as never

/**
 * What is read of the settings: by Knex the database, and the character set of new tables; by
 * OpenTelemetry also where the server is.
 */
class TenantSettings {
  readonly [BINDING]: Binding
  /** Where statements run, if that is fixed: on a connection, and in a transaction. */
  readonly #place: Place | undefined
  readonly #located: Tenant | undefined

  constructor(binding: Binding, place?: Place) {
    this[BINDING] = binding
    this.#place = place
    this.#located = place && { id: place.tenant.id, database: place.database }
  }

  /** The tenant, and the database that its statements run in. */
  get located(): Tenant {
    return this.#located ?? this[BINDING].tenant
  }

  get pool(): ServerPool {
    return this[BINDING].servers.at(this.#place ?? ANYWHERE)
  }

  /** What Knex's `client.database()` answers. */
  get database(): string {
    return databaseOf(this.located)
  }

  get host(): string | undefined {
    return this.pool.settings?.host
  }

  get port(): number | undefined {
    return this.pool.settings?.port
  }

  get charset(): string | undefined {
    return this.pool.settings?.charset
  }

  /** Knex's own: mysql2 does not know it. */
  get collate(): string | undefined {
    return (this.pool.settings as { collate?: string } | undefined)?.collate
  }
}

/**
 * What a client of a tenant has as its `connectionSettings`.
 *
 * @param place set for a transaction's client: its tenant may move while the transaction is open
 */
export function tenantSettings(binding: Binding, place?: Place): object {
  return new TenantSettings(binding, place)
}

/** The tenant of a client, with the database that the client's statements run in. */
export function locatedTenant(client: object): Tenant {
  return settingsOf(client).located
}

/** The pool that a client's connections come from. */
export function poolOf(client: object): ServerPool {
  return settingsOf(client).pool
}

/**
 * The client for statements on a connection. It is another one only if its tenant has moved or was
 * forgotten since it got the connection: its settings then name the database of the connection.
 */
export function clientAt<C extends object>(client: C, place: Place): C {
  if (locatedTenant(client).database === place.database) return client
  return Object.create(client, {
    connectionSettings: { value: tenantSettings(bindingOf(client), place) },
  })
}

/** The binding of a client, or of a transaction's client. */
export function bindingOf(client: object): Binding {
  return settingsOf(client)[BINDING]
}

/** True for a client that has a tenant. */
export function isBound(client: object): boolean {
  return settingsOf(client)?.[BINDING] !== undefined
}

function settingsOf(client: object): TenantSettings {
  return (client as { connectionSettings: TenantSettings }).connectionSettings
}

/**
 * The name of a tenant's database. Whatever runs a query knows it; only what merely makes SQL of one
 * can ask too early.
 *
 * @throws `ERR_TENANT_NOT_LOCATED`
 */
export function databaseOf({ id, database }: Tenant): string {
  if (database !== null) return database
  throw new TenantKnexError(
    'ERR_TENANT_NOT_LOCATED',
    `The database of tenant ${JSON.stringify(id)} is not known yet. Call await ` +
      'tenantKnex.lookup(id) first.',
    { tenant: id, outcome: 'not-sent' },
  )
}
