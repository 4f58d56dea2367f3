import { TenantKnexError } from '../base/errors.ts'
import type { Caches } from '../cache/caches.ts'
import type { ServerPool } from '../pool/server-pool.ts'
import type { Servers } from '../servers/servers.ts'
import type { TenantDirectory } from '../tenants/directory.ts'
import { DEFAULT_SERVER, type Place } from '../tenants/place.ts'
import type { Tenant } from '../tenants/tenant.ts'

/** The parts of a binding that all tenants of one tenantKnex share. */
export interface BindingParts {
  /** Finds the places of tenants. */
  readonly tenants: TenantDirectory
  readonly servers: Servers
  readonly caches: Caches
}

/** Binds a client to its tenant. */
export interface Binding extends BindingParts {
  readonly tenant: Tenant
  /** Throws in another tenant's scope; undefined if the client may run in any scope. */
  readonly checkScope: (() => void) | undefined
  /** The same function for all tenants. */
  readonly tenantInScope: () => Tenant | undefined
}

/** The server of a tenant without a fixed place: there is only one server. */
const ANYWHERE: Pick<Place, 'server'> = { server: DEFAULT_SERVER }

/**
 * Marks the binding inside `connectionSettings`. Knex gives a transaction's client only these settings and
 * `config` (knex lib/execution/transaction.js, makeTxClient). The symbol is global, so every copy of this
 * package recognises clients that another copy has bound.
 */
const BINDING: unique symbol = Symbol.for('tenant-knex.binding') as never

/**
 * A client's connection settings. Knex reads the database and the character set of new tables; OpenTelemetry
 * also reads the server's address.
 */
class TenantSettings {
  readonly [BINDING]: Binding
  /** The place that statements run in, if it is fixed: on a connection, and in a transaction. */
  readonly #place: Place | undefined
  readonly #located: Tenant | undefined

  constructor(binding: Binding, place?: Place) {
    this[BINDING] = binding
    this.#place = place
    this.#located = place && { id: place.tenant.id, database: place.database }
  }

  /** The tenant, with the database that its statements run in. */
  get located(): Tenant {
    return this.#located ?? this[BINDING].tenant
  }

  get pool(): ServerPool {
    return this[BINDING].servers.at(this.#place ?? ANYWHERE)
  }

  /** The result of Knex's `client.database()`. */
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

  /** An option of Knex that mysql2 does not know. */
  get collate(): string | undefined {
    return (this.pool.settings as { collate?: string } | undefined)?.collate
  }
}

/**
 * The `connectionSettings` of a tenant's client.
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
 * The client for statements on a connection. It is a different one only if its tenant has moved or was
 * forgotten since the acquire. Its settings then name the connection's database.
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
 * The name of a tenant's database. It is known whenever a query runs. Code that only builds SQL can ask too
 * early.
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
