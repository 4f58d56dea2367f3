import type { Caches } from '../cache/caches.ts'
import type { Tenant } from '../identifiers.ts'
import type { ServerPool } from '../pool/server-pool.ts'

/** What binds a client to its tenant. */
export interface Binding {
  readonly tenant: Tenant
  readonly pool: ServerPool
  readonly caches: Caches
  /** Throws where the tenant's builders must not run in the present scope. */
  readonly checkScope: () => void
}

/**
 * Marks the binding inside `connectionSettings`: of all that a client has, a transaction's client is
 * given just this and `config` (knex lib/execution/transaction.js, makeTxClient).
 */
const BINDING = Symbol('tenant-knex.binding')

/** What Knex reads of the settings: the database, and the character set of new tables. */
class TenantSettings {
  /** What Knex's `client.database()` answers. */
  readonly database: string
  readonly [BINDING]: Binding

  constructor(binding: Binding) {
    this.database = binding.tenant.database
    this[BINDING] = binding
  }

  get charset(): string | undefined {
    return this[BINDING].pool.settings?.charset
  }

  /** Knex's own: mysql2 does not know it. */
  get collate(): string | undefined {
    return (this[BINDING].pool.settings as { collate?: string } | undefined)?.collate
  }
}

/** What a client of a tenant has as its `connectionSettings`. */
export function tenantSettings(binding: Binding): object {
  return new TenantSettings(binding)
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
